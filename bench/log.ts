/**
 * The embedded log by itself: records a second that are appended durably, one, a hundred and a
 * thousand at a time, beside the disk's own flushes; how fast a partition is scanned; and how long
 * after the acknowledgement another process has a record, with six processes waiting, and what
 * waking them costs the writer.
 *
 * `node bench/log.ts [--seconds 3] [--waiters 6] [--dir a folder on the disk to measure]`
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type EmbeddedLog, logOptions, openEmbeddedLog } from "../server/src/log/index.ts";
import { defaultsOf } from "../server/src/option.ts";
import { machineLine } from "./harness/machine.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    waiters: { type: "string", default: "6" },
    dir: { type: "string", default: tmpdir() },
    // Of the processes that wait, which this program starts.
    wait: { type: "string" },
  },
});
const SECONDS = Number(values.seconds);
const VALUE = Buffer.alloc(300, "x");
const APPENDS_PER_SECOND = 1000;
const show = (rate: number): string => Math.round(rate).toLocaleString("en");
const openLog = (dataDir: string): Promise<EmbeddedLog> =>
  openEmbeddedLog({ dataDir, options: defaultsOf(logOptions), now: Date.now });

/** CPU of this process since a moment, in microseconds. */
function cpuMicros(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** Flushes a second of the bare disk, 4 KiB each: no log that is durable appends oftener. */
function flushRate(dataDir: string): number {
  const file = openSync(join(dataDir, "flushes"), "w");
  const page = Buffer.alloc(4096);
  const startMs = performance.now();
  let flushes = 0;
  for (; performance.now() - startMs < 1000; flushes++) {
    writeSync(file, page, 0, page.length, flushes * page.length);
    fdatasyncSync(file);
  }
  const rate = (flushes * 1000) / (performance.now() - startMs);
  closeSync(file);
  return rate;
}

async function appends(log: EmbeddedLog, batch: number, writers: number, flushes: number) {
  const topic = `batch-${batch}-${writers}`;
  await log.createTopic(topic, { partitions: 1 });
  const records = Array.from({ length: batch }, () => ({ key: "key", value: VALUE }));
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  let count = 0;
  const write = async (): Promise<void> => {
    while (performance.now() - startMs < SECONDS * 1000) {
      await log.append(topic, 0, records);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const seconds = (performance.now() - startMs) / 1000;
  const micros = cpuMicros(cpu) / (count * batch);
  const [head] = await log.heads(topic);
  if (head !== count * batch) throw new Error(`${head} records lie in ${topic}`);
  console.log(
    `append ${batch} at a time, ${writers} at once: ${show((count * batch) / seconds)} records/s durably, ${micros.toFixed(1)} µs of CPU each; ${(count / seconds / flushes).toFixed(2)} appends per flush of the bare disk`,
  );
  return topic;
}

async function scan(log: EmbeddedLog, topic: string): Promise<void> {
  const [head = 0] = await log.heads(topic);
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  let records = 0;
  for (let next = 0; next < head; ) {
    const read = await log.read(topic, 0, next, { recordsMax: 1000, bytesMax: 4 * 1024 * 1024 });
    records += read.records.length;
    next = read.next;
  }
  const seconds = (performance.now() - startMs) / 1000;
  if (records !== head) throw new Error(`${records} of ${head} were read`);
  console.log(
    `scan of ${show(records)} records of ${VALUE.length} bytes: ${show(records / seconds)} records/s, ${(cpuMicros(cpu) / records).toFixed(2)} µs of CPU each`,
  );
}

/** Appends single records at an even pace. @returns when each was acknowledged, in nanoseconds */
async function paced(log: EmbeddedLog, topic: string): Promise<{ acks: bigint[]; micros: number }> {
  const acks: bigint[] = [];
  const total = SECONDS * APPENDS_PER_SECOND;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  while (pending.length < total) {
    const due = Math.min(total, ((performance.now() - startMs) * APPENDS_PER_SECOND) / 1000);
    while (pending.length < due)
      pending.push(
        log.append(topic, 0, [{ key: null, value: VALUE }]).then(({ firstOffset }) => {
          acks[firstOffset] = process.hrtime.bigint();
        }),
      );
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  return { acks, micros: cpuMicros(cpu) / total };
}

/** The part of a process that waits: tells when it had each record. */
async function waitFor(dataDir: string): Promise<void> {
  const log = await openLog(dataDir);
  const seen: bigint[] = [];
  const total = SECONDS * APPENDS_PER_SECOND;
  process.send?.("ready");
  const cpu = process.cpuUsage();
  let wakes = 0;
  while (seen.length < total) {
    await log.waitForMore("woken", [seen.length], AbortSignal.timeout(60_000));
    wakes += 1;
    const limits = { recordsMax: 1000, bytesMax: 4 * 1024 * 1024 };
    const { records } = await log.read("woken", 0, seen.length, limits);
    for (const { offset } of records) seen[offset] = process.hrtime.bigint();
  }
  process.send?.({ seen, wakes, micros: cpuMicros(cpu) / total });
  await log[Symbol.asyncDispose]();
  process.disconnect();
}

async function wakes(log: EmbeddedLog, dataDir: string): Promise<void> {
  await log.createTopic("alone", { partitions: 1 });
  await log.createTopic("woken", { partitions: 1 });
  const alone = await paced(log, "alone");
  const flags = ["--wait", dataDir, "--seconds", String(SECONDS)];
  const options = { serialization: "advanced" as const };
  const children: ChildProcess[] = Array.from({ length: Number(values.waiters) }, () =>
    fork(import.meta.filename, flags, options),
  );
  await Promise.all(children.map((child) => once(child, "message")));
  const told = children.map((child) => once(child, "message"));
  const { acks, micros } = await paced(log, "woken");
  const latenciesMs: number[] = [];
  const costs: string[] = [];
  for (const [message] of await Promise.all(told)) {
    const {
      seen,
      wakes: times,
      micros: cost,
    } = message as {
      seen: bigint[];
      wakes: number;
      micros: number;
    };
    for (const [offset, at] of seen.entries())
      latenciesMs.push(Number(at - (acks[offset] ?? at)) / 1e6);
    costs.push(`${cost.toFixed(0)} µs (${times} wakes)`);
  }
  latenciesMs.sort((a, b) => a - b);
  const at = (part: number): string => percentile(latenciesMs, part).toFixed(2);
  console.log(
    `${APPENDS_PER_SECOND} appends/s to ${children.length} processes that wait: read there ${at(0.5)} ms after the acknowledgement (median; p99 ${at(0.99)}, at most ${at(1)}); the writer's CPU ${micros.toFixed(0)} µs an append, ${alone.micros.toFixed(0)} with nobody there; a reader's ${costs[0]}`,
  );
}

if (values.wait !== undefined) {
  await waitFor(values.wait);
} else {
  const dataDir = await mkdtemp(join(values.dir, "penstock-bench-"));
  try {
    const log = await openLog(dataDir);
    const flushes = flushRate(dataDir);
    console.log(`${machineLine()}; the bare disk flushes ${show(flushes)} times a second`);
    await appends(log, 1, 1, flushes);
    await appends(log, 1, 64, flushes);
    await appends(log, 100, 1, flushes);
    await scan(log, await appends(log, 1000, 1, flushes));
    await wakes(log, dataDir);
    await log[Symbol.asyncDispose]();
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}
