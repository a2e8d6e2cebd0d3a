/**
 * The bare loop of Node: accepts sockets, and writes one shared buffer to each of them whenever it is
 * told to. Nothing is decided, matched or encoded but the serials of the frames.
 */
import { createServer, type Socket } from "node:net";
import { SERIAL_DIGITS, SERIAL_MARK } from "../harness/bench-event.ts";
import { serverFrame } from "../harness/frame-reader.ts";
import { onCommands, sayPort } from "./commands.ts";

const frame = serverFrame(Buffer.from(process.env.BENCH_EVENT ?? ""));
const serialAt = frame.indexOf(SERIAL_MARK) + SERIAL_MARK.length;
const sockets = new Set<Socket>();
const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("close", () => sockets.delete(socket));
  socket.resume();
  sockets.add(socket);
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => sayPort(server));

onCommands((events, serial) => {
  const frames = Buffer.alloc(frame.length * events);
  for (let at = 0; at < events; at++) {
    frame.copy(frames, at * frame.length);
    const digits = String(serial + at).padStart(SERIAL_DIGITS, "0");
    frames.write(digits, at * frame.length + serialAt, "latin1");
  }
  for (const socket of sockets) socket.write(frames);
});
