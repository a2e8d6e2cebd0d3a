import { EventTerms, type Filters, matches } from "../filter/index.ts";
import type { StreamEvent } from "../streams/index.ts";
import { eventBody } from "./event-body.ts";
import type { Recent } from "./recent.ts";
import { type RecentEvent, RecentPartition } from "./recent-partition.ts";
import {
  type RecentInit,
  type RecentItem,
  RecentQueries,
  type RecentSource,
  STRIDE,
} from "./recent-queries.ts";
import { TopicReader, type TopicRecord } from "./topic-reader.ts";

interface RecentWindowInit extends RecentInit {
  /** Told when the log cannot be read; reading is tried again. */
  readonly failed: (caught: unknown) => void;
}

/** The last minutes of a stream in memory, rebuilt from the log at start. */
export class RecentWindow implements RecentSource {
  readonly #init: RecentWindowInit;
  readonly #reader: TopicReader;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  readonly #partitions: readonly RecentPartition[];
  #bytes = 0;
  readonly #byId = new Map<string, RecentEvent>();
  /** Of one content, oldest first. */
  readonly #byContent = new Map<string, RecentEvent[]>();

  private constructor(init: RecentWindowInit, from: readonly number[]) {
    this.#init = init;
    this.#partitions = from.map((offset) => new RecentPartition(offset));
    this.#reader = new TopicReader(init.log, init.stream, from);
    this.#running = this.#reader.run(this.#abort.signal, (batch) => this.#take(batch), init.failed);
  }

  /** Opens the window and fills it from the log. */
  static async open(init: RecentWindowInit): Promise<Recent> {
    const { log, stream } = init;
    const { partitions } = await log.describe(stream.topic);
    const sinceMs = init.now() - init.options.recentMs;
    const from: number[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      from.push(await log.offsetAt(stream.topic, partition, sinceMs));
    }
    const window = new RecentWindow(init, from);
    await window.#reader.reachHead();
    return new RecentQueries(window, init);
  }

  async catchUp(signal: AbortSignal): Promise<boolean> {
    return await this.#reader.reachHead(signal);
  }

  async moved(place: readonly number[], signal: AbortSignal): Promise<void> {
    const { next } = this.#reader;
    if (next.some((offset, partition) => offset > (place[partition] ?? 0))) return;
    await this.#reader.moved(signal);
  }

  place(): readonly number[] {
    this.#trim();
    return [...this.#reader.next];
  }

  floors(): readonly number[] {
    return this.#partitions.map(({ floor }) => floor);
  }

  newestFirst(
    partition: number,
    until: number,
    sinceMs: number,
    filters: Filters,
  ): Iterator<RecentItem> {
    const events = this.#partitions[partition]?.newestFirst(until) ?? [];
    return walk(events, filters, ({ atMs }) => atMs < sinceMs);
  }

  oldestFirst(
    partition: number,
    from: number,
    until: number,
    filters: Filters,
  ): Iterator<RecentItem> {
    const events = this.#partitions[partition]?.from(from) ?? [];
    return walk(events, filters, ({ offset }) => offset >= until);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#running;
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
    const terms = new EventTerms(this.#init.stream, event, partition, offset);
    const kept: RecentEvent = { partition, offset, atMs, body, terms, id: event.id, gone: false };
    this.#partitions[partition]?.push(kept);
    this.#bytes += sizeOf(kept);
    this.#byId.set(event.id, kept);
    const key = event.contentKey;
    if (key === undefined) return;
    const others = this.#byContent.get(key);
    if (others === undefined) this.#byContent.set(key, [kept]);
    else others.push(kept);
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
    const others = key === undefined ? undefined : this.#byContent.get(key);
    if (key === undefined || others === undefined) return;
    // What leaves is the oldest, and mostly the only one.
    others.splice(others.indexOf(event), 1);
    if (others.length === 0) this.#byContent.delete(key);
  }
}

/** Holds events against a filter, up to one that ends the walk. */
function* walk(
  events: Iterable<RecentEvent>,
  filters: Filters,
  ends: (event: RecentEvent) => boolean,
): Generator<RecentItem, void, undefined> {
  let entries = 0;
  let last: RecentEvent | undefined;
  for (const event of events) {
    if (ends(event)) break;
    entries += 1;
    last = event;
    const listed = !event.gone && matches(filters, event.terms) !== undefined;
    if (!listed && entries < STRIDE) continue;
    const { partition, offset, atMs, body } = event;
    yield { partition, offset, atMs, body: listed ? body : undefined, entries, cost: entries };
    entries = 0;
  }
  if (entries === 0 || last === undefined) return;
  const { partition, offset, atMs } = last;
  yield { partition, offset, atMs, body: undefined, entries, cost: entries };
}

/** The memory of an event, roughly: its text, what was parsed of it, and what surrounds it. */
function sizeOf({ body }: RecentEvent): number {
  return body.length * 4 + 500;
}
