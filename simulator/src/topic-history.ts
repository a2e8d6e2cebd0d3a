import { compareSources, parseSource, type Source } from "@penstock-dev/contract";
import type { Log } from "../../server/src/log/index.ts";
import type { LogEntry } from "./log-entry.ts";

/** Everything that a topic holds, by partition and offset: what the judge holds clients against. */
export class TopicHistory {
  /** By partition, in the order of the offsets. */
  readonly partitions: readonly LogEntry[][];
  readonly #byPosition = new Map<string, LogEntry>();

  constructor(partitions: readonly LogEntry[][]) {
    this.partitions = partitions;
    for (const entries of partitions) {
      for (const entry of entries)
        this.#byPosition.set(`${entry.partition}:${entry.offset}`, entry);
    }
  }

  at(position: string): LogEntry | undefined {
    return this.#byPosition.get(position);
  }

  *entries(): Iterable<LogEntry> {
    for (const entries of this.partitions) yield* entries;
  }
}

/** Reads a whole topic, and passes over its repeats by the one rule that there is for readers. */
export async function readTopic(log: Log, topic: string): Promise<TopicHistory> {
  const heads = await log.heads(topic);
  const floors = await log.floors(topic);
  const partitions: LogEntry[][] = [];
  for (const [partition, head] of heads.entries()) {
    const entries: LogEntry[] = [];
    const originals = new Map<string, LogEntry>();
    let last: Source | undefined;
    let next = floors[partition] ?? 0;
    while (next < head) {
      const read = await log.read(topic, partition, next, {
        recordsMax: 5000,
        bytesMax: 8_388_608,
      });
      for (const record of read.records) {
        const source = parseSource(record.headers.source ?? "");
        if (source !== undefined) {
          if (last !== undefined && compareSources(source, last) <= 0) continue;
          last = source;
        }
        if (record.value.length === 0) continue;
        entries.push(entryOf(record, partition, originals));
      }
      if (read.next <= next) break;
      next = read.next;
    }
    partitions.push(entries);
  }
  return new TopicHistory(partitions);
}

function entryOf(
  record: {
    readonly offset: number;
    readonly timestampMs: number;
    readonly value: Uint8Array;
  },
  partition: number,
  originals: Map<string, LogEntry>,
): LogEntry {
  const body = JSON.parse(Buffer.from(record.value).toString()) as { [member: string]: unknown };
  const { event_type, id, removed, ...rest } = body as {
    event_type: string;
    id: string;
    removed?: boolean;
  };
  const [noun, payload] = Object.entries(rest)[0] as [string, { [member: string]: unknown }];
  const content = `${String(payload.user_id)}\n${id}`;
  const isDeletion = event_type === "delete";
  const original = isDeletion ? originals.get(content) : undefined;
  if (original !== undefined) original.isDeletedLater = true;
  const entry: LogEntry = {
    partition,
    offset: record.offset,
    at: record.timestampMs,
    eventType: event_type,
    id,
    removed: removed === true,
    noun,
    payload,
    broadcast:
      event_type === "reorg" ? { field: "chain", value: String(payload.chain) } : undefined,
    onRequest: event_type === "final",
    isDeletion,
    original,
    isDeletedLater: false,
  };
  if (noun === "tweet" && !isDeletion) originals.set(content, entry);
  return entry;
}
