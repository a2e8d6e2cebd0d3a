import { type Filters, matches } from "../filter/index.ts";
import type { Stream } from "../streams/index.ts";
import type { ArchiveFiles } from "./archive-files.ts";
import type { ArchiveRows } from "./archive-rows.ts";
import type { Row } from "./archive-tables.ts";
import { type DecodedEvent, DecodedEvents } from "./decoded-events.ts";
import { eventBody } from "./event-body.ts";
import { isUndone, listable, recordOf } from "./history.ts";
import type { Recent } from "./recent.ts";
import {
  type RecentInit,
  type RecentItem,
  RecentQueries,
  type RecentSource,
  STRIDE,
} from "./recent-queries.ts";
import { Sketch } from "./sketch.ts";
import { SketchFilter } from "./sketch-filter.ts";

/** What reading an event from disk costs, in entries that are passed over; and one that was read. */
const READ_COST = 50;
const KNOWN_COST = 4;

/**
 * The last minutes of a stream, read from the archive: what a process has that does not write it.
 * It holds nothing but a few events that were read lately.
 */
export class ArchiveRecent implements RecentSource {
  readonly #init: RecentInit;
  readonly #files: ArchiveFiles;
  readonly #decoded: DecodedEvents;
  #partitions = 0;
  readonly #filters = new WeakMap<Filters, SketchFilter>();

  private constructor(init: RecentInit, files: ArchiveFiles) {
    this.#init = init;
    this.#files = files;
    this.#decoded = new DecodedEvents(init.options.recentCacheBytes);
  }

  /** The recent window on an archive's files, which stay open when it is disposed of. */
  static open(init: RecentInit & { readonly files: ArchiveFiles }): Recent {
    return new RecentQueries(new ArchiveRecent(init, init.files), init);
  }

  async catchUp(signal: AbortSignal): Promise<boolean> {
    const { log, stream } = this.#init;
    const heads = await log.heads(stream.topic);
    this.#partitions = heads.length;
    return await this.#files.reach(stream.topic, heads, signal);
  }

  async moved(place: readonly number[], signal: AbortSignal): Promise<void> {
    await this.#init.log.waitForMore(this.#init.stream.topic, place, signal);
  }

  place(): readonly number[] {
    return this.#files.place(this.#init.stream.topic, this.#partitions);
  }

