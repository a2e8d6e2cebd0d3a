import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Where Node keeps a socket's timer (`kTimeout` in `lib/internal/timers.js`); undefined where it is not as known. */
const TIMER = Object.getOwnPropertySymbols(new Socket()).find(
  ({ description }) => description === "timeout",
);

/**
 * Takes the server's bound of silence off a socket whose stream has pings of its own. Node would stop
 * the timer and keep it, which is 240 bytes of each client.
 */
export function dropTimeout(socket: Duplex): void {
  if (!(socket instanceof Socket)) return;
  socket.setTimeout(0);
  if (TIMER !== undefined) (socket as unknown as Record<symbol, unknown>)[TIMER] = null;
}
