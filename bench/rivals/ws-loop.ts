/** What most home-made gateways do: `ws`, and a loop over its clients with a `send` for each event. */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { onCommands, sayPort } from "../baselines/commands.ts";
import { withSerial } from "../harness/bench-event.ts";

const event = process.env.BENCH_EVENT ?? "";
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, backlog: 4096 });
sockets.on("connection", (socket) => socket.on("error", () => socket.terminate()));
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => sayPort(server));

onCommands((events, serial) => {
  for (let at = 0; at < events; at++) {
    const text = withSerial(event, serial + at);
    for (const client of sockets.clients) client.send(text);
  }
});
