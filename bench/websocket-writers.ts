/**
 * The writing side of `websocket-write.ts`: sockets of two kinds in one process, each of which gets
 * the same frame in every round. CPU is counted for each kind from the first write of a round until
 * the reader has everything.
 */
import { createServer, type Socket } from "node:net";
import type { Delivery, Outlet } from "../server/src/deliver/index.ts";
import { defaultsOf } from "../server/src/option.ts";
import { CoarseClock } from "../server/src/transports/coarse-clock.ts";
import { websocketEncoding } from "../server/src/transports/encodings.ts";
import { transportOptions } from "../server/src/transports/options.ts";
import { WebSocketConnection } from "../server/src/transports/websocket/connection.ts";

const FRAME = websocketEncoding.event("x".repeat(296));
const REF = { place: () => undefined };

/** As much of an engine as a connection needs that nobody subscribes on. */
const delivery = {
  connections: new Set(),
  closed: () => undefined,
  options: {},
} as unknown as Delivery;
const shared = {
  delivery,
  options: defaultsOf(transportOptions),
  clock: new CoarseClock(1000),
};
const grant = { clientId: "bench", limits: {} } as never;

const bare: Socket[] = [];
const outlets: Outlet[] = [];

const kinds: Record<string, () => number> = {
  bare: () => {
    for (const socket of bare) socket.write(FRAME);
    return bare.length;
  },
  "room() and write()": () => {
    let written = 0;
    for (const outlet of outlets) {
      if (outlet.room() < FRAME.length) continue;
      outlet.write(FRAME, REF);
      written += 1;
    }
    return written;
  },
};

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.once("data", (kind) => {
    if (String(kind) === "bare") {
      bare.push(socket);
      socket.on("data", () => undefined);
    } else {
      const init = { socket, grant, encoding: websocketEncoding, compression: false };
      outlets.push(new WebSocketConnection(shared, init));
    }
    socket.write("!");
  });
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  process.send?.({ port: (server.address() as { port: number }).port, frame: FRAME.length });
});

let before = process.cpuUsage();
process.on("message", (kind: string) => {
  if (kind === "done") {
    const { user, system } = process.cpuUsage(before);
    process.send?.({ micros: user + system });
    return;
  }
  before = process.cpuUsage();
  process.send?.({ written: kinds[kind]?.() ?? 0 });
});
process.send?.({ kinds: Object.keys(kinds) });