  floors(): readonly number[] {
    const rows = this.#files.rows();
    return Array.from({ length: this.#partitions }, (_, partition) => {
      return rows.extent(this.#init.stream.topic, partition)?.from ?? 0;
    });
  }

  *newestFirst(
    partition: number,
    until: number,
    sinceMs: number,
    filters: Filters,
  ): Generator<RecentItem, void, undefined> {
    const { topic } = this.#init.stream;
    const { rows, extent, filter, walk } = this.#begin(partition, filters);
    const { from, sketched } = extent;
    for (const { key, value } of rows.sketchesBackwards(topic, partition, sketched, until)) {
      const sketch = new Sketch(key[2], value);
      const events = sketch.events();
      for (let event = events.length - 1; event >= 0; event--) {
        const at = events[event] as number;
        if (sketch.offset(at) >= until) continue;
        if (sketch.atMs(at) < sinceMs) return yield* walk.rest();
        const item = walk.look(sketch.offset(at), sketch.atMs(at), filter.admits(sketch, at));
        if (item !== undefined) yield item;
      }
    }
    const plain = rows.rowsBackwards(topic, partition, from, Math.min(until, sketched));
    for (const { key, value } of plain) {
      if (value.at < sinceMs) break;
      const item = walk.look(key[2], value.at, true, value);
      if (item !== undefined) yield item;
    }
    yield* walk.rest();
  }

  *oldestFirst(
    partition: number,
    from: number,
    until: number,
    filters: Filters,
  ): Generator<RecentItem, void, undefined> {
    const { topic } = this.#init.stream;
    const { rows, extent, filter, walk } = this.#begin(partition, filters);
    const { sketched } = extent;
    for (const { key, value } of rows.rows(topic, partition, from, Math.min(until, sketched))) {
      const item = walk.look(key[2], value.at, true, value);
      if (item !== undefined) yield item;
    }
    const first = Math.max(from, sketched);
    for (const { key, value } of rows.sketches(topic, partition, first, until)) {
      const sketch = new Sketch(key[2], value);
      for (const at of sketch.events()) {
        const offset = sketch.offset(at);
        if (offset < first) continue;
        if (offset >= until) break;
        const item = walk.look(offset, sketch.atMs(at), filter.admits(sketch, at));
        if (item !== undefined) yield item;
      }
    }
    yield* walk.rest();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The files belong to whoever opened them.
  }

  #begin(partition: number, filters: Filters) {
    const rows = this.#files.rows();
    let filter = this.#filters.get(filters);
    if (filter === undefined) {
      filter = new SketchFilter(filters);
      this.#filters.set(filters, filter);
    }
    const {
      from = 0,
      next = 0,
      sketched = next,
    } = rows.extent(this.#init.stream.topic, partition) ?? {};
    const read = (offset: number, row?: Row) => this.#read(rows, filters, partition, offset, row);
    return { rows, filter, extent: { from, sketched }, walk: new Walk(partition, read) };
  }

  /** An event as it is listed, and what that cost; no body where it does not match or is gone. */
  #read(
    rows: ArchiveRows,
    filters: Filters,
    partition: number,
    offset: number,
    row: Row | undefined,
  ): { readonly body: string | undefined; readonly cost: number } {
    const { stream } = this.#init;
    let event = this.#decoded.get(partition, offset);
    const cost = event === undefined ? READ_COST : KNOWN_COST;
    if (event === undefined) {
      const found = row ?? rows.row(stream.topic, partition, offset);
      if (found === undefined) return { body: undefined, cost };
      event = decode(stream, partition, offset, found);
      this.#decoded.set(partition, offset, event);
    } else if (row === undefined && !rows.has(stream.topic, partition, offset)) {
      return { body: undefined, cost };
    }
    const { terms, body } = event;
    const listed =
      terms !== undefined &&
      matches(filters, terms) !== undefined &&
      !isUndone(rows, stream, terms, partition, offset);
    return { body: listed ? body : undefined, cost };
  }
}

function decode(stream: Stream, partition: number, offset: number, row: Row): DecodedEvent {
  const terms = listable(stream, partition, recordOf(offset, row));
  const body = terms === undefined ? "" : eventBody(terms.event, partition, offset, row.at);
  return { terms, body };
}

/** Counts what a walk looks at, until there is something to say. */
class Walk {
  readonly #partition: number;
  readonly #read: (offset: number, row?: Row) => { body: string | undefined; cost: number };
  #entries = 0;
  #cost = 0;
  #offset = 0;
  #atMs = 0;

  constructor(
    partition: number,
    read: (offset: number, row?: Row) => { body: string | undefined; cost: number },
  ) {
    this.#partition = partition;
    this.#read = read;
  }

  /** @param admitted whether the event may match, and is to be read */
  look(offset: number, atMs: number, admitted: boolean, row?: Row): RecentItem | undefined {
    this.#entries += 1;
    this.#offset = offset;
    this.#atMs = atMs;
    if (!admitted) {
      this.#cost += 1;
      return this.#cost < STRIDE ? undefined : this.#item(undefined);
    }
    const { body, cost } = this.#read(offset, row);
    this.#cost += cost;
    return body === undefined && this.#cost < STRIDE ? undefined : this.#item(body);
  }

  /** What was looked at since the last item. */
  *rest(): Generator<RecentItem, void, undefined> {
    if (this.#entries > 0) yield this.#item(undefined);
  }

  #item(body: string | undefined): RecentItem {
    const item = {
      partition: this.#partition,
      offset: this.#offset,
      atMs: this.#atMs,
      body,
      entries: this.#entries,
      cost: this.#cost,
    };
    this.#entries = 0;
    this.#cost = 0;
    return item;
  }
}
