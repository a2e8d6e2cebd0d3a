import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { PenstockError } from "@penstock-dev/contract";
import type { OptionValues } from "../../option.ts";
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
  openStore,
  type Store,
  type StoredPartition,
  type StoredTopic,
} from "./store.ts";

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
 * @throws PenstockError `storage_unavailable` where the folder cannot be used
 */
export async function openEmbeddedLog(init: EmbeddedLogInit): Promise<EmbeddedLog> {
  try {
    const store = openStore(init.dataDir);
    const bootId = init.bootId ?? machineBootId();
    await enterRun(store, bootId, process.pid);
    return new EmbeddedLog(store, init, bootId);
  } catch (cause) {
    throw new PenstockError(
      "storage_unavailable",
      `The log in ${init.dataDir} cannot be opened: ${String(cause)}`,
      { cause },
    );
  }
}

/** The log on LMDB: see `Log` for what it promises. */
export class EmbeddedLog implements Log {
  readonly #store: Store;
  readonly #init: EmbeddedLogInit;
  readonly #bootId: string;
  readonly #appended = new EventEmitter();
  readonly #topics = new Map<string, StoredTopic>();
  readonly #timer: NodeJS.Timeout;
  #retaining: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: Store, init: EmbeddedLogInit, bootId: string) {
    this.#store = store;
    this.#init = init;
    this.#bootId = bootId;
    this.#appended.setMaxListeners(0);
    this.#timer = setInterval(() => void this.retain(init.now()), init.options.retentionCheckMs);
    this.#timer.unref();
  }

  async createTopic(topic: string, options: TopicOptions): Promise<TopicInfo> {
    const { topics } = this.#store;
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
    this.#topics.delete(topic);
    return await this.describe(topic);
  }

  async topics(): Promise<readonly TopicInfo[]> {
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
    const { number } = this.#partitionOf(topic, partition);
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
    this.#appended.emit(topic);
    return appended;
  }

  async read(
    topic: string,
    partition: number,
    from: number,
    limits: { readonly recordsMax: number; readonly bytesMax: number },
  ): Promise<ReadResult> {
    const { number } = this.#partitionOf(topic, partition);
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
    const { number } = this.#partitionOf(topic, partition);
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
    const stored = this.#topic(topic);
    // The starts of later generations only grow: the first of them bounds what the cursor may mean.
    return generation >= stored.generation ? undefined : stored.starts[generation]?.[partition];
  }

  async waitForMore(topic: string, positions: OffsetVector, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#closed) {
      const states = this.#states(topic);
      if (states.some(({ head }, partition) => head > (positions[partition] ?? 0))) return;
      const wake = new AbortController();
      const timer = setTimeout(() => wake.abort(), this.#init.options.pollMs);
      try {
        await once(this.#appended, topic, { signal: AbortSignal.any([signal, wake.signal]) });
      } catch {
        // Time to look, or to end: the loop's head tells which.
      }
      clearTimeout(timer);
    }
  }

  /** Deletes what no topic need keep. Runs by itself now and then; one run at a time. */
  async retain(nowMs: number): Promise<void> {
    this.#retaining = this.#retaining.then(async () => {
      if (this.#closed) return;
      for (const { value } of [...this.#store.topics.getRange()])
        await retainTopic(this.#store, value, nowMs);
      this.#store.root.readerCheck();
    });
    await this.#retaining;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#retaining;
    await leaveRun(this.#store, this.#bootId, process.pid);
    await this.#store.root.close();
  }

  /** Runs within a transaction that others share; resolves once it is on disk. */
  async #write<T>(action: () => T): Promise<T> {
    try {
      return await this.#store.root.transaction(action);
    } catch (cause) {
      const full = /ENOSPC|No space left|MAP_FULL/i.test(String(cause));
      if (full)
        throw new PenstockError("disk_full", "The disk that holds the log is full.", { cause });
      throw new PenstockError(
        "storage_unavailable",
        `The log cannot be written: ${String(cause)}`,
        { cause },
      );
    }
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
    let stored = this.#topics.get(topic);
    if (stored === undefined) {
      stored = this.#store.topics.get(topic);
      if (stored === undefined)
        throw new PenstockError("not_found", `There is no topic ${JSON.stringify(topic)}.`);
      this.#topics.set(topic, stored);
    }
    return stored;
  }

  #partitionOf(topic: string, partition: number): StoredTopic {
    const stored = this.#topic(topic);
    if (!Number.isInteger(partition) || partition < 0 || partition >= stored.partitions) {
      throw new PenstockError("not_found", `The topic ${topic} has no partition ${partition}.`);
    }
    return stored;
  }

  #state(topic: number, partition: number): StoredPartition {
    return this.#store.partitions.get([topic, partition]) ?? EMPTY_PARTITION;
  }

  #states(topic: string): StoredPartition[] {
    const { number, partitions } = this.#topic(topic);
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
