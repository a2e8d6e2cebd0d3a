import { decodeCursor, encodeCursor, PenstockError } from "@penstock-dev/contract";
import { EventTerms, type Filters, matches } from "../filter/index.ts";
import type { Log, TopicInfo } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import type { Stream } from "../streams/index.ts";
import { eventBody } from "./event-body.ts";
import type { storeOptions } from "./options.ts";
import { TopicReader, type TopicRecord } from "./topic-reader.ts";

interface RecentEvent {
  readonly seq: number;
  readonly partition: number;
  readonly offset: number;
  readonly atMs: number;
  readonly body: string;
  readonly terms: EventTerms;
  readonly id: string;
  /** Deleted or undone since. */
  gone: boolean;
}

/** What a query of the window gives. */
export interface Found {
  /** Events as JSON. */
  readonly bodies: readonly string[];
  readonly cursor: string;
  /** Whether there are others. */
  readonly more: boolean;
}

/**
 * The last minutes of a stream in memory, rebuilt from the log at start. Deletes and undos are not
 * listed, and what they take back is no longer.
 */
export class RecentWindow implements AsyncDisposable {
  readonly #stream: Stream;
  readonly #info: TopicInfo;
  readonly #options: OptionValues<typeof storeOptions>;
  readonly #now: () => number;
  readonly #reader: TopicReader;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #events: RecentEvent[] = [];
  #start = 0;
  #bytes = 0;
  #seq = 0;
  readonly #byId = new Map<string, RecentEvent>();
  readonly #byContent = new Map<string, RecentEvent[]>();
  /** Offsets before these have left the window, by partition. */
  readonly #floor: number[];
  #waiters: (() => void)[] = [];

  private constructor(init: {
    readonly stream: Stream;
    readonly info: TopicInfo;
    readonly options: OptionValues<typeof storeOptions>;
    readonly now: () => number;
    readonly log: Log;
    readonly from: readonly number[];
    readonly failed: (caught: unknown) => void;
  }) {
    this.#stream = init.stream;
    this.#info = init.info;
    this.#options = init.options;
    this.#now = init.now;
    this.#floor = [...init.from];
    this.#reader = new TopicReader(init.log, init.stream, init.from);
    this.#running = this.#reader.run(this.#abort.signal, (batch) => this.#take(batch), init.failed);
  }

