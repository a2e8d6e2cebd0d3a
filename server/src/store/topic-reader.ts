import { compareSources, type Source } from "@penstock-dev/contract";
import type { Log, LogRecord } from "../log/index.ts";
import { type Stream, type StreamEvent, sourceOf } from "../streams/index.ts";

const LOOKBACK_RECORDS = 2000;
/** What is read at once, of all partitions together. */
const READ = { recordsMax: 1000, bytesMax: 4 * 1024 * 1024 };
const RETRY_MS = 500;

/** One record of a topic: an event, or undefined where the offset holds none for anyone. */
export interface TopicRecord {
  readonly partition: number;
  readonly record: LogRecord;
  readonly event: StreamEvent | undefined;
}

/** What was read of a partition at once: `[from, next)`, with holes perhaps, or nothing but a hole. */
export interface TopicSpan {
  readonly partition: number;
  readonly from: number;
  readonly next: number;
}

type Take = (batch: readonly TopicRecord[], span: TopicSpan) => Promise<void> | void;

/** Reads all partitions of a stream's topic, from where it is told, for ever; repeats are no events. */
export class TopicReader {
  readonly #log: Log;
  readonly #stream: Stream;
  readonly #next: number[];
  #sources: (Source | undefined)[] = [];
  readonly #waiting = new Set<() => void>();
  #ended = false;

  constructor(log: Log, stream: Stream, from: readonly number[]) {
    this.#log = log;
    this.#stream = stream;
    this.#next = [...from];
  }

  /** The next offset to read, by partition. */
  get next(): readonly number[] {
    return this.#next;
  }

  /**
   * Hands over batches in log order until the signal aborts. What `take` fails to take is handed
   * over again.
   *
   * @param take told each batch; the next is read when it resolves
   */
  async run(signal: AbortSignal, take: Take, failed: (caught: unknown) => void): Promise<void> {
    let isOpen = false;
    while (!signal.aborted) {
      try {
        if (!isOpen) await this.#findSources();
        isOpen = true;
        const got = await this.#readOnce(take);
        if (!got) await this.#log.waitForMore(this.#stream.topic, this.#next, signal);
      } catch (caught) {
        if (signal.aborted) break;
        failed(caught);
        // The sources of what was not taken were seen: without them it would pass for a repeat.
        isOpen = false;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.#ended = true;
    this.#wake();
  }

  /** Resolves when a batch was taken, when reading ends, or when the signal aborts. */
  async moved(signal: AbortSignal | undefined): Promise<void> {
    if (this.#ended || signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#waiting.add(wake);
    signal?.addEventListener("abort", wake, { once: true });
    await promise;
    signal?.removeEventListener("abort", wake);
    this.#waiting.delete(wake);
  }

  /**
   * Resolves once all that the log holds at this moment was taken; to false where reading ends, or
   * the signal aborts, before.
   */
  async reachHead(signal?: AbortSignal): Promise<boolean> {
    const heads = await this.#log.heads(this.#stream.topic);
    const behind = (): boolean =>
      heads.some((head, partition) => (this.#next[partition] ?? 0) < head);
    while (behind() && !this.#ended && signal?.aborted !== true) await this.moved(signal);
    return !behind();
  }

  async #findSources(): Promise<void> {
    this.#sources = [];
    const floors = await this.#log.floors(this.#stream.topic);
    for (const [partition, offset] of this.#next.entries()) {
      let next = Math.max(floors[partition] ?? 0, offset - LOOKBACK_RECORDS);
      while (next < offset) {
        const read = await this.#log.read(this.#stream.topic, partition, next, READ);
        for (const record of read.records)
          if (record.offset < offset) this.#isRepeat(partition, sourceOf(record));
        if (read.next <= next) break;
        next = read.next;
      }
    }
  }

  /** Hands over what there is of all partitions together: what is kept of it on disk shares a commit. */
  async #readOnce(take: Take): Promise<boolean> {
    const heads = await this.#log.heads(this.#stream.topic);
    const floors = await this.#log.floors(this.#stream.topic);
    const limits = {
      recordsMax: Math.ceil(READ.recordsMax / heads.length),
      bytesMax: Math.ceil(READ.bytesMax / heads.length),
    };
    const taking: Promise<void>[] = [];
    for (const [partition, head] of heads.entries()) {
      const known = this.#next[partition] ?? 0;
      const from = Math.max(known, floors[partition] ?? 0);
      // What the log let go of meanwhile is a hole: it is taken too.
      if (from >= head && from === known) continue;
      const read =
        from >= head
          ? { records: [], next: from }
          : await this.#log.read(this.#stream.topic, partition, from, limits);
      const batch = read.records.map((record) => this.#decode(partition, record));
      taking.push(this.#handOver(take, batch, { partition, from, next: read.next }));
    }
    for (const one of await Promise.allSettled(taking))
      if (one.status === "rejected") throw one.reason;
    return taking.length > 0;
  }

  async #handOver(take: Take, batch: readonly TopicRecord[], span: TopicSpan): Promise<void> {
    await take(batch, span);
    this.#next[span.partition] = span.next;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #decode(partition: number, record: LogRecord): TopicRecord {
    const decoded = this.#stream.decode(record);
    const source =
      decoded.kind === "event"
        ? decoded.event.source
        : decoded.kind === "control"
          ? decoded.source
          : undefined;
    const repeat = this.#isRepeat(partition, source);
    const event = decoded.kind === "event" && !repeat ? decoded.event : undefined;
    return { partition, record, event };
  }

  #isRepeat(partition: number, source: Source | undefined): boolean {
    if (source === undefined) return false;
    const last = this.#sources[partition];
    if (last !== undefined && compareSources(source, last) <= 0) return true;
    this.#sources[partition] = source;
    return false;
  }
}
