import { randomBytes } from "node:crypto";
import { PenstockError } from "@penstock-dev/contract";
import type { OptionValues } from "../../option.ts";
import { publishLog } from "../diagnostics.ts";
import type {
  Appended,
  Log,
  LogRecord,
  NewRecord,
  OffsetVector,
  ReadResult,
  TopicInfo,
  TopicOptions,
} from "../log.ts";
import type { logOptions } from "../options.ts";
import { chunkTimeMs, encodeChunk, readChunk } from "./chunk.ts";
import { enterRun, leaveRun, machineBootId } from "./generation.ts";
import { retainTopic } from "./retention.ts";
import {
  type ChunkKey,
  EMPTY_PARTITION,
  logFolder,
  openStore,
  type Store,
  type StoredPartition,
  type StoredTopic,
} from "./store.ts";
import { Waiters } from "./waiters.ts";
import { type Moved, Wake, wakeFolder } from "./wake.ts";

/** A name stands in messages and in keys, which are bounded. */
const TOPIC_BYTES_MAX = 255;

/** What opening the embedded log needs. */
export interface EmbeddedLogInit {
  /** A folder that this machine's Penstock processes share. */
  readonly dataDir: string;
  readonly options: OptionValues<typeof logOptions>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Names the boot of the machine; left out: as the system tells it. */
  readonly bootId?: string;
}

/**
 * Opens the log in a folder, and makes it where it is missing.
 *
 * @throws PenstockError `disk_full`, or `storage_unavailable` where the folder cannot be used
 */
export async function openEmbeddedLog(init: EmbeddedLogInit): Promise<EmbeddedLog> {
  const store = await openStore(init.dataDir);
  try {
    const bootId = init.bootId ?? machineBootId();
    const openingId = await enterRun(store, bootId);
    return new EmbeddedLog(store, init, { bootId, openingId });
  } catch (caught) {
    await store.database.close();
    throw caught;
  }
}

