import { join } from "node:path";
import { PenstockError } from "@penstock-dev/contract";
import type { Filters } from "../filter/index.ts";
import type { Log, LogRecord, ReadResult } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import type { Stream } from "../streams/index.ts";
import { type ArchiveEntry, ArchiveStore } from "./archive-store.ts";
import { cursorAt, offsetsOfCursor } from "./cursor-offsets.ts";
import { readPage, recordOf } from "./history.ts";
import type { storeOptions } from "./options.ts";
import { TopicReader, type TopicRecord } from "./topic-reader.ts";

/** What a query of history asks. */
export interface HistoryQuery {
  readonly limit: number;
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  /** The partition key. */
  readonly key: string | undefined;
  readonly cursor: string | undefined;
}

const RETENTION_CHECK_MS = 60_000;

/**
 * What streams held, kept longer than the log, by position. It applies deletions itself: deleted
 * content is removed. Undone events stay for those who read by position, and are absent from queries.
 */
export class Archive implements AsyncDisposable {
  readonly #store: ArchiveStore;
  readonly #log: Log;
  readonly #options: OptionValues<typeof storeOptions>;
  readonly #now: () => number;
  readonly #abort = new AbortController();
  readonly #readers = new Map<string, TopicReader>();
  readonly #running: Promise<void>[] = [];
  readonly #timer: NodeJS.Timeout;
  #retaining: Promise<void> = Promise.resolve();
  #failed: (caught: unknown) => void = () => undefined;

