/**
 * What permessage-deflate costs the server and saves on the line: a thousand clients of one filter
 * that offer it, and a thousand of another that do not, get single events in turn. CPU is that of the
 * whole server, ingestion and processing included.
 *
 * `node bench/websocket-compression.ts [--rounds 150]`
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineLine } from "./harness/machine.ts";
import { cpuMicros } from "./harness/process-cost.ts";

const SOCKETS = 1000;
const WARM_UP = 20;
const PORT = 18_433;
const URL_ = `http://127.0.0.1:${PORT}`;
const { values } = parseArgs({ options: { rounds: { type: "string", default: "150" } } });
const ROUNDS = Number(values.rounds);

const dataDir = await mkdtemp(join(tmpdir(), "penstock-bench-"));
const program = join(import.meta.dirname, "../server/bin/penstock.js");
const flags = ["--data-dir", dataDir, "--port", String(PORT), "--admin-port", "0"];
const server = spawn(process.execPath, [program, "serve", ...flags, "--log-level", "error"], {
  stdio: ["ignore", "ignore", "inherit"],
});
const pid = server.pid as number;

/** A kind of client, and what all of its sockets got. */
class Kind {
  readonly name: string;
  readonly extension: string;
  bytes = 0;
  events = 0;
  cpuMs = 0;
  readonly #sockets: Socket[] = [];

  constructor(name: string, extension: string) {
    this.name = name;
    this.extension = extension;
  }

  async open(): Promise<void> {
    const socket = connect(PORT, "127.0.0.1");
    socket.write(
      `GET /v1/tweets/live?hashtags=${this.name} HTTP/1.1\r\nhost: 127.0.0.1:${PORT}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${this.extension}\r\n`,
    );
    await once(socket, "data");
    await new Promise((resolve) => setTimeout(resolve, 300));
    socket.on("data", (chunk) => this.#take(socket, chunk));
    this.#sockets.push(socket);
  }

  /** Events are the frames of more than 190 bytes; pings are answered. */
  #take(socket: Socket, chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const short = chunk[at + 1] ?? 0;
      const length = short === 126 ? chunk.readUInt16BE(at + 2) : short;
      const head = short === 126 ? 4 : 2;
      if (short > 126 || at + head + length > chunk.length) throw new Error("a frame was cut");
      if (chunk[at] === 0x89) {
        const pong = Buffer.from([0x8a, 0x80 | length, 0, 0, 0, 0]);
        socket.write(Buffer.concat([pong, chunk.subarray(at + 2, at + 2 + length)]));
      } else if (length > 190) {
        this.events += 1;
        this.bytes += head + length;
      }
      at += head + length;
    }
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

let serial = 0;
async function publish(tag: string): Promise<void> {
  serial += 1;
  const text = `A post of usual length, number ${serial}, about what moves today, and so on, and so on #${tag}`;
  const post = { id: `b${serial}`, user_id: `author${serial % 5}`, text };
  const response = await fetch(`${URL_}/v1/ingest/tweets`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(post),
  });
  await response.text();
}

const kinds = [
  new Kind("plain", ""),
  new Kind("small", "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n"),
];
try {
  while ((await fetch(`${URL_}/readyz`).catch(() => undefined))?.ok !== true) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const kind of kinds) {
    for (let made = 0; made < SOCKETS; made += 100) {
      await Promise.all(Array.from({ length: 100 }, () => kind.open()));
    }
  }
  console.log(machineLine());
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const kind of kinds) {
      if (round === 0) {
        kind.bytes = 0;
        kind.events = 0;
        kind.cpuMs = 0;
      }
      const wanted = kind.events + SOCKETS;
      const cpuMs = cpuMicros([pid]) / 1000;
      await publish(kind.name);
      while (kind.events < wanted) await new Promise((resolve) => setTimeout(resolve, 1));
      kind.cpuMs += cpuMicros([pid]) / 1000 - cpuMs;
    }
  }
  const [plain, small] = kinds as [Kind, Kind];
  for (const { name, events, bytes, cpuMs } of kinds) {
    if (events !== ROUNDS * SOCKETS) throw new Error(`${events} events came`);
    console.log(
      `${name}: ${(bytes / events).toFixed(0)} bytes an event, ${((cpuMs * 1000) / events).toFixed(2)} µs of CPU a delivery`,
    );
  }
  console.log(
    `compressed to plain: bytes ${(small.bytes / plain.bytes).toFixed(2)}, CPU ${(small.cpuMs / plain.cpuMs).toFixed(2)}`,
  );
} finally {
  for (const kind of kinds) kind.close();
  server.kill();
  await once(server, "exit");
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
}
