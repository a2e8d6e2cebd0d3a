/** Socket.IO over WebSocket alone, emitting each event to everybody. */
import { createServer } from "node:http";
import { Server } from "socket.io";
import { onCommands, sayPort } from "../baselines/commands.ts";
import { withSerial } from "../harness/bench-event.ts";

const event = process.env.BENCH_EVENT ?? "";
const server = createServer();
const sockets = new Server(server, { transports: ["websocket"], pingInterval: 3_600_000 });
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => sayPort(server));

onCommands((events, serial) => {
  // The event is an object, as applications emit it: it is encoded once for all clients of a room.
  for (let at = 0; at < events; at++)
    sockets.emit("event", JSON.parse(withSerial(event, serial + at)));
});
