import { join } from "node:path";
import { EventTerms } from "../filter/index.ts";
import type { Log } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import type { Stream } from "../streams/index.ts";
import { ArchiveFiles } from "./archive-files.ts";
import { ArchiveReader } from "./archive-reader.ts";
import { type ArchiveEntry, ArchiveStore } from "./archive-store.ts";
import { isListable, listable, recordOf } from "./history.ts";
import type { storeOptions } from "./options.ts";
import { encodeSketches, type Sketched } from "./sketch.ts";
import { TopicReader, type TopicRecord, type TopicSpan } from "./topic-reader.ts";

const RETENTION_CHECK_MS = 60_000;
/** Offsets that are sketched at once, of those archived before this process began. */
const SKETCH_ROWS = 500;

/** The folder of the archive in a data directory. */
export function archivePath(dataDir: string): string {
  return join(dataDir, "archive");
}

/**
 * What streams held, kept longer than the log, by position. It applies deletions itself: deleted
 * content is removed. Undone events stay for those who read by position, and are absent from queries.
 * One process writes it; others read it beside (`ArchiveReader`, `ArchiveRecent`).
 */
export class Archive implements AsyncDisposable {
  readonly #store: ArchiveStore;
  readonly #log: Log;
  readonly #options: OptionValues<typeof storeOptions>;
  readonly #now: () => number;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #timer: NodeJS.Timeout;
  #retaining: Promise<void> = Promise.resolve();
  #failed: (caught: unknown) => void = () => undefined;
  /** The files, for others of this process who read them. */
  readonly files: ArchiveFiles;
  readonly floors: ArchiveReader["floors"];
  readonly offsetAt: ArchiveReader["offsetAt"];
  readonly read: ArchiveReader["read"];
  readonly query: ArchiveReader["query"];

  constructor(init: {
    readonly dataDir: string;
    readonly log: Log;
    readonly options: OptionValues<typeof storeOptions>;
    readonly now: () => number;
  }) {
    const path = archivePath(init.dataDir);
    this.#store = new ArchiveStore(path, init.now);
    this.#log = init.log;
    this.#options = init.options;
    this.#now = init.now;
    this.files = new ArchiveFiles(path, this.#store.rows);
    const reader = new ArchiveReader({ ...init, files: this.files });
    this.floors = reader.floors.bind(reader);
    this.offsetAt = reader.offsetAt.bind(reader);
    this.read = reader.read.bind(reader);
    this.query = reader.query.bind(reader);
    this.#timer = setInterval(() => {
      this.retain().catch((caught: unknown) => this.#failed(caught));
    }, RETENTION_CHECK_MS);
    this.#timer.unref();
  }

  /** Begins to archive a stream, from where it stopped. @param failed told what went wrong */
  async follow(stream: Stream, failed: (caught: unknown) => void): Promise<void> {
    this.#failed = failed;
    const { topic } = stream;
    const from: number[] = [];
    for (const [partition, floor] of (await this.#log.floors(topic)).entries())
      from.push(await this.#store.begin(topic, partition, floor));
    const reader = new TopicReader(this.#log, stream, from);
    const take = (batch: readonly TopicRecord[], span: TopicSpan) =>
      this.#take(stream, batch, span);
    this.#running.push(reader.run(this.#abort.signal, take, failed));
    this.#running.push(this.#sketchOld(stream, from).catch(failed));
  }

  async #take(stream: Stream, batch: readonly TopicRecord[], span: TopicSpan): Promise<void> {
    const entries = batch.flatMap((item) => entryOf(stream, item) ?? []);
    const sketched = batch.flatMap(({ record, event }): Sketched[] => {
      if (event === undefined || !isListable(stream, event)) return [];
      const terms = new EventTerms(stream, event, span.partition, record.offset);
      return [{ offset: record.offset, atMs: record.timestampMs, terms }];
    });
    const sketches = encodeSketches(sketched);
    await this.#store.put(stream.topic, span.partition, entries, span, sketches);
    this.files.written();
  }

  /** Sketches what was archived before and is recent, the newest first. */
  async #sketchOld(stream: Stream, from: readonly number[]): Promise<void> {
    const { topic } = stream;
    const sinceMs = this.#now() - this.#options.recentMs;
    for (const [partition, end] of from.entries()) {
      const oldest = this.#store.rows.offsetAt(topic, partition, sinceMs);
      for (let next = end; next > oldest && !this.#abort.signal.aborted; ) {
        const start = Math.max(oldest, next - SKETCH_ROWS);
        const sketched: Sketched[] = [];
        for (const { key, value } of this.#store.rows.rows(topic, partition, start, next)) {
          const terms = listable(stream, partition, recordOf(key[2], value));
          if (terms !== undefined) sketched.push({ offset: key[2], atMs: value.at, terms });
        }
        const sketches = encodeSketches(sketched);
        await this.#store.putSketchesBefore(topic, partition, { from: start, next }, sketches);
        next = start;
      }
    }
  }

  /** Deletes what is older than it is kept, in bounded steps. One run at a time. */
  async retain(): Promise<void> {
    const run = this.#retaining.then(() => this.#retain());
    this.#retaining = run.catch(() => undefined);
    await run;
  }

  async #retain(): Promise<void> {
    const now = await this.#store.retentionClock.read();
    const { rows } = this.#store;
    for (const { topic, partition } of rows.extents()) {
      if (this.#abort.signal.aborted) return;
      const kept = rows.offsetAt(topic, partition, now - this.#options.archiveRetentionMs);
      await this.#store.drop(topic, partition, kept);
      const recent = rows.offsetAt(topic, partition, now - this.#options.recentMs);
      await this.#store.dropSketches(topic, partition, recent);
    }
    this.#store.forgetDeadReaders();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#abort.abort();
    await Promise.all([...this.#running, this.#retaining]);
    await this.files[Symbol.asyncDispose]();
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
