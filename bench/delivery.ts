/**
 * CPU per delivery with a thousand sockets, one event a write and ten, beside a bare loop of
 * `socket.write` over as many bytes in the same run; then the time from publish to receipt at a
 * thousand events a second, and the memory of idle connections.
 *
 * `node bench/delivery.ts [--idle 10000]`
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { machine, processCpuMs, processResidentBytes } from "./process-cpu.ts";

const SOCKETS = 1000;
const ROUNDS = 150;
const PORT = 18_431;
const URL_ = `http://127.0.0.1:${PORT}`;
const { values } = parseArgs({ options: { idle: { type: "string", default: "10000" } } });

const dataDir = await mkdtemp(join(tmpdir(), "penstock-bench-"));
const program = join(import.meta.dirname, "../server/bin/penstock.js");
const flags = ["--data-dir", dataDir, "--port", String(PORT), "--admin-port", "0"];
const server = spawn(process.execPath, [program, "serve", ...flags, "--log-level", "error"], {
  stdio: ["ignore", "ignore", "inherit"],
});
const pid = server.pid as number;

/** Counts what all sockets got, and calls back when it is so much. */
class Tally {
  count = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached: () => void = () => undefined;

  add(): void {
    this.count += 1;
    if (this.count >= this.#wanted) this.#reached();
  }

  async reach(wanted: number): Promise<void> {
    if (this.count >= wanted) return;
    this.#wanted = wanted;
    await new Promise<void>((resolve) => {
      this.#reached = resolve;
    });
  }
}

async function publish(lines: readonly object[]): Promise<void> {
  const response = await fetch(`${URL_}/v1/ingest/tweets`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  });
  await response.text();
}

let serial = 0;
function post(): object {
  serial += 1;
  const text = `A post of usual length, number ${serial}, about what moves today #bench ${"and so on ".repeat(9)}`;
  return { id: `b${serial}`, user_id: `author${serial % 5}`, text };
}

async function deliveries(perWrite: number, tally: Tally, bytes: { count: number }) {
  await publish([post()]);
  await tally.reach(tally.count + 0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = { cpu: processCpuMs(pid), count: tally.count, bytes: bytes.count };
  for (let round = 0; round < ROUNDS; round++) {
    const wanted = tally.count + perWrite * SOCKETS;
    await publish(Array.from({ length: perWrite }, post));
    await tally.reach(wanted);
  }
  const events = tally.count - before.count;
  const cpuMs = processCpuMs(pid) - before.cpu;
  const bytesPerWrite = ((bytes.count - before.bytes) / events) * perWrite;
  return { microseconds: (cpuMs * 1000) / events, bytesPerWrite };
}

async function bare(perWrite: number, bytesPerWrite: number): Promise<number> {
  const child = fork(join(import.meta.dirname, "bare-writer.ts"));
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const sockets = await Promise.all(
    Array.from({ length: SOCKETS }, async () => {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    }),
  );
  const got = { bytes: 0 };
  for (const socket of sockets) socket.on("data", (chunk) => (got.bytes += chunk.length));
  const roundBytes = Math.round(bytesPerWrite);
  const before = processCpuMs(child.pid as number);
  for (let round = 0; round < ROUNDS; round++) {
    const wanted = got.bytes + roundBytes * SOCKETS;
    child.send({ bytes: roundBytes });
    while (got.bytes < wanted) await new Promise((resolve) => setImmediate(resolve));
  }
  const cpuMs = processCpuMs(child.pid as number) - before;
  await end(child, sockets);
  return (cpuMs * 1000) / (ROUNDS * SOCKETS * perWrite);
}

async function end(child: ChildProcess, sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy();
  child.kill();
  await once(child, "exit");
}

async function ready(): Promise<void> {
  for (;;) {
    const response = await fetch(`${URL_}/readyz`).catch(() => undefined);
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function open(path: string, message: (text: string) => void): Promise<WebSocket> {
  const socket = new WebSocket(`${URL_.replace("http", "ws")}${path}`);
  const subscribed = Promise.withResolvers<void>();
  socket.on("message", (data) => {
    const text = String(data);
    if (text.startsWith('{"type":"subscribed"')) subscribed.resolve();
    message(text);
  });
  socket.on("error", subscribed.reject);
  await subscribed.promise;
  return socket;
}

async function latency(): Promise<{ p50: number; p99: number }> {
  const sentAt = new Map<string, number>();
  const times: number[] = [];
  const socket = await open("/v1/tweets/live?hashtags=latency", (text) => {
    const id = /"id":"(l\d+)"/.exec(text)?.[1];
    const sent = id === undefined ? undefined : sentAt.get(id);
    if (sent !== undefined) times.push(performance.now() - sent);
  });
  const startMs = performance.now();
  const answers: Promise<void>[] = [];
  for (let number = 0; number < 5000; ) {
    const due = Math.min(5000, Math.floor(performance.now() - startMs));
    const batch: object[] = [];
    for (; number < due; number++) {
      sentAt.set(`l${number}`, performance.now());
      batch.push({ id: `l${number}`, user_id: `u${number % 50}`, text: "how long #latency" });
    }
    if (batch.length > 0) answers.push(publish(batch));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(answers);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  socket.terminate();
  times.sort((a, b) => a - b);
  if (times.length !== 5000) throw new Error(`${times.length} of 5000 events came`);
  const at = (part: number): number => times[Math.floor(times.length * part)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

try {
  await ready();
  console.log(machine());
  const tally = new Tally();
  const bytes = { count: 0 };
  const sockets: WebSocket[] = [];
  for (let made = 0; made < SOCKETS; made += 100) {
    const some = Array.from({ length: 100 }, () =>
      open("/v1/tweets/live?hashtags=bench", (text) => {
        if (!text.startsWith('{"event_type"')) return;
        bytes.count += text.length + 4;
        tally.add();
      }),
    );
    sockets.push(...(await Promise.all(some)));
  }
  for (const perWrite of [1, 10]) {
    const ours = await deliveries(perWrite, tally, bytes);
    const rival = await bare(perWrite, ours.bytesPerWrite);
    console.log(
      `${perWrite} event(s) a write: ${ours.microseconds.toFixed(2)} µs of CPU a delivery; bare socket.write ${rival.toFixed(2)} µs; ratio ${(ours.microseconds / rival).toFixed(2)}`,
    );
  }
  for (const socket of sockets) socket.terminate();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { p50, p99 } = await latency();
  console.log(
    `publish to receipt at 1,000 events/s: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
  );
  const idle = Number(values.idle);
  const before = processResidentBytes(pid);
  const idlers: WebSocket[] = [];
  for (let made = 0; made < idle; made += 200) {
    const some = Array.from({ length: Math.min(200, idle - made) }, (_, number) =>
      open(`/v1/tweets/live?user_ids=idle${(made + number) % 100}`, () => undefined),
    );
    idlers.push(...(await Promise.all(some)));
  }
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const each = (processResidentBytes(pid) - before) / idle;
  console.log(`${idle} idle connections: ${(each / 1024).toFixed(1)} KiB of resident memory each`);
  for (const socket of idlers) socket.terminate();
} finally {
  server.kill();
  await once(server, "exit");
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
}
