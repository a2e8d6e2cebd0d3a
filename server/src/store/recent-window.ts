import { PenstockError } from "@penstock-dev/contract";
import { EventTerms, type Filters, matches } from "../filter/index.ts";
import type { Log, TopicInfo } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import type { Stream, StreamEvent } from "../streams/index.ts";
import { byTime } from "./by-time.ts";
import { cursorAt, offsetsOfCursor } from "./cursor-offsets.ts";
import { eventBody } from "./event-body.ts";
import type { storeOptions } from "./options.ts";
import { type RecentEvent, RecentPartition } from "./recent-partition.ts";
import { TopicReader, type TopicRecord } from "./topic-reader.ts";

/** What a query of the window gives. */
export interface Found {
  /** Events as JSON. */
  readonly bodies: readonly string[];
  readonly cursor: string;
  /** Whether there are others. */
  readonly more: boolean;
}

interface RecentWindowInit {
  readonly stream: Stream;
  readonly options: OptionValues<typeof storeOptions>;
  readonly now: () => number;
  readonly log: Log;
  /** Told when the log cannot be read; reading is tried again. */
  readonly failed: (caught: unknown) => void;
}

const timeOf = ({ atMs }: RecentEvent): number => atMs;

/**
 * The last minutes of a stream in memory, rebuilt from the log at start. Deletes and undos are not
 * listed, and what they take back is no longer: a query first waits until all that the log holds by
 * then was taken, so that what was deleted before it is not found.
 */
export class RecentWindow implements AsyncDisposable {
  readonly #init: RecentWindowInit;
  readonly #info: TopicInfo;
  readonly #reader: TopicReader;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  readonly #partitions: readonly RecentPartition[];
  #bytes = 0;
  readonly #byId = new Map<string, RecentEvent>();
  readonly #byContent = new Map<string, readonly RecentEvent[]>();

  private constructor(init: RecentWindowInit, info: TopicInfo, from: readonly number[]) {
    this.#init = init;
    this.#info = info;
    this.#partitions = from.map((offset) => new RecentPartition(offset));
    this.#reader = new TopicReader(init.log, init.stream, from);
    this.#running = this.#reader.run(this.#abort.signal, (batch) => this.#take(batch), init.failed);
  }

  /** Opens the window and fills it from the log. */
  static async open(init: RecentWindowInit): Promise<RecentWindow> {
    const { log, stream } = init;
    const info = await log.describe(stream.topic);
    const sinceMs = init.now() - init.options.recentMs;
    const from: number[] = [];
    for (let partition = 0; partition < info.partitions; partition++) {
      from.push(await log.offsetAt(stream.topic, partition, sinceMs));
    }
    const window = new RecentWindow(init, info, from);
    await window.#reader.reachHead();
    return window;
  }

