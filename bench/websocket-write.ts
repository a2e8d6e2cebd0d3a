/**
 * The price of handing one frame of 300 bytes to each of a thousand sockets, through the WebSocket's
 * `room()` and `write()` with its pings, beside a bare `socket.write` in the same process. Kinds take
 * turns round by round, so that what else the machine does meets both alike.
 *
 * `node bench/websocket-write.ts [--rounds 300] [--prof]`
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineLine } from "./harness/machine.ts";

const SOCKETS = 1000;
const WARM_UP = 50;
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "300" },
    prof: { type: "boolean", default: false },
  },
});
const ROUNDS = Number(values.rounds);

const execArgv = values.prof ? ["--cpu-prof", "--cpu-prof-dir=/tmp/websocket-write"] : [];
const child = fork(join(import.meta.dirname, "websocket-writers.ts"), { execArgv });
const [{ kinds }] = (await once(child, "message")) as [{ kinds: string[] }];
const [{ port, frame }] = (await once(child, "message")) as [{ port: number; frame: number }];

const got = { bytes: 0 };
/** Counts frames; a ping is the only thing of another length, and is answered. */
function take(socket: Socket, chunk: Buffer): void {
  let at = 0;
  while (at < chunk.length) {
    if (chunk[at] === 0x89) {
      const length = chunk[at + 1] ?? 0;
      const pong = Buffer.from([0x8a, 0x80 | length, 0, 0, 0, 0]);
      socket.write(Buffer.concat([pong, chunk.subarray(at + 2, at + 2 + length)]));
      at += 2 + length;
    } else {
      if (chunk[at] !== 0x81 || at + frame > chunk.length) throw new Error("a frame was cut");
      at += frame;
      got.bytes += frame;
    }
  }
}

const sockets: Socket[] = [];
for (const kind of kinds) {
  for (let made = 0; made < SOCKETS; made++) {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.write(kind === "bare" ? "bare" : kind);
    await once(socket, "data");
    socket.on("data", (chunk) => take(socket, chunk));
  }
}
console.log(machineLine());
const micros: Record<string, number[]> = Object.fromEntries(kinds.map((kind) => [kind, []]));
for (let round = 0; round < ROUNDS + WARM_UP; round++) {
  for (const kind of kinds) {
    got.bytes = 0;
    child.send(kind);
    const [{ written }] = (await once(child, "message")) as [{ written: number }];
    if (written !== SOCKETS) throw new Error(`${written} of ${SOCKETS} had room`);
    while (got.bytes < SOCKETS * frame) await new Promise((resolve) => setImmediate(resolve));
    child.send("done");
    const [told] = (await once(child, "message")) as [{ micros: number }];
    if (round >= WARM_UP) micros[kind]?.push(told.micros / SOCKETS);
  }
}
const median = (list: number[]): number => list.sort((a, b) => a - b)[list.length >> 1] ?? 0;
const mean = (list: number[]): number => list.reduce((sum, one) => sum + one, 0) / list.length;
const base = micros.bare ?? [];
for (const [kind, list] of Object.entries(micros)) {
  console.log(
    `${kind}: ${median(list).toFixed(2)} µs of CPU a write (median), ${mean(list).toFixed(2)} (mean); ratio ${(median(list) / median(base)).toFixed(2)} and ${(mean(list) / mean(base)).toFixed(2)}`,
  );
}
for (const socket of sockets) socket.destroy();
child.disconnect();
child.kill("SIGINT");
