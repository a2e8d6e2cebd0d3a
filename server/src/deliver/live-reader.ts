import { PenstockError, type Source } from "@penstock-dev/contract";
import type { Log } from "../log/index.ts";
import type { Stream } from "../streams/index.ts";
import { publishLog } from "./diagnostics.ts";
import type { Entry } from "./entry.ts";
import type { ReadableLog } from "./readable-log.ts";
import { RecordDecoder } from "./record-decoder.ts";
import type { TopicState } from "./topic-state.ts";

/** What the reader asks of the engine around it. */
export interface LiveReaderPort {
  take(entry: Entry): void;
  /** The ring has all of a batch. */
  taken(): void;
  /** Resolves while less than half of the ring is unflushed. */
  roomInRing(): Promise<void>;
  /** Resolves when all that the ring has was offered to everyone. */
  flushed(): Promise<void>;
  /** The log has let go of what comes next: whoever is hot stands before it still. */
  overtaken(): void;
}

const READ_BYTES_MAX = 4 * 1024 * 1024;
const RETRY_MS = 500;
/** The ring takes a batch in strides of this part of its bound, and is flushed between them. */
const RING_STRIDES = 8;
const UNREADABLE_REPORT_MS = 60_000;

/** What was read of a partition at once. */
interface PartitionRead {
  readonly entries: readonly Entry[];
  readonly partition: number;
  readonly next: number;
}

/** Reads a topic's partitions once for everybody, from where the ring begins, for ever. */
export class LiveReader {
  readonly #state: TopicState;
  readonly #log: Log;
  readonly #port: LiveReaderPort;
  readonly #stream: Stream;
  #decoders: RecordDecoder[];
  readonly #next: number[];
  #unreadable = 0;
  #unreadableToldMs = 0;
  #waiting: AbortController | undefined;
  #isBelowFloor = false;
  #readers: { readonly heads: readonly number[]; readonly reached: () => void }[] = [];

  constructor(state: TopicState, log: Log, port: LiveReaderPort, readable: ReadableLog) {
    this.#state = state;
    this.#log = log;
    this.#port = port;
    const start = state.ring.placeAt(state.ring.head);
    this.#next = [...(start?.offsets ?? [])];
    this.#stream = readable.stream;
    this.#decoders = this.#decodersFrom(start?.sources ?? []);
  }

