import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { PenstockError } from "@penstock-dev/contract";
import type { OptionValues } from "../../option.ts";
import type {
  Appended,
  Log,
  LogWriter,
  NewRecord,
  OffsetVector,
  ReadResult,
  TopicInfo,
  TopicOptions,
} from "../log.ts";
import type { logOptions } from "../options.ts";
import { Arrivals } from "./arrivals.ts";
import { encodeChunks, setChunkTime } from "./chunk.ts";
import { enterRun, leaveRun, machineBootId, type Run, startBehind } from "./generation.ts";
import { findOffset, readRecords } from "./partition-reader.ts";
import { Retainer } from "./retainer.ts";
import {
  EMPTY_PARTITION,
  openStore,
  type Store,
  type StoredPartition,
  type StoredTopic,
} from "./store.ts";

/** A name stands in messages and in keys, which are bounded. */
const TOPIC_BYTES_MAX = 255;

/** What opening the embedded log needs. */
export interface EmbeddedLogInit {
  /** A folder that this machine's Penstock processes share. */
  readonly dataDir: string;
  readonly options: OptionValues<typeof logOptions>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * Another process's log in the same folder, which writes for this one; left out: this one writes.
   * Several may, one at a time; a server's processes have one that does (`docs/decisions/one-writer.md`).
   */
  readonly writer?: LogWriter | undefined;
  /** Names the boot of the machine; left out: as the system tells it. */
  readonly bootId?: string;
  /** How long the machine has run, in milliseconds; left out: as the system tells it. */
  readonly uptimeMs?: () => number;
}

/**
 * Opens the log in a folder, and makes it where it is missing.
 *
 * @throws PenstockError `disk_full`, or `storage_unavailable` where the folder cannot be used
 */
export async function openEmbeddedLog(init: EmbeddedLogInit): Promise<EmbeddedLog> {
  const store = await openStore(init.dataDir);
  try {
    if (init.writer !== undefined) return new EmbeddedLog(store, init, undefined);
    const bootId = init.bootId ?? machineBootId();
    return new EmbeddedLog(store, init, await enterRun(store, bootId, init.now()));
  } catch (caught) {
    await store.database.close();
    throw caught;
  }
}

/** The log on LMDB: see `Log` for what it promises. */
export class EmbeddedLog implements Log {
  readonly #store: Store;
  readonly #init: EmbeddedLogInit;
  /** Undefined where another process writes: what it says of who has the files open holds for both. */
  readonly #run: Run | undefined;
  /** What never changes of a topic, whichever process makes or changes it. */
  readonly #shapes = new Map<string, Pick<StoredTopic, "number" | "partitions">>();
  readonly #arrivals: Arrivals;
  /** Undefined where another process writes. */
  readonly #retainer: Retainer | undefined;
  #closed = false;

  constructor(store: Store, init: EmbeddedLogInit, run: Run | undefined) {
    this.#store = store;
    this.#init = init;
    this.#run = run;
    this.#arrivals = new Arrivals(store, init.dataDir, init.options);
    this.#retainer = init.writer === undefined ? new Retainer(store, init) : undefined;
  }

