/**
 * What idle WebSockets are compared with: `node websocket-servers.ts tcp|upgraded|ws`. Each takes
 * whatever comes and keeps it; the port is told on standard output.
 */
import { createHash } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { WebSocketServer } from "ws";

const accept = (key: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${createHash(
    "sha1",
  )
    .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64")}\r\n\r\n`;
const nothing = (): void => undefined;

const servers: Record<string, () => Server> = {
  tcp: () =>
    createServer((socket) => {
      socket.once("data", () => socket.on("data", nothing));
      socket.write(accept(""));
    }),
  upgraded: () => {
    const server = createHttpServer();
    server.on("upgrade", (request, socket) => {
      if ("setTimeout" in socket) (socket as { setTimeout(ms: number): void }).setTimeout(0);
      socket.on("data", nothing);
      socket.write(accept(request.headers["sec-websocket-key"] ?? ""));
    });
    return server;
  },
  ws: () => {
    const server = createHttpServer();
    const websockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      clientTracking: false,
    });
    server.on("upgrade", (request, socket, head) => {
      websockets.handleUpgrade(request, socket, head, (websocket) => {
        websocket.on("message", nothing);
        websocket.on("pong", nothing);
      });
    });
    return server;
  },
};

const make = servers[process.argv[2] ?? ""];
if (make === undefined) throw new Error(`one of ${Object.keys(servers).join(", ")}`);
const server = make();
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  console.log((server.address() as AddressInfo).port);
});