  #decodersFrom(sources: readonly (Source | undefined)[]): RecordDecoder[] {
    return this.#next.map(
      (_, partition) => new RecordDecoder(this.#stream, partition, sources[partition]),
    );
  }

  /** Records that could not be read since the start. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** The next offset to read, by partition. */
  get next(): readonly number[] {
    return this.#next;
  }

  /** Reads until the signal aborts. An error of the log is told, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const got = await this.#readOnce();
        await this.#port.roomInRing();
        this.#tellReached();
        if (!got) await this.#wait(signal);
      } catch (caught) {
        if (signal.aborted) return;
        publishLog("error", "reading the log failed; trying again", {
          topic: this.#state.topic,
          error: String(caught),
        });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /**
   * Resolves when the ring has all before some heads of the log, which another process may have
   * moved a moment ago; to false where it has not after a while.
   */
  async reach(heads: readonly number[], timeoutMs: number): Promise<boolean> {
    if (this.#hasReached(heads)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const reader = { heads, reached: () => resolve(true) };
    const timer = setTimeout(() => {
      this.#readers = this.#readers.filter((one) => one !== reader);
      resolve(false);
    }, timeoutMs);
    this.#readers.push(reader);
    this.#waiting?.abort();
    const reached = await promise;
    clearTimeout(timer);
    return reached;
  }

  #hasReached(heads: readonly number[]): boolean {
    return heads.every((head, partition) => (this.#next[partition] ?? 0) >= head);
  }

  #tellReached(): void {
    if (this.#readers.length === 0) return;
    this.#readers = this.#readers.filter(({ heads, reached }) => {
      if (!this.#hasReached(heads)) return true;
      reached();
      return false;
    });
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    this.#waiting = waiting;
    // Who came while the log was being read would not be heard.
    if (this.#readers.length > 0) waiting.abort();
    const either = AbortSignal.any([signal, waiting.signal]);
    await this.#log.waitForMore(this.#state.topic, this.#next, either);
    this.#waiting = undefined;
  }

  async #readOnce(): Promise<boolean> {
    if (this.#isBelowFloor) await this.#passFloor();
    const sources = this.#decoders.map(({ lastSource }) => lastSource);
    let read: readonly PartitionRead[];
    try {
      read = await this.#readPartitions();
    } catch (caught) {
      // What was read of the partitions before is read again, and must not pass for a repeat.
      this.#decoders = this.#decodersFrom(sources);
      this.#isBelowFloor = PenstockError.from(caught).code === "cursor_too_old";
      throw caught;
    }
    if (read.length === 0) return false;
    const strideBytes = this.#state.options.ringBytes / RING_STRIDES;
    let takenBytes = 0;
    const entries = [...merged(read.map(({ entries }) => entries))];
    this.#state.index.expect(entries.map(({ terms }) => terms));
    for (const entry of entries) {
      this.#port.take(entry);
      takenBytes += entry.settledBytes;
      if (takenBytes < strideBytes) continue;
      this.#port.taken();
      await this.#port.roomInRing();
      takenBytes = 0;
    }
    for (const { partition, next } of read) {
      this.#next[partition] = next;
      this.#state.ring.pass(partition, next, this.#decoders[partition]?.lastSource);
    }
    this.#port.taken();
    return true;
  }

  /** Goes on where the log begins now. */
  async #passFloor(): Promise<void> {
    const { topic, ring } = this.#state;
    const floors = await this.#log.floors(topic);
    // All that was read before has to be offered to everyone, and who is told of the hole to stand before it.
    await this.#port.flushed();
    this.#port.overtaken();
    for (const [partition, floor] of floors.entries()) {
      const next = this.#next[partition] ?? 0;
      if (next >= floor) continue;
      publishLog("warn", "records left the log before they were read", {
        topic,
        position: `${partition}:${next}`,
        records: floor - next,
      });
      this.#next[partition] = floor;
      ring.pass(partition, floor, undefined);
    }
    this.#isBelowFloor = false;
    this.#port.taken();
  }

  async #readPartitions(): Promise<readonly PartitionRead[]> {
    const heads = await this.#log.heads(this.#state.topic);
    const read: PartitionRead[] = [];
    for (const [partition, head] of heads.entries()) {
      const from = this.#next[partition] ?? 0;
      if (from >= head) continue;
      const result = await this.#log.read(this.#state.topic, partition, from, {
        recordsMax: this.#state.options.readRecordsMax,
        bytesMax: READ_BYTES_MAX,
      });
      const decoder = this.#decoders[partition] as RecordDecoder;
      const entries: Entry[] = [];
      for (const record of result.records) {
        const { entry, unreadable } = decoder.read(record);
        if (entry !== undefined) entries.push(entry);
        if (unreadable !== undefined) this.#tellUnreadable(partition, record.offset, unreadable);
      }
      read.push({ entries, partition, next: result.next });
    }
    return read;
  }

  #tellUnreadable(partition: number, offset: number, reason: string): void {
    this.#unreadable += 1;
    const nowMs = this.#state.now();
    if (nowMs - this.#unreadableToldMs < UNREADABLE_REPORT_MS) return;
    this.#unreadableToldMs = nowMs;
    publishLog("warn", "a record cannot be read and is passed over", {
      stream: this.#stream.name,
      topic: this.#state.topic,
      position: `${partition}:${offset}`,
      reason,
      unreadable: this.#unreadable,
    });
  }
}

/** Entries of several partitions in the order of their times, each partition's in its own order. */
function* merged(lists: readonly (readonly Entry[])[]): Iterable<Entry> {
  const at = lists.map(() => 0);
  for (;;) {
    let best = -1;
    let bestMs = Number.POSITIVE_INFINITY;
    for (const [list, entries] of lists.entries()) {
      const entry = entries[at[list] ?? 0];
      if (entry !== undefined && entry.atMs < bestMs) {
        best = list;
        bestMs = entry.atMs;
      }
    }
    if (best < 0) return;
    yield lists[best]?.[at[best] ?? 0] as Entry;
    at[best] = (at[best] ?? 0) + 1;
  }
}
