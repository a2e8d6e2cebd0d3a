import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { decodeCursor, encodeCursor, PenstockError } from "@penstock-dev/contract";
import { type Database, open, type RootDatabase } from "lmdb";
import { EventTerms, type Filters, matches } from "../filter/index.ts";
import type { Log, LogRecord, ReadResult } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import type { Stream } from "../streams/index.ts";
import { eventBody } from "./event-body.ts";
import type { storeOptions } from "./options.ts";
import { TopicReader, type TopicRecord } from "./topic-reader.ts";

type RowKey = [topic: string, partition: number, offset: number];

/** A record as it is archived. */
interface Row {
  readonly at: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

/** How far the archive of a partition reaches: `[from, next)`. */
interface Extent {
  readonly from: number;
  readonly next: number;
}

/** What a query of history asks. */
export interface HistoryQuery {
  readonly limit: number;
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  /** The partition key. */
  readonly key: string | undefined;
  readonly cursor: string | undefined;
}

/**
 * What streams held, kept longer than the log, by position. It applies deletions itself: deleted
 * content is removed. Undone events stay for those who read by position, and are absent from queries.
 */
export class Archive implements AsyncDisposable {
  readonly #root: RootDatabase;
  readonly #rows: Database<Row, RowKey>;
  readonly #extents: Database<Extent, [string, number]>;
  /** Where content lies that may be deleted, and events that may be undone. */
  readonly #places: Database<RowKey, string[]>;
  readonly #log: Log;
  readonly #options: OptionValues<typeof storeOptions>;
  readonly #now: () => number;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(init: {
    readonly dataDir: string;
    readonly log: Log;
    readonly options: OptionValues<typeof storeOptions>;
    readonly now: () => number;
  }) {
    const path = join(init.dataDir, "archive");
    mkdirSync(path, { recursive: true });
    this.#root = open({ path, overlappingSync: false, noMemInit: true, maxDbs: 4 });
    this.#rows = this.#root.openDB({ name: "rows", encoding: "msgpack" });
    this.#extents = this.#root.openDB({ name: "extents", encoding: "json" });
    this.#places = this.#root.openDB({ name: "places", encoding: "json" });
    this.#log = init.log;
    this.#options = init.options;
    this.#now = init.now;
    this.#timer = setInterval(() => void this.retain(), 60_000);
    this.#timer.unref();
  }

  /** Begins to archive a stream, from where it stopped. */
  async follow(stream: Stream, failed: (caught: unknown) => void): Promise<void> {
    const floors = await this.#log.floors(stream.topic);
    const from = floors.map((floor, partition) => {
      const extent = this.#extents.get([stream.topic, partition]);
      return Math.max(floor, extent?.next ?? floor);
    });
    const reader = new TopicReader(this.#log, stream, from);
    const take = (batch: readonly TopicRecord[]) => this.#store(stream, batch);
    this.#running.push(reader.run(this.#abort.signal, take, failed));
  }

  async #store(stream: Stream, batch: readonly TopicRecord[]): Promise<void> {
    if (batch.length === 0) return;
    await this.#root.transaction(() => {
      for (const item of batch) this.#storeOne(stream, item);
      const first = batch[0] as TopicRecord;
      const last = batch.at(-1) as TopicRecord;
      const key: [string, number] = [stream.topic, first.partition];
      const known = this.#extents.get(key);
      const joins = known !== undefined && known.next >= first.record.offset;
      this.#extents.putSync(key, {
        from: joins ? known.from : first.record.offset,
        next: last.record.offset + 1,
      });
    });
  }

  #storeOne(stream: Stream, { partition, record, event }: TopicRecord): void {
    const key: RowKey = [stream.topic, partition, record.offset];
    if (event === undefined) return;
    const deletion = stream.eventTypes.get(event.event_type)?.deletion === true;
    if (deletion && event.contentKey !== undefined) {
      const placeKey = [stream.topic, "content", event.contentKey];
      const content = this.#places.get(placeKey);
      if (content !== undefined) {
        this.#rows.removeSync(content);
        this.#places.removeSync(placeKey);
      }
    } else if (event.contentKey !== undefined) {
      this.#places.putSync([stream.topic, "content", event.contentKey], key);
    }
    const undoable = stream.finalTopic !== undefined;
    if (undoable) {
      const placeKey = [stream.topic, "undone", event.id];
      if (event.removed === true) this.#places.putSync(placeKey, key);
      else this.#places.removeSync(placeKey);
    }
    this.#rows.putSync(key, {
      at: record.timestampMs,
      key: record.key,
      headers: record.headers,
      value: Buffer.from(record.value).toString(),
    });
  }

  /** By partition, the lowest offset that the archive can go on from without a hole to the log. */
  async floors(topic: string): Promise<readonly number[]> {
    const floors = await this.#log.floors(topic);
    return floors.map((floor, partition) => {
      const extent = this.#extents.get([topic, partition]);
      return extent !== undefined && extent.next >= floor ? Math.min(floor, extent.from) : floor;
    });
  }

  /** Reads as the log does. @throws PenstockError `cursor_too_old` below the floor */
  async read(
    topic: string,
    partition: number,
    from: number,
    limits: { readonly recordsMax: number; readonly bytesMax: number },
  ): Promise<ReadResult> {
    const extent = this.#extents.get([topic, partition]);
    if (extent === undefined || from < extent.from || from >= extent.next) {
      throw new PenstockError(
        "cursor_too_old",
        `Offset ${from} of ${topic} is not in the archive.`,
      );
    }
    const records: LogRecord[] = [];
    let bytes = 0;
    const range = {
      start: [topic, partition, from] as RowKey,
      end: [topic, partition, extent.next] as RowKey,
    };
    for (const { key, value } of this.#rows.getRange(range)) {
      if (
        records.length === limits.recordsMax ||
        (bytes >= limits.bytesMax && records.length > 0)
      ) {
        return { records, next: (records.at(-1) as LogRecord).offset + 1 };
      }
      records.push(recordOf(key[2], value));
      bytes += value.value.length;
    }
    return { records, next: extent.next };
  }

  /**
   * A page of what was, oldest first. Deletes, undos and what they take back are absent.
   *
   * @throws PenstockError the `cursor_…` codes
   */
  async query(
    stream: Stream,
    filters: Filters,
    query: HistoryQuery,
  ): Promise<{ bodies: readonly string[]; cursor: string; more: boolean }> {
    const info = await this.#log.describe(stream.topic);
    const offsets = await this.#start(stream, query, info.logId);
    const bodies: string[] = [];
    const rows = merge(
      offsets.map((from, partition) => this.#range(stream.topic, partition, from)),
    );
    let scanned = 0;
    let more = false;
    for (const { key, value } of rows) {
      const past = query.endMs !== undefined && value.at >= query.endMs;
      if (past) continue;
      if (bodies.length === query.limit || scanned === this.#options.scanRecordsMax) {
        more = true;
        break;
      }
      scanned += 1;
      const [, partition, offset] = key;
      offsets[partition] = offset + 1;
      if (query.key !== undefined && value.key !== query.key) continue;
      const body = this.#listed(stream, filters, partition, recordOf(offset, value));
      if (body !== undefined) bodies.push(body);
    }
    const partitions = new Map(offsets.map((offset, partition) => [partition, { offset }]));
    const cursor = encodeCursor({
      stream: stream.name,
      topic: stream.topic,
      logId: info.logId,
      generation: info.generation,
      partitions,
    });
    return { bodies, cursor, more };
  }

  #listed(
    stream: Stream,
    filters: Filters,
    partition: number,
    record: LogRecord,
  ): string | undefined {
    const decoded = stream.decode(record);
    if (decoded.kind !== "event" || decoded.event.removed === true) return undefined;
    const { event } = decoded;
    const type = stream.eventTypes.get(event.event_type);
    if (type?.deletion === true || type?.broadcast !== undefined) return undefined;
    if (matches(filters, new EventTerms(stream, event)) === undefined) return undefined;
    const undone =
      stream.finalTopic === undefined
        ? undefined
        : this.#places.get([stream.topic, "undone", event.id]);
    if (undone !== undefined && undone[2] > record.offset) return undefined;
    return eventBody(event, partition, record.offset, record.timestampMs);
  }

  async #start(stream: Stream, query: HistoryQuery, logId: string): Promise<number[]> {
    const { partitions } = await this.#log.describe(stream.topic);
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    if (query.cursor !== undefined) {
      const cursor = decodeCursor(query.cursor);
      if (
        cursor.stream !== stream.name ||
        cursor.topic !== stream.topic ||
        cursor.logId !== logId
      ) {
        throw new PenstockError("cursor_foreign", "The cursor belongs to another stream or log.");
      }
      return all.map((partition) => cursor.partitions.get(partition)?.offset ?? 0);
    }
    const { startMs } = query;
    if (startMs === undefined) return all.map(() => 0);
    return all.map((partition) => this.#offsetAt(stream.topic, partition, startMs));
  }

  /** The first archived offset at or after a time. */
  #offsetAt(topic: string, partition: number, timeMs: number): number {
    const extent = this.#extents.get([topic, partition]);
    let low = extent?.from ?? 0;
    let high = extent?.next ?? 0;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [row] = [
        ...this.#rows.getRange({
          start: [topic, partition, middle],
          end: [topic, partition, high],
          limit: 1,
        }),
      ];
      if (row === undefined || row.value.at >= timeMs) high = middle;
      else low = row.key[2] + 1;
    }
    return low;
  }

  #range(topic: string, partition: number, from: number): Iterator<{ key: RowKey; value: Row }> {
    const range = {
      start: [topic, partition, from] as RowKey,
      end: [topic, partition, Number.MAX_SAFE_INTEGER] as RowKey,
    };
    return this.#rows.getRange(range)[Symbol.iterator]();
  }

  /** Deletes what is older than history is kept, in bounded steps. */
  async retain(): Promise<void> {
    const sinceMs = this.#now() - this.#options.archiveRetentionMs;
    for (const {
      key: [topic, partition],
      value: extent,
    } of [...this.#extents.getRange()]) {
      const until = this.#offsetAt(topic, partition, sinceMs);
      for (let from = extent.from; from < until; from += 1000) {
        const end = Math.min(until, from + 1000);
        await this.#root.transaction(() => {
          for (const key of [
            ...this.#rows.getKeys({
              start: [topic, partition, from],
              end: [topic, partition, end],
            }),
          ]) {
            this.#rows.removeSync(key);
          }
          const now = this.#extents.get([topic, partition]);
          if (now !== undefined)
            this.#extents.putSync([topic, partition], { ...now, from: Math.max(now.from, end) });
        });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#abort.abort();
    await Promise.all(this.#running);
    await this.#root.close();
  }
}

function recordOf(offset: number, { at, key, headers, value }: Row): LogRecord {
  return { offset, timestampMs: at, key, headers, value: Buffer.from(value) };
}

/** Rows of several partitions in the order of their times. */
function* merge(
  lists: readonly Iterator<{ key: RowKey; value: Row }>[],
): Iterable<{ key: RowKey; value: Row }> {
  const next = lists.map((rows) => rows.next());
  try {
    for (;;) {
      let best = -1;
      for (const [list, item] of next.entries()) {
        if (item.done === true) continue;
        const other = next[best];
        if (
          other === undefined ||
          other.done === true ||
          item.value.value.at < other.value.value.at
        )
          best = list;
      }
      const item = next[best];
      if (item === undefined || item.done === true) return;
      yield item.value;
      next[best] = (lists[best] as Iterator<{ key: RowKey; value: Row }>).next();
    }
  } finally {
    for (const rows of lists) rows.return?.();
  }
}
