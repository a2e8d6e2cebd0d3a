/**
 * Raw records processed from a log on disk to a log on disk: posts, and whole Ethereum blocks with
 * their receipts, in one process and one partition. The baseline reads the same records, parses and
 * encodes each once, and appends as many bytes.
 */
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import type { Log, NewRecord } from "../../server/src/log/index.ts";
import { temporaryLog } from "../../server/src/log/temporary-log.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { processOptions, startProcessor } from "../../server/src/process/index.ts";
import { ensureTopics, loadStreams, type Stream } from "../../server/src/streams/index.ts";
import { rawBlocks, rawPosts } from "../harness/raw-records.ts";
import type { Bench, Figure, Outcome, Scenario } from "../harness/scenario.ts";
import { figure, spreadFigure } from "../harness/scenario.ts";
import { ratio, spread } from "../harness/statistics.ts";

const COPY = "bench.copy";
const BATCH = 1000;

interface Cost {
  readonly cpuMicros: number;
  readonly seconds: number;
}

async function measured(work: () => Promise<void>): Promise<Cost> {
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMicros: user + system, seconds: (performance.now() - startMs) / 1000 };
}

async function processAll(log: Log, stream: Stream): Promise<void> {
  const processor = startProcessor({
    log,
    stream,
    options: defaultsOf(processOptions),
    now: Date.now,
    report: ({ kind, reason }) => {
      throw new Error(`${kind}: ${reason}`);
    },
  });
  if (processor === undefined) throw new Error(`${stream.name} has no process`);
  // Lag falls when a batch is flushed: what it says is done is on disk.
  while ((await processor.lag()).some((lag) => lag > 0))
    await new Promise((resolve) => setTimeout(resolve, 1));
  await processor[Symbol.asyncDispose]();
}

async function copyAll(log: Log, topic: string): Promise<void> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const limits = { recordsMax: BATCH, bytesMax: 1 << 24 };
  for (let from = 0; ; ) {
    const { records, next } = await log.read(topic, 0, from, limits);
    if (records.length === 0) return;
    const copies = records.map(({ key, value }) => {
      const text = JSON.stringify(JSON.parse(decoder.decode(value)));
      return { key, value: encoder.encode(text) };
    });
    await log.append(COPY, 0, copies);
    from = next;
  }
}

async function round(stream: Stream, records: readonly NewRecord[]) {
  await using made = await temporaryLog();
  const { log } = made;
  await ensureTopics(log, stream, {});
  await log.createTopic(COPY, { partitions: 1 });
  for (let at = 0; at < records.length; at += 50)
    await log.append(stream.ingestTopic, 0, records.slice(at, at + 50));
  const copied = await measured(() => copyAll(log, stream.ingestTopic));
  const processed = await measured(() => processAll(log, stream));
  const [events = 0] = await log.heads(stream.topic);
  if (events < records.length * 0.9) throw new Error(`${events} events of ${records.length}`);
  return { copied, processed, events };
}

async function run(bench: Bench): Promise<Outcome> {
  const domains = new Map([
    ["tweets", tweets],
    ["chain-events", chainEvents],
  ]);
  const streams = loadStreams(undefined, domains, 1);
  const figures: Figure[] = [];
  for (const [name, raw] of [
    ["tweets", rawPosts(bench.pick(40_000, 500))],
    ["chain-events", rawBlocks(bench.pick(300, 5))],
  ] as const) {
    const stream = streams.get(name);
    if (stream === undefined) throw new Error(`there is no stream ${name}`);
    const records = raw.map((value): NewRecord => stream.ingest.accept(value, { nowMs: 0 }));
    const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
    const rounds: Awaited<ReturnType<typeof round>>[] = [];
    for (let at = -1; at < bench.pick(3, 1); at++) {
      const one = await round(stream, records);
      if (at >= 0) rounds.push(one);
    }
    const micros = rounds.map(({ processed }) => processed.cpuMicros / records.length);
    const copies = rounds.map(({ copied }) => copied.cpuMicros / records.length);
    const rates = rounds.map(({ processed }) => records.length / processed.seconds);
    figures.push(
      spreadFigure(`${name}: raw records a second`, spread(rates), "/s"),
      figure(`${name}: bytes of a raw record`, bytes / records.length, "B"),
      figure(`${name}: events of a raw record`, (rounds[0]?.events ?? 0) / records.length, ""),
      spreadFigure(`${name}: CPU a raw record`, spread(micros), "µs"),
      spreadFigure(`${name}: the same against copying it`, ratio(micros, copies), "x"),
    );
  }
  return { figures, goals: [] };
}

export const processing: Scenario = {
  name: "process",
  title: "raw records to events, from disk to disk",
  run,
};