  constructor(init: {
    readonly dataDir: string;
    readonly log: Log;
    readonly options: OptionValues<typeof storeOptions>;
    readonly now: () => number;
  }) {
    this.#store = new ArchiveStore(join(init.dataDir, "archive"));
    this.#log = init.log;
    this.#options = init.options;
    this.#now = init.now;
    this.#timer = setInterval(() => {
      this.retain().catch((caught: unknown) => this.#failed(caught));
    }, RETENTION_CHECK_MS);
    this.#timer.unref();
  }

  /** Begins to archive a stream, from where it stopped. @param failed told what went wrong */
  async follow(stream: Stream, failed: (caught: unknown) => void): Promise<void> {
    this.#failed = failed;
    const floors = await this.#log.floors(stream.topic);
    const from = floors.map((floor, partition) =>
      Math.max(floor, this.#store.extent(stream.topic, partition)?.next ?? floor),
    );
    const reader = new TopicReader(this.#log, stream, from);
    this.#readers.set(stream.topic, reader);
    const take = (batch: readonly TopicRecord[]) => this.#take(stream, batch);
    this.#running.push(reader.run(this.#abort.signal, take, failed));
  }

  async #take(stream: Stream, batch: readonly TopicRecord[]): Promise<void> {
    const first = batch[0];
    const last = batch.at(-1);
    if (first === undefined || last === undefined) return;
    const entries = batch.flatMap((item) => entryOf(stream, item) ?? []);
    const span = { from: first.record.offset, next: last.record.offset + 1 };
    await this.#store.put(stream.topic, first.partition, entries, span);
  }

  /** By partition, the lowest offset that the archive can go on from without a hole to the log. */
  async floors(topic: string): Promise<readonly number[]> {
    const floors = await this.#log.floors(topic);
    return floors.map((floor, partition) => {
      const extent = this.#store.extent(topic, partition);
      return extent !== undefined && extent.next >= floor ? Math.min(floor, extent.from) : floor;
    });
  }

  /** Finds as the log does, among what is archived. */
  async offsetAt(topic: string, partition: number, timeMs: number): Promise<number> {
    return this.#store.offsetAt(topic, partition, timeMs);
  }

  /** Reads as the log does. @throws PenstockError `cursor_too_old` below the floor */
  async read(
    topic: string,
    partition: number,
    from: number,
    limits: { readonly recordsMax: number; readonly bytesMax: number },
  ): Promise<ReadResult> {
    const extent = this.#store.extent(topic, partition);
    if (extent === undefined || from < extent.from || from >= extent.next) {
      throw new PenstockError(
        "cursor_too_old",
        `Offset ${from} of ${topic} is not in the archive.`,
      );
    }
    const records: LogRecord[] = [];
    let bytes = 0;
    for (const { key, value } of this.#store.rows(topic, partition, from, extent.next)) {
      const full = records.length === limits.recordsMax || bytes >= limits.bytesMax;
      const last = records.at(-1);
      if (full && last !== undefined) return { records, next: last.offset + 1 };
      records.push(recordOf(key[2], value));
      bytes += value.value.length;
    }
    return { records, next: extent.next };
  }

  /**
   * A page of what was, oldest first. Deletes, undos and what they take back are absent; what was
   * deleted before the query is, for it waits until the archive has all that the log holds.
   *
   * @throws PenstockError the `cursor_…` codes, or `storage_unavailable` where the archive lags
   */
  async query(
    stream: Stream,
    filters: Filters,
    query: HistoryQuery,
  ): Promise<{ bodies: readonly string[]; cursor: string; more: boolean }> {
    await this.#catchUp(stream);
    const from = await this.#start(stream, query);
    const scanMax = this.#options.scanRecordsMax;
    const page = await readPage(this.#store, stream, filters, { ...query, scanMax }, from);
    const info = await this.#log.describe(stream.topic);
    return {
      bodies: page.bodies,
      cursor: cursorAt(stream, info, page.offsets),
      more: page.more,
    };
  }

  async #catchUp(stream: Stream): Promise<void> {
    const reader = this.#readers.get(stream.topic);
    if ((await reader?.reachHead(this.#options.catchUpMs)) === true) return;
    throw new PenstockError("storage_unavailable", "The archive lags behind the log.", {
      retryAfterMs: 1000,
    });
  }

  async #start(stream: Stream, query: HistoryQuery): Promise<readonly number[]> {
    const { topic } = stream;
    const { partitions } = await this.#log.describe(topic);
    const floors = Array.from(
      { length: partitions },
      (_, partition) => this.#store.extent(topic, partition)?.from ?? 0,
    );
    const { cursor, startMs } = query;
    if (cursor === undefined) {
      if (startMs === undefined) return floors;
      return floors.map((_, partition) => this.#store.offsetAt(topic, partition, startMs));
    }
    const offsets = await offsetsOfCursor(this.#log, stream, cursor, floors);
    if (offsets.some((offset, partition) => offset < (floors[partition] ?? 0))) {
      throw new PenstockError("cursor_too_old", "The cursor is older than the archive.");
    }
    return offsets;
  }

  /** Deletes what is older than history is kept, in bounded steps. One run at a time. */
  async retain(): Promise<void> {
    const run = this.#retaining.then(() => this.#retain());
    this.#retaining = run.catch(() => undefined);
    await run;
  }

  async #retain(): Promise<void> {
    const sinceMs = this.#now() - this.#options.archiveRetentionMs;
    for (const { topic, partition } of this.#store.extents()) {
      if (this.#abort.signal.aborted) return;
      const until = this.#store.offsetAt(topic, partition, sinceMs);
      await this.#store.drop(topic, partition, until);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#abort.abort();
    await Promise.all([...this.#running, this.#retaining]);
    await this.#store.close();
  }
}

/** What is archived of a record; undefined where it holds no event for anyone. */
function entryOf(
  stream: Stream,
  { partition: _partition, record, event }: TopicRecord,
): ArchiveEntry | undefined {
  if (event === undefined) return undefined;
  const { offset, timestampMs, key, headers, value } = record;
  const deletion = stream.eventTypes.get(event.event_type)?.deletion === true;
  return {
    offset,
    row: { at: timestampMs, key, headers, value: Buffer.from(value).toString() },
    content: deletion ? undefined : event.contentKey,
    deletes: deletion ? event.contentKey : undefined,
    undoes: event.removed === true ? event.id : undefined,
  };
}
