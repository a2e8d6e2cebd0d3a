import { compareSources, type Source } from "@penstock-dev/contract";
import type { Log, LogRecord } from "../../server/src/log/index.ts";
import { type Stream, sourceOf } from "../../server/src/streams/index.ts";

/** All records of one partition of a topic. */
export async function recordsOf(
  log: Log,
  topic: string,
  partition: number,
): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  const head = (await log.heads(topic))[partition] ?? 0;
  for (let next = (await log.floors(topic))[partition] ?? 0; next < head; ) {
    const read = await log.read(topic, partition, next, { recordsMax: 1000, bytesMax: 1e8 });
    records.push(...read.records);
    next = read.next;
  }
  return records;
}

/** What a topic tells whoever reads it, byte for byte but for its offsets and times. */
export interface Told {
  readonly lines: readonly string[];
  /** Records that a reader passes over, since their source is not beyond the last one seen. */
  readonly repeats: number;
  /** The last source of each partition, of progress records too. */
  readonly last: readonly (Source | undefined)[];
}

export async function toldBy(log: Log, topic: string): Promise<Told> {
  const lines: string[] = [];
  const last: (Source | undefined)[] = [];
  let repeats = 0;
  const { partitions } = await log.describe(topic);
  for (let partition = 0; partition < partitions; partition++) {
    for (const record of await recordsOf(log, topic, partition)) {
      const source = sourceOf(record);
      const seen = last[partition];
      if (source === undefined) throw new Error(`a record of ${topic} has no source`);
      if (seen !== undefined && compareSources(source, seen) <= 0) {
        repeats += 1;
        continue;
      }
      last[partition] = source;
      if (record.value.length === 0) continue;
      const { routes = "" } = record.headers;
      lines.push(
        `${partition} ${record.headers.source} ${record.key} ${Buffer.from(record.value)} ${routes}`,
      );
    }
  }
  return { lines, repeats, last };
}

/** The topics that a processor writes. */
export function outputsOf(stream: Stream): readonly string[] {
  return [stream.tombstoneTopic, stream.topic, stream.finalTopic].filter(
    (topic) => topic !== undefined,
  );
}

/** What all outputs of a stream tell, by topic. */
export async function everythingTold(
  log: Log,
  stream: Stream,
): Promise<Readonly<Record<string, Told>>> {
  const told: Record<string, Told> = {};
  for (const topic of outputsOf(stream)) told[topic] = await toldBy(log, topic);
  return told;
}

/** Resolves once every output says that all raw records were processed. */
export async function processed(log: Log, stream: Stream): Promise<void> {
  for (;;) {
    const heads = await log.heads(stream.ingestTopic);
    let behind = false;
    for (const topic of outputsOf(stream)) {
      const { last } = await toldBy(log, topic);
      behind ||= heads.some((head, partition) => head > 0 && last[partition]?.offset !== head - 1);
    }
    if (!behind) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