  /** Opens the window and fills it from the log. */
  static async open(init: {
    readonly stream: Stream;
    readonly options: OptionValues<typeof storeOptions>;
    readonly now: () => number;
    readonly log: Log;
    readonly failed: (caught: unknown) => void;
  }): Promise<RecentWindow> {
    const { log, stream } = init;
    const info = await log.describe(stream.topic);
    const sinceMs = init.now() - init.options.recentMs;
    const from: number[] = [];
    for (let partition = 0; partition < info.partitions; partition++) {
      from.push(await log.offsetAt(stream.topic, partition, sinceMs));
    }
    const window = new RecentWindow({ ...init, info, from });
    const heads = await log.heads(stream.topic);
    while (heads.some((head, partition) => (window.#reader.next[partition] ?? 0) < head))
      await window.#more(100);
    return window;
  }

  /** The newest events that match, newest first. */
  newest(filters: Filters, limit: number): Found {
    this.#trim();
    const bodies: string[] = [];
    for (let at = this.#events.length - 1; at >= this.#start && bodies.length < limit; at--) {
      const event = this.#events[at];
      if (event !== undefined && this.#lists(filters, event)) bodies.push(event.body);
    }
    return { bodies, cursor: this.#cursor(this.#reader.next), more: false };
  }

  /**
   * The oldest events behind a cursor that match, oldest first, waiting for one if there is none.
   *
   * @throws PenstockError `cursor_too_old` where the window does not reach back so far
   */
  async after(
    filters: Filters,
    limit: number,
    cursor: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Found> {
    const from = this.#offsetsOf(cursor);
    const endMs = this.#now() + waitMs;
    for (;;) {
      const found = this.#oldest(filters, limit, from);
      const leftMs = endMs - this.#now();
      if (found.bodies.length > 0 || leftMs <= 0 || signal.aborted) return found;
      await this.#more(leftMs);
    }
  }

  #oldest(filters: Filters, limit: number, from: readonly number[]): Found {
    this.#trim();
    const offsets = [...from];
    const bodies: string[] = [];
    for (let at = this.#start; at < this.#events.length; at++) {
      const event = this.#events[at];
      if (event === undefined || event.offset < (from[event.partition] ?? 0)) continue;
      if (!this.#lists(filters, event)) {
        offsets[event.partition] = event.offset + 1;
        continue;
      }
      if (bodies.length === limit) return { bodies, cursor: this.#cursor(offsets), more: true };
      bodies.push(event.body);
      offsets[event.partition] = event.offset + 1;
    }
    return { bodies, cursor: this.#cursor(this.#reader.next), more: false };
  }

  /** How much of the window a filter matches, with the newest of it. */
  preview(
    filters: Filters,
    samples: number,
  ): { matched: number; evaluated: number; spanMs: number; sample: readonly string[] } {
    this.#trim();
    let matched = 0;
    const sample: string[] = [];
    for (let at = this.#events.length - 1; at >= this.#start; at--) {
      const event = this.#events[at];
      if (event === undefined || !this.#lists(filters, event)) continue;
      matched += 1;
      if (sample.length < samples) sample.push(event.body);
    }
    const oldest = this.#events[this.#start];
    const spanMs = oldest === undefined ? 0 : Math.max(1000, this.#now() - oldest.atMs);
    return { matched, evaluated: this.#events.length - this.#start, spanMs, sample };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#wake();
    await this.#running;
  }

  #lists(filters: Filters, event: RecentEvent): boolean {
    return !event.gone && matches(filters, event.terms) !== undefined;
  }

  #take(batch: readonly TopicRecord[]): void {
    for (const { partition, record, event } of batch) {
      if (event === undefined) continue;
      const type = this.#stream.eventTypes.get(event.event_type);
      if (event.removed === true) {
        const undone = this.#byId.get(event.id);
        if (undone !== undefined) undone.gone = true;
      } else if (type?.deletion === true) {
        for (const content of this.#byContent.get(event.contentKey ?? "") ?? [])
          content.gone = true;
      } else if (type?.broadcast === undefined) {
        this.#keep(partition, record.offset, record.timestampMs, event);
      }
    }
    // The reader moves behind the batch when this returns: those who wait look then.
    setImmediate(() => this.#wake());
  }

  #keep(
    partition: number,
    offset: number,
    atMs: number,
    event: Parameters<typeof eventBody>[0],
  ): void {
    const body = eventBody(event, partition, offset, atMs);
    const terms = new EventTerms(this.#stream, event);
    const kept: RecentEvent = {
      seq: this.#seq++,
      partition,
      offset,
      atMs,
      body,
      terms,
      id: event.id,
      gone: false,
    };
    this.#events.push(kept);
    this.#bytes += body.length * 4 + 500;
    this.#byId.set(event.id, kept);
    if (event.contentKey !== undefined) {
      const contents = this.#byContent.get(event.contentKey);
      if (contents === undefined) this.#byContent.set(event.contentKey, [kept]);
      else contents.push(kept);
    }
    if (this.#bytes > this.#options.recentBytes) this.#trim();
  }

  #trim(): void {
    const sinceMs = this.#now() - this.#options.recentMs;
    for (;;) {
      const oldest = this.#events[this.#start];
      if (
        oldest === undefined ||
        (oldest.atMs >= sinceMs && this.#bytes <= this.#options.recentBytes)
      )
        break;
      this.#start += 1;
      this.#bytes -= oldest.body.length * 4 + 500;
      this.#floor[oldest.partition] = oldest.offset + 1;
      if (this.#byId.get(oldest.id) === oldest) this.#byId.delete(oldest.id);
      const key = oldest.terms.event.contentKey;
      if (key !== undefined) this.#byContent.delete(key);
    }
    if (this.#start > 1024 && this.#start > this.#events.length / 2) {
      this.#events = this.#events.slice(this.#start);
      this.#start = 0;
    }
  }

  #cursor(offsets: readonly number[]): string {
    const { name: stream, topic } = this.#stream;
    const { logId, generation } = this.#info;
    const partitions = new Map(offsets.map((offset, partition) => [partition, { offset }]));
    return encodeCursor({ stream, topic, logId, generation, partitions });
  }

  #offsetsOf(text: string): readonly number[] {
    const cursor = decodeCursor(text);
    if (
      cursor.stream !== this.#stream.name ||
      cursor.topic !== this.#stream.topic ||
      cursor.logId !== this.#info.logId
    ) {
      throw new PenstockError("cursor_foreign", "The cursor belongs to another stream or log.");
    }
    this.#trim();
    return this.#reader.next.map((next, partition) => {
      const offset = cursor.partitions.get(partition)?.offset ?? this.#floor[partition] ?? 0;
      if (offset > next)
        throw new PenstockError("cursor_ahead", "The cursor is past the end of the stream.");
      if (offset < (this.#floor[partition] ?? 0)) {
        throw new PenstockError(
          "cursor_too_old",
          "The cursor is older than the recent window; use `history` or a subscription.",
        );
      }
      return offset;
    });
  }

  async #more(waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push(resolve);
    const timer = setTimeout(resolve, waitMs);
    await promise;
    clearTimeout(timer);
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