/** The log on LMDB: see `Log` for what it promises. */
export class EmbeddedLog implements Log {
  readonly #store: Store;
  readonly #init: EmbeddedLogInit;
  readonly #run: { readonly bootId: string; readonly openingId: string };
  /** What never changes of a topic, whichever process makes or changes it. */
  readonly #shapes = new Map<string, Pick<StoredTopic, "number" | "partitions">>();
  readonly #waiters = new Waiters();
  readonly #retainTimer: NodeJS.Timeout;
  readonly #pollTimer: NodeJS.Timeout;
  #wake: Wake | "none" | undefined;
  #retaining: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: Store, init: EmbeddedLogInit, run: { bootId: string; openingId: string }) {
    this.#store = store;
    this.#init = init;
    this.#run = run;
    const { retentionCheckMs, pollMs } = init.options;
    this.#retainTimer = setInterval(() => {
      this.retain(init.now()).catch((caught: unknown) =>
        publishLog("error", "old records could not be deleted; trying again", {
          error: String(caught),
        }),
      );
    }, retentionCheckMs).unref();
    this.#pollTimer = setInterval(() => this.#lookForAll(), pollMs).unref();
  }

  async createTopic(topic: string, options: TopicOptions): Promise<TopicInfo> {
    const { topics } = this.#store;
    this.#checkTopic(topic, options);
    await this.#write(() => {
      const known = topics.get(topic);
      if (known !== undefined) {
        const { retentionMs: _ms, retentionBytes: _bytes, ...kept } = known;
        topics.putSync(topic, { ...kept, ...options, partitions: known.partitions });
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
    const number = this.#numberOf(topic, partition);
    for (const { value } of records) this.#checkSize(value);
    const { partitions, chunks } = this.#store;
    const key: [number, number] = [number, partition];
    const appended = await this.#write((): Appended | number => {
      const state = partitions.get(key) ?? EMPTY_PARTITION;
      if (options.expected !== undefined && options.expected !== state.head) return state.head;
      const timestampMs = Math.max(state.lastMs, this.#init.now());
      if (records.length === 0) return { firstOffset: state.head, timestampMs };
      const chunk = encodeChunk(timestampMs, records);
      chunks.putSync([number, partition, state.head], chunk);
      partitions.putSync(key, {
        ...state,
        head: state.head + records.length,
        bytes: state.bytes + chunk.length,
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
    if (records.length > 0) {
      this.#waiters.moved(number, partition, appended.firstOffset + records.length);
      this.#wakes()?.moved(number, partition);
    }
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
    const records: LogRecord[] = [];
    let bytes = 0;
    const start = this.#chunkBefore(number, partition, from);
    const range = {
      start: start ?? [number, partition, from],
      end: [number, partition, head] as ChunkKey,
    };
    for (const { key, value } of this.#store.chunks.getRange(range)) {
      const whole = readChunk(value, key[2], from, (record) => {
        const fits =
          records.length < limits.recordsMax && (bytes < limits.bytesMax || records.length === 0);
        if (fits) records.push(record);
        bytes += record.value.length;
        return fits;
      });
      if (!whole || records.length >= limits.recordsMax) {
        return { records, next: (records.at(-1)?.offset ?? from - 1) + 1 };
      }
    }
    return { records, next: head };
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
    let low = floor;
    let high = head;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const key = this.#chunkBefore(number, partition, middle);
      const chunk = key === undefined ? undefined : this.#store.chunks.get(key);
      if (chunk !== undefined && chunkTimeMs(chunk) >= timeMs)
        high = Math.max(low, Math.min(middle, key?.[2] ?? middle));
      else low = middle + 1;
    }
    return low;
  }

  async generationStart(
    topic: string,
    partition: number,
    generation: number,
  ): Promise<number | undefined> {
    this.#numberOf(topic, partition);
    const stored = this.#topic(topic);
    // The starts of later generations only grow: the first of them bounds what the cursor may mean.
    return generation >= stored.generation ? undefined : stored.starts[generation]?.[partition];
  }

  async waitForMore(topic: string, positions: OffsetVector, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closed) return;
    const { number } = this.#shape(topic);
    this.#wakes();
    const heads = this.#states(topic).map(({ head }) => head);
    if (heads.some((head, partition) => head > (positions[partition] ?? 0))) return;
    // Whoever waits keeps the process alive.
    this.#pollTimer.ref();
    await this.#waiters.wait(number, positions, signal);
    if (this.#waiters.isEmpty) this.#pollTimer.unref();
  }

  /** Deletes what no topic need keep. Runs by itself now and then; one run at a time. */
  async retain(nowMs: number): Promise<void> {
    const run = this.#retaining.then(async () => {
      if (this.#closed) return;
      this.#store.database.root.readerCheck();
      for (const { value } of [...this.#store.topics.getRange()])
        if (!this.#closed) await retainTopic(this.#store, value, nowMs);
    });
    this.#retaining = run.catch(() => undefined);
    await run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#retainTimer);
    clearInterval(this.#pollTimer);
    if (this.#wake !== "none") this.#wake?.[Symbol.dispose]();
    this.#waiters.wakeAll();
    await this.#retaining;
    const { bootId, openingId } = this.#run;
    // Where this cannot be noted the run counts as unclean, which is safe.
    await leaveRun(this.#store, bootId, openingId).catch(() => undefined);
    await this.#store.database.close();
  }

  async #write<T>(act: () => T): Promise<T> {
    this.#checkOpen();
    return await this.#store.database.write(act);
  }

  /** The way to the other processes, found when this one first appends or waits. */
  #wakes(): Wake | undefined {
    if (this.#wake === undefined && !this.#closed) {
      const failed = (caught: unknown): void =>
        publishLog("warn", "other processes cannot wake this one: it looks now and then", {
          error: String(caught),
        });
      try {
        const folder = wakeFolder(logFolder(this.#init.dataDir));
        const intervalMs = this.#init.options.wakeMs;
        const woken = (moved: readonly Moved[]): void => this.#look(moved);
        this.#wake =
          folder === undefined ? "none" : new Wake({ folder, intervalMs, woken, failed });
      } catch (caught) {
        this.#wake = "none";
        failed(caught);
      }
    }
    return this.#wake === "none" ? undefined : this.#wake;
  }

  /** Looks at what another process says has moved. */
  #look(moved: readonly Moved[]): void {
    if (this.#closed) return;
    let isFresh = false;
    for (const [number, partition] of moved) {
      if (!this.#waiters.isAwaited(number)) continue;
      // What this turn read before may be older than what it is told of.
      if (!isFresh) this.#store.database.root.resetReadTxn();
      isFresh = true;
      this.#waiters.moved(number, partition, this.#state(number, partition).head);
    }
  }

  #lookForAll(): void {
    if (this.#closed || this.#waiters.isEmpty) return;
    this.#store.database.root.resetReadTxn();
    for (const number of this.#waiters.topics()) {
      const range = { start: [number, 0], end: [number, Number.MAX_SAFE_INTEGER] } as const;
      for (const { key, value } of this.#store.partitions.getRange(range as never))
        this.#waiters.moved(number, key[1], value.head);
    }
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

  #state(topic: number, partition: number): StoredPartition {
    return this.#store.partitions.get([topic, partition]) ?? EMPTY_PARTITION;
  }

  #states(topic: string): StoredPartition[] {
    const { number, partitions } = this.#shape(topic);
    return Array.from({ length: partitions }, (_, partition) => this.#state(number, partition));
  }

  /** The key of the chunk that holds an offset, or of the last one before it. */
  #chunkBefore(topic: number, partition: number, offset: number): ChunkKey | undefined {
    const range = {
      start: [topic, partition, offset],
      end: [topic, partition, -1],
      reverse: true,
      limit: 1,
    } as const;
    for (const key of this.#store.chunks.getKeys(range as never)) return key;
    return undefined;
  }
}

function infoOf(stored: StoredTopic): TopicInfo {
  const { number: _number, starts: _starts, ...info } = stored;
  return info;
}
