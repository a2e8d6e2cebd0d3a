import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import { partitionOf } from "../../server/src/ingest/index.ts";
import type { Log, NewRecord } from "../../server/src/log/index.ts";
import { ensureTopics, loadStreams, type Stream } from "../../server/src/streams/index.ts";

export const PARTITIONS = 2;
const START_MS = Date.parse("2026-01-01T00:00:00Z");

const streams = loadStreams(
  undefined,
  new Map([
    ["tweets", tweets],
    ["chain-events", chainEvents],
  ]),
  PARTITIONS,
);

export function streamNamed(name: "tweets" | "chain-events"): Stream {
  const stream = streams.get(name);
  if (stream === undefined) throw new Error(`there is no stream ${name}`);
  return stream;
}

/** A raw record and where it goes. */
export interface RawRecord {
  readonly partition: number;
  readonly record: NewRecord;
}

/** A seeded world's raw records: with deletions, repeats, reorgs, finality, and some that are wrong. */
export function rawWorld(stream: Stream, count: number, seed: number): readonly RawRecord[] {
  const records: RawRecord[] = [];
  const add = (value: unknown): void => {
    const { key, value: bytes } = stream.ingest.accept(value, { nowMs: START_MS });
    records.push({ partition: partitionOf(key, PARTITIONS), record: { key, value: bytes } });
  };
  const recent: unknown[] = [];
  for (const { raw } of stream.domain?.demo?.(seed, START_MS) ?? []) {
    add(raw);
    recent.push(raw);
    if (records.length % 11 === 0) add(recent[Math.max(0, recent.length - 5)]);
    if (records.length % 37 === 0) {
      const { partition } = records.at(-1) as RawRecord;
      records.push({ partition, record: { key: "x", value: Buffer.from("{ no JSON") } });
    }
    if (records.length >= count) break;
  }
  return records;
}

export async function ensureWorld(log: Log, stream: Stream): Promise<void> {
  await ensureTopics(log, stream, {});
}

/** Appends raw records in their order, some at once. */
export async function appendRaw(
  log: Log,
  stream: Stream,
  records: readonly RawRecord[],
): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const mine = records.filter((one) => one.partition === partition).map(({ record }) => record);
    if (mine.length > 0) await log.append(stream.ingestTopic, partition, mine);
  }
}
