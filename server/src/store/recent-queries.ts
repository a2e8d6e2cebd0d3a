import { PenstockError } from "@penstock-dev/contract";
import type { Filters } from "../filter/index.ts";
import type { Log } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import type { Stream } from "../streams/index.ts";
import { byTime } from "./by-time.ts";
import { cursorAt, offsetsOfCursor } from "./cursor-offsets.ts";
import { Deadline } from "./deadline.ts";
import type { storeOptions } from "./options.ts";
import type { Found, Preview, Recent } from "./recent.ts";

/** What a walk through a partition comes by: an event that matches, or some that do not. */
export interface RecentItem {
  readonly partition: number;
  /** Of the last that was looked at. */
  readonly offset: number;
  readonly atMs: number;
  /** As it goes over the wire, where the last one is to be listed. */
  readonly body: string | undefined;
  /** How many were looked at since the item before. */
  readonly entries: number;
  /** What that cost, in entries that were passed over. */
  readonly cost: number;
}

/** Events that a walk passes over before it says so: budgets and turns are kept by what it says. */
export const STRIDE = 512;

/** Where the recent events of a stream lie. A walk lasts no longer than a turn. */
export interface RecentSource extends AsyncDisposable {
  /** Resolves when it has all that the log holds now; to false where the signal aborts before. */
  catchUp(signal: AbortSignal): Promise<boolean>;
  /** Resolves when there is something behind a place, or the signal aborts. */
  moved(place: readonly number[], signal: AbortSignal): Promise<void>;
  /** By partition, the offset behind the last that it has. */
  place(): readonly number[];
  /** By partition, the lowest offset that it can have: it holds all from there on. */
  floors(): readonly number[];
  /** Before an offset and not before a time, newest first. */
  newestFirst(
    partition: number,
    until: number,
    sinceMs: number,
    filters: Filters,
  ): Iterator<RecentItem>;
  /** From an offset on and before another, oldest first. */
  oldestFirst(
    partition: number,
    from: number,
    until: number,
    filters: Filters,
  ): Iterator<RecentItem>;
}

/** What both implementations are made with. */
export interface RecentInit {
  readonly stream: Stream;
  readonly log: Log;
  readonly options: OptionValues<typeof storeOptions>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What is looked at in one turn, in entries: two milliseconds or so. */
const TURN_COST = 10_000;

const timeOf = ({ atMs }: RecentItem): number => atMs;

/** The queries of the recent window, wherever its events lie. */
export class RecentQueries implements Recent {
  readonly #source: RecentSource;
  readonly #init: RecentInit;
  readonly #abort = new AbortController();
  /** What is being answered. */
  readonly #running = new Set<Promise<unknown>>();

  constructor(source: RecentSource, init: RecentInit) {
    this.#source = source;
    this.#init = init;
  }

  newest(filters: Filters, limit: number): Promise<Found> {
    return this.#run(this.#newest(filters, limit));
  }