  async createTopic(topic: string, options: TopicOptions): Promise<TopicInfo> {
    this.#checkOpen();
    const { writer } = this.#init;
    if (writer !== undefined) return await writer.createTopic(topic, options);
    const { topics } = this.#store;
    this.#checkTopic(topic, options);
    await this.#write(() => {
      const known = topics.get(topic);
      if (known !== undefined) {
        const { retentionMs: _ms, retentionBytes: _bytes, ...kept } = known;
        const changed = { ...kept, ...options, partitions: known.partitions };
        if (!isDeepStrictEqual(changed, known)) topics.putSync(topic, changed);
        return;
      }
      const number = 1 + Math.max(0, ...[...topics.getRange()].map(({ value }) => value.number));
      const logId = randomBytes(9).toString("base64url");
      topics.putSync(topic, { ...options, topic, number, logId, generation: 0, starts: [] });
    });
    return await this.describe(topic);
  }

  async topics(): Promise<readonly TopicInfo[]> {
    this.#checkOpen();
    this.#store.database.refresh();
    return [...this.#store.topics.getRange()].map(({ value }) => infoOf(value));
  }

  async describe(topic: string): Promise<TopicInfo> {
    return infoOf(this.#topic(topic));
  }

  async append(
    topic: string,
    partition: number,
    records: readonly NewRecord[],
    options: { readonly expected?: number } = {},
  ): Promise<Appended> {
    this.#checkOpen();
    const number = this.#numberOf(topic, partition);
    for (const { value } of records) this.#checkSize(value);
    const { writer } = this.#init;
    if (writer !== undefined) return await writer.append(topic, partition, records, options);
    const { partitions, chunks } = this.#store;
    const key: [number, number] = [number, partition];
    // While the database is locked for one writer, the others wait: what can be done before is.
    const encoded = encodeChunks(records);
    const appended = await this.#write((): Appended | number => {
      const state = partitions.get(key) ?? EMPTY_PARTITION;
      if (options.expected !== undefined && options.expected !== state.head) return state.head;
      const timestampMs = Math.max(state.lastMs, this.#init.now());
      if (records.length === 0) return { firstOffset: state.head, timestampMs };
      let bytes = 0;
      for (const { chunk, at } of encoded) {
        setChunkTime(chunk, timestampMs);
        chunks.putSync([number, partition, state.head + at], chunk);
        bytes += chunk.length;
      }
      partitions.putSync(key, {
        ...state,
        head: state.head + records.length,
        bytes: state.bytes + bytes,
        lastMs: timestampMs,
      });
      return { firstOffset: state.head, timestampMs };
    });
    if (typeof appended === "number") {
      throw new PenstockError(
        "cursor_foreign",
        `Partition ${partition} of ${topic} ends at ${appended}, not at ${options.expected}.`,
      );
    }
    if (records.length > 0)
      this.#arrivals.appended(number, partition, appended.firstOffset + records.length);
    return appended;
  }

  async read(
    topic: string,
    partition: number,
    from: number,
    limits: { readonly recordsMax: number; readonly bytesMax: number },
  ): Promise<ReadResult> {
    const number = this.#numberOf(topic, partition);
    const { head, floor } = this.#state(number, partition);
    if (from < floor) {
      throw new PenstockError(
        "cursor_too_old",
        `Partition ${partition} of ${topic} begins at ${floor}.`,
      );
    }
    if (from > head) {
      throw new PenstockError(
        "cursor_ahead",
        `Partition ${partition} of ${topic} ends at ${head}.`,
      );
    }
    return readRecords(this.#store, { number, partition, head, floor }, from, limits);
  }

  async heads(topic: string): Promise<OffsetVector> {
    return this.#states(topic).map(({ head }) => head);
  }

  async floors(topic: string): Promise<OffsetVector> {
    return this.#states(topic).map(({ floor }) => floor);
  }

  async offsetAt(topic: string, partition: number, timeMs: number): Promise<number> {
    const number = this.#numberOf(topic, partition);
    const { head, floor } = this.#state(number, partition);
    return findOffset(this.#store, { number, partition, head, floor }, timeMs);
  }

  async generationStart(
    topic: string,
    partition: number,
    generation: number,
  ): Promise<number | undefined> {
    this.#numberOf(topic, partition);
    const stored = this.#topic(topic);
    // The starts of later generations only grow: the first of them bounds what the cursor may mean.
    return startBehind(stored, generation)?.[partition];
  }

  async waitForMore(topic: string, positions: OffsetVector, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed) return;
    await this.#arrivals.wait(this.#shape(topic), positions, signal);
  }

  /** Deletes what no topic need keep at a time; runs by itself now and then. */
  async retain(nowMs: number): Promise<void> {
    await this.#retainer?.run(nowMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#arrivals[Symbol.dispose]();
    await this.#retainer?.[Symbol.asyncDispose]();
    // Where this cannot be noted, it is seen that the process is gone.
    if (this.#run !== undefined) await leaveRun(this.#store, this.#run).catch(() => undefined);
    await this.#store.database.close();
  }

  async #write<T>(act: () => T): Promise<T> {
    this.#checkOpen();
    return await this.#store.database.write(act);
  }

  #checkOpen(): void {
    if (this.#closed) throw new PenstockError("storage_unavailable", "The log is closed.");
  }

  #checkTopic(topic: string, { partitions }: TopicOptions): void {
    const bytes = Buffer.byteLength(topic);
    if (bytes === 0 || bytes > TOPIC_BYTES_MAX)
      throw new PenstockError(
        "invalid_request",
        `A topic's name has 1 to ${TOPIC_BYTES_MAX} bytes.`,
      );
    if (!Number.isInteger(partitions) || partitions < 1)
      throw new PenstockError(
        "invalid_request",
        `A topic has 1 partition or more, not ${partitions}.`,
      );
  }

  #checkSize(value: Uint8Array): void {
    const { recordBytesMax } = this.#init.options;
    if (value.length > recordBytesMax) {
      throw new PenstockError(
        "payload_too_large",
        `A record of ${value.length} bytes is larger than ${recordBytesMax}.`,
      );
    }
  }

  #topic(topic: string): StoredTopic {
    this.#checkOpen();
    const nameable = topic !== "" && Buffer.byteLength(topic) <= TOPIC_BYTES_MAX;
    this.#store.database.refresh();
    const stored = nameable ? this.#store.topics.get(topic) : undefined;
    if (stored === undefined)
      throw new PenstockError("not_found", `There is no topic ${JSON.stringify(topic)}.`);
    return stored;
  }

  #shape(topic: string): Pick<StoredTopic, "number" | "partitions"> {
    this.#checkOpen();
    let shape = this.#shapes.get(topic);
    if (shape === undefined) {
      shape = this.#topic(topic);
      this.#shapes.set(topic, shape);
    }
    return shape;
  }

  /** The number of a topic that has a partition. */
  #numberOf(topic: string, partition: number): number {
    const { number, partitions } = this.#shape(topic);
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
      throw new PenstockError("not_found", `The topic ${topic} has no partition ${partition}.`);
    }
    return number;
  }

  /** A partition as it is now; what is read of it within the same turn is of the same moment. */
  #state(topic: number, partition: number): StoredPartition {
    this.#store.database.refresh();
    return this.#store.partitions.get([topic, partition]) ?? EMPTY_PARTITION;
  }

  #states(topic: string): StoredPartition[] {
    const { number, partitions } = this.#shape(topic);
    this.#store.database.refresh();
    return Array.from(
      { length: partitions },
      (_, partition) => this.#store.partitions.get([number, partition]) ?? EMPTY_PARTITION,
    );
  }
}

function infoOf(stored: StoredTopic): TopicInfo {
  const { number: _number, starts: _starts, generations: _generations, ...info } = stored;
  return info;
}
