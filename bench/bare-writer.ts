/**
 * The rival of the delivery benchmark: accepts sockets, and writes one shared buffer to each of them
 * whenever it is told to. Nothing is decided, matched or framed.
 */
import { createServer, type Socket } from "node:net";

const sockets = new Set<Socket>();
const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => sockets.delete(socket));
  sockets.add(socket);
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  process.send?.({ port: (server.address() as { port: number }).port });
});
process.on("message", ({ bytes }: { readonly bytes: number }) => {
  const buffer = Buffer.alloc(bytes, "x");
  for (const socket of sockets) socket.write(buffer);
  process.send?.({ written: sockets.size });
});