  /** The newest events that match, by the time at which the log took them, newest first. */
  async newest(filters: Filters, limit: number): Promise<Found> {
    await this.#catchUp();
    const bodies: string[] = [];
    for (const event of this.#newestFirst()) {
      if (bodies.length === limit) break;
      if (this.#lists(filters, event)) bodies.push(event.body);
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
    const { log, stream } = this.#init;
    const floors = this.#partitions.map(({ floor }) => floor);
    const from = await offsetsOfCursor(log, stream, cursor, floors);
    await this.#catchUp();
    const over = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
    for (;;) {
      const found = this.#oldest(filters, limit, from);
      const ends = over.aborted || this.#abort.signal.aborted || waitMs === 0;
      if (found.bodies.length > 0 || ends) return found;
      await this.#reader.moved(over);
    }
  }

  #oldest(filters: Filters, limit: number, from: readonly number[]): Found {
    this.#trim();
    if (this.#partitions.some(({ floor }, partition) => (from[partition] ?? 0) < floor)) {
      throw new PenstockError(
        "cursor_too_old",
        "The cursor is older than the recent window; use `history` or a subscription.",
      );
    }
    const offsets = [...from];
    const bodies: string[] = [];
    const lists = this.#partitions.map((events, partition) => events.from(from[partition] ?? 0));
    for (const event of byTime(lists, timeOf)) {
      const listed = this.#lists(filters, event);
      if (listed && bodies.length === limit)
        return { bodies, cursor: this.#cursor(offsets), more: true };
      offsets[event.partition] = event.offset + 1;
      if (listed) bodies.push(event.body);
    }
    return { bodies, cursor: this.#cursor(this.#reader.next), more: false };
  }

  /** How much of the window a filter matches, with the newest of it. */
  async preview(
    filters: Filters,
    samples: number,
  ): Promise<{
    matched: number;
    evaluated: number;
    spanMs: number;
    sample: readonly string[];
  }> {
    await this.#catchUp();
    let matched = 0;
    let evaluated = 0;
    let oldestMs: number | undefined;
    const sample: string[] = [];
    for (const event of this.#newestFirst()) {
      evaluated += 1;
      oldestMs = event.atMs;
      if (!this.#lists(filters, event)) continue;
      matched += 1;
      if (sample.length < samples) sample.push(event.body);
    }
    const spanMs = oldestMs === undefined ? 0 : Math.max(1000, this.#init.now() - oldestMs);
    return { matched, evaluated, spanMs, sample };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #catchUp(): Promise<void> {
    if (!(await this.#reader.reachHead(this.#init.options.catchUpMs))) {
      throw new PenstockError("storage_unavailable", "The recent window lags behind the log.", {
        retryAfterMs: 1000,
      });
    }
    this.#trim();
  }

  #newestFirst(): Iterable<RecentEvent> {
    const lists = this.#partitions.map((events) => events.newestFirst());
    return byTime(lists, timeOf, true);
  }

  #lists(filters: Filters, event: RecentEvent): boolean {
    return !event.gone && matches(filters, event.terms) !== undefined;
  }

  #take(batch: readonly TopicRecord[]): void {
    for (const { partition, record, event } of batch) {
      if (event === undefined) continue;
      const type = this.#init.stream.eventTypes.get(event.event_type);
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
    if (this.#bytes > this.#init.options.recentBytes) this.#trim();
  }

  #keep(partition: number, offset: number, atMs: number, event: StreamEvent): void {
    const body = eventBody(event, partition, offset, atMs);
    const terms = new EventTerms(this.#init.stream, event);
    const kept: RecentEvent = { partition, offset, atMs, body, terms, id: event.id, gone: false };
    this.#partitions[partition]?.push(kept);
    this.#bytes += sizeOf(kept);
    this.#byId.set(event.id, kept);
    const key = event.contentKey;
    if (key !== undefined) this.#byContent.set(key, [...(this.#byContent.get(key) ?? []), kept]);
  }

  #trim(): void {
    const { now, options } = this.#init;
    const sinceMs = now() - options.recentMs;
    for (;;) {
      let oldest: RecentEvent | undefined;
      for (const partition of this.#partitions) {
        const first = partition.oldest;
        if (first !== undefined && (oldest === undefined || first.atMs < oldest.atMs))
          oldest = first;
      }
      if (oldest === undefined) return;
      if (oldest.atMs >= sinceMs && this.#bytes <= options.recentBytes) return;
      this.#partitions[oldest.partition]?.shift();
      this.#forget(oldest);
    }
  }

  #forget(event: RecentEvent): void {
    this.#bytes -= sizeOf(event);
    if (this.#byId.get(event.id) === event) this.#byId.delete(event.id);
    const key = event.terms.event.contentKey;
    if (key === undefined) return;
    const others = (this.#byContent.get(key) ?? []).filter((other) => other !== event);
    if (others.length === 0) this.#byContent.delete(key);
    else this.#byContent.set(key, others);
  }

  #cursor(offsets: readonly number[]): string {
    return cursorAt(this.#init.stream, this.#info, offsets);
  }
}

/** The memory of an event, roughly: its text, what was parsed of it, and what surrounds it. */
function sizeOf({ body }: RecentEvent): number {
  return body.length * 4 + 500;
}