  after(
    filters: Filters,
    limit: number,
    cursor: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Found> {
    return this.#run(this.#after(filters, limit, cursor, waitMs, signal));
  }

  preview(filters: Filters, samples: number): Promise<Preview> {
    return this.#run(this.#preview(filters, samples));
  }

  /** What is asked by then is answered, with what there is; then its source ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await Promise.allSettled(this.#running);
    await this.#source[Symbol.asyncDispose]();
  }

  async #run<T>(answer: Promise<T>): Promise<T> {
    this.#running.add(answer);
    try {
      return await answer;
    } finally {
      this.#running.delete(answer);
    }
  }

  async #newest(filters: Filters, limit: number): Promise<Found> {
    await this.#catchUp(this.#abort.signal);
    const until = this.#source.place();
    const bodies: string[] = [];
    let characters = 0;
    await this.#walkBack(filters, until, ({ body }) => {
      if (body !== undefined) bodies.push(body);
      characters += body?.length ?? 0;
      return bodies.length < limit && characters < this.#init.options.answerBytesMax;
    });
    return { bodies, cursor: await this.#cursor(until), more: false };
  }

  async #after(
    filters: Filters,
    limit: number,
    cursor: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Found> {
    const { log, stream, options, now } = this.#init;
    const sinceMs = now() - options.recentMs;
    const { partitions } = await log.describe(stream.topic);
    const oldest: number[] = [];
    for (let partition = 0; partition < partitions; partition++)
      oldest.push(await log.offsetAt(stream.topic, partition, sinceMs));
    let place: readonly number[] = await offsetsOfCursor(log, stream, cursor, oldest);
    const ended = AbortSignal.any([signal, this.#abort.signal]);
    await this.#catchUp(ended);
    if (place.some((offset, partition) => offset < (oldest[partition] ?? 0))) throw tooOld();
    using deadline = new Deadline(waitMs, ended);
    const over = deadline.signal;
    for (;;) {
      const { bodies, reached, more } = await this.#oldest(filters, limit, place);
      const answers = bodies.length > 0 || more || waitMs === 0;
      if (!answers && !over.aborted) await this.#source.moved(reached, over);
      if (answers || over.aborted || !(await this.#hasCaughtUp(over)))
        return { bodies, cursor: await this.#cursor(reached), more };
      place = reached;
    }
  }

  async #preview(filters: Filters, samples: number): Promise<Preview> {
    await this.#catchUp(this.#abort.signal);
    let matched = 0;
    let evaluated = 0;
    let oldestMs: number | undefined;
    const sample: string[] = [];
    await this.#walkBack(filters, this.#source.place(), ({ body, atMs, entries }) => {
      evaluated += entries;
      oldestMs = atMs;
      if (body === undefined) return true;
      matched += 1;
      if (sample.length < samples) sample.push(body);
      return true;
    });
    const spanMs = oldestMs === undefined ? 0 : Math.max(1000, this.#init.now() - oldestMs);
    return { matched, evaluated, spanMs, sample };
  }

  /** @throws PenstockError `storage_unavailable` where it lags, or ends before it has caught up */
  async #catchUp(signal: AbortSignal): Promise<void> {
    if (await this.#hasCaughtUp(signal)) return;
    throw new PenstockError("storage_unavailable", "The recent window is closed.");
  }

  /**
   * Waits for all that the log holds now; to false where the signal aborts before.
   *
   * @throws PenstockError `storage_unavailable` where it takes too long
   */
  async #hasCaughtUp(signal: AbortSignal): Promise<boolean> {
    using patience = new Deadline(this.#init.options.catchUpMs, signal);
    if (await this.#source.catchUp(patience.signal)) return true;
    if (signal.aborted) return false;
    throw new PenstockError("storage_unavailable", "The recent window lags behind the log.", {
      retryAfterMs: 1000,
    });
  }

  async #oldest(
    filters: Filters,
    limit: number,
    from: readonly number[],
  ): Promise<{ bodies: readonly string[]; reached: readonly number[]; more: boolean }> {
    const source = this.#source;
    const until = source.place();
    const reached = [...from];
    const bodies: string[] = [];
    let characters = 0;
    const lists = () =>
      reached.map((offset, partition) => {
        if (offset < (source.floors()[partition] ?? 0)) throw tooOld();
        return source.oldestFirst(partition, offset, until[partition] ?? 0, filters);
      });
    const whole = await this.#walk(lists, false, (item) => {
      const isFull = bodies.length === limit || characters >= this.#init.options.answerBytesMax;
      if (item.body !== undefined && isFull) return false;
      if (item.body !== undefined) bodies.push(item.body);
      characters += item.body?.length ?? 0;
      reached[item.partition] = item.offset + 1;
      return true;
    });
    return whole ? { bodies, reached: until, more: false } : { bodies, reached, more: true };
  }

  async #walkBack(
    filters: Filters,
    until: readonly number[],
    visit: (item: RecentItem) => boolean,
  ): Promise<void> {
    const sinceMs = this.#init.now() - this.#init.options.recentMs;
    const reached = [...until];
    const lists = () =>
      reached.map((offset, partition) =>
        this.#source.newestFirst(partition, offset, sinceMs, filters),
      );
    await this.#walk(lists, true, (item) => {
      reached[item.partition] = item.offset;
      return visit(item);
    });
  }

  /**
   * Walks through all partitions by time, with a turn of the event loop now and then.
   *
   * @param lists what is to be walked through from where it stands
   * @param visit false ends the walk
   * @returns whether it came to the end
   */
  async #walk(
    lists: () => readonly Iterator<RecentItem>[],
    newestFirst: boolean,
    visit: (item: RecentItem) => boolean,
  ): Promise<boolean> {
    let left = this.#init.options.recentScanMax;
    for (;;) {
      let turn = TURN_COST;
      for (const item of byTime(lists(), timeOf, newestFirst)) {
        if (left <= 0 || !visit(item)) return false;
        left -= item.cost;
        turn -= item.cost;
        if (turn <= 0) break;
      }
      if (turn > 0) return true;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #cursor(offsets: readonly number[]): Promise<string> {
    const { stream, log } = this.#init;
    return cursorAt(stream, await log.describe(stream.topic), offsets);
  }
}

function tooOld(): PenstockError {
  return new PenstockError(
    "cursor_too_old",
    "The cursor is older than the recent window; use `history` or a subscription.",
  );
}
