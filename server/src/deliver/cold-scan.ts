import { performance } from "node:perf_hooks";
import { PenstockError, type Source } from "@penstock-dev/contract";
import { type FilterHandle, FilterIndex } from "../filter/index.ts";
import type { ColdLane, ColdMatch } from "./cold-lane.ts";
import type { Entry } from "./entry.ts";
import type { Broadcast, Interest } from "./interest.ts";
import { Latecomers } from "./latecomers.ts";
import { covers, laterOf, laterSource, type Place } from "./place.ts";
import type { RegionReader } from "./region-cache.ts";
import type { TopicState } from "./topic-state.ts";

/** Entries that a scan takes in one step: some milliseconds of matching and sending. */
const BATCH_ENTRIES = 256;

/** The lanes of a cohort that hold one interest, with what a batch has for them. */
interface CohortInterest {
  readonly interest: Interest;
  readonly handle: FilterHandle;
  readonly lanes: Set<ColdLane>;
  matches: ColdMatch[];
}

/** A batch of entries, merged by time, and the place before each of them. */
export interface Batch {
  readonly entries: readonly Entry[];
  readonly start: Place;
  readonly end: Place;
}

/** The place before an entry of a batch. */
export function placeInBatch(batch: Batch, at: number): Place {
  if (at >= batch.entries.length) return batch.end;
  const offsets = [...batch.start.offsets];
  const sources = [...batch.start.sources];
  for (let passed = 0; passed < at; passed++) {
    const entry = batch.entries[passed];
    if (entry === undefined) continue;
    offsets[entry.partition] = entry.offset + 1;
    sources[entry.partition] = laterSource(sources[entry.partition], entry.source);
  }
  return { offsets, sources };
}

/**
 * One pass over a stretch of the log for all the cold clients that stand in it: reads each record
 * once, finds the interests of the cohort that it matches, and hands each lane its part.
 */
export class ColdScan {
  readonly #state: TopicState;
  readonly #regions: RegionReader;
  readonly #index: FilterIndex<CohortInterest>;
  readonly #cohort = new Map<Interest, CohortInterest>();
  /** The lanes that begin ahead of the scan, and those that end where they said. */
  readonly #skipping = new Set<ColdLane>();
  readonly #ending = new Set<ColdLane>();
  /** The lanes that got some of the batch that is being sent. */
  #touched: ColdLane[] = [];
  #place: Place;
  /** Where and when it began, the time by a clock that is never set. */
  readonly start: Place;
  readonly startedMs = performance.now();
  /** A batch is on its way to the lanes: who comes now joins behind it. */
  isSending = false;
  /** The scan with which this one catches up, and which waits for it. */
  readonly leader: ColdScan | undefined;
  readonly latecomers = new Latecomers();

  constructor(
    state: TopicState,
    regions: RegionReader,
    place: Place,
    leader: ColdScan | undefined,
  ) {
    this.#state = state;
    this.#regions = regions;
    this.#index = new FilterIndex(state.stream);
    this.#place = place;
    this.start = place;
    this.leader = leader;
  }

  get place(): Place {
    return this.#place;
  }

  get isEmpty(): boolean {
    return this.#cohort.size === 0;
  }

  /** The lanes whose end the scan has come to. */
  get done(): ColdLane[] {
    if (this.#ending.size === 0) return [];
    return [...this.#ending].filter(
      ({ until }) => until !== undefined && covers(this.place, until),
    );
  }

  /** Whether clients at a place can join: what they want lies ahead of the scan. */
  admits(place: Place): boolean {
    return covers(place, this.place);
  }

  *lanes(): Iterable<ColdLane> {
    for (const cohort of this.#cohort.values()) yield* cohort.lanes;
  }

  add(lane: ColdLane): void {
    let cohort = this.#cohort.get(lane.interest);
    if (cohort === undefined) {
      const made: { handle?: FilterHandle } & Omit<CohortInterest, "handle"> = {
        interest: lane.interest,
        lanes: new Set(),
        matches: [],
      };
      made.handle = this.#index.add(lane.interest.filters, made as CohortInterest);
      cohort = made as CohortInterest;
      this.#cohort.set(lane.interest, cohort);
    }
    cohort.lanes.add(lane);
    lane.scan = this;
    lane.passedBy(this.place);
    if (lane.skip !== undefined) this.#skipping.add(lane);
    if (lane.until !== undefined) this.#ending.add(lane);
  }

  remove(lane: ColdLane): void {
    const cohort = this.#cohort.get(lane.interest);
    if (cohort === undefined) return;
    cohort.lanes.delete(lane);
    this.#skipping.delete(lane);
    this.#ending.delete(lane);
    if (cohort.lanes.size > 0) return;
    this.#index.remove(cohort.handle);
    this.#cohort.delete(lane.interest);
  }

  /** Takes over all that another has, which has come to the same place or beyond. */
  takeOver(other: ColdScan): void {
    for (const lane of [...other.lanes()]) {
      other.remove(lane);
      // What the other passed alone is not read for them again.
      lane.skip = lane.skip === undefined ? other.place : laterOf(lane.skip, other.place);
      this.add(lane);
    }
  }

  /** Reads the next batch before `cut`; undefined where the scan stands there. */
  async next(cut: Place): Promise<Batch | undefined> {
    if (covers(this.place, cut)) return undefined;
    const start = this.place;
    const offsets = [...start.offsets];
    const sources = [...start.sources];
    const ahead = await this.#ahead(cut);
    const entries: Entry[] = [];
    while (entries.length < BATCH_ENTRIES) {
      const stretch = oldest(ahead);
      if (stretch === undefined) break;
      const entry = stretch.entries[stretch.at] as Entry;
      stretch.at += 1;
      entries.push(entry);
      offsets[entry.partition] = entry.offset + 1;
      sources[entry.partition] = laterSource(sources[entry.partition], entry.source);
      // A partition whose stretch is used up may go on earlier than the others' next entries.
      if (stretch.at === stretch.entries.length && !stretch.isLast) break;
    }
    for (const stretch of ahead) {
      if (stretch.at < stretch.entries.length) continue;
      offsets[stretch.partition] = Math.max(offsets[stretch.partition] ?? 0, stretch.next);
      sources[stretch.partition] = laterSource(sources[stretch.partition], stretch.lastSource);
    }
    return { entries, start, end: { offsets, sources } };
  }

  async #ahead(cut: Place): Promise<StretchAhead[]> {
    const ahead: StretchAhead[] = [];
    for (const [partition, end] of cut.offsets.entries()) {
      const from = this.place.offsets[partition] ?? 0;
      if (from >= end) continue;
      const region = await this.#regions.at(partition, from, end);
      if (region.from > from || region.next <= from) {
        throw new PenstockError("cursor_too_old", "What was to be read has left the log.");
      }
      const entries: Entry[] = [];
      let lastSource: Source | undefined;
      for (const record of region.records) {
        if (record.offset < from || record.offset >= end) continue;
        lastSource = laterSource(lastSource, record.source);
        if (record.entry !== undefined) entries.push(record.entry);
      }
      const next = Math.min(end, region.next);
      ahead.push({ partition, entries, at: 0, next, isLast: next >= end, lastSource });
    }
    return ahead;
  }

  /** What of a batch each lane of the cohort gets. */
  match(
    batch: Batch,
  ): Iterable<{ readonly lane: ColdLane; readonly matches: readonly ColdMatch[] }> {
    const touched = new Set<CohortInterest>();
    this.#index.expect(batch.entries.map(({ terms }) => terms));
    for (const [at, entry] of batch.entries.entries()) {
      if (this.#state.tombstones.hides(entry)) continue;
      const broadcast = broadcastOf(this.#state, entry, at);
      if (broadcast !== undefined) {
        for (const cohort of this.#cohort.values()) {
          if (!cohort.interest.reads(broadcast)) continue;
          cohort.matches.push({ entry, tags: undefined, at });
          touched.add(cohort);
        }
        continue;
      }
      this.#index.match(entry.terms, (cohort, tags) => {
        cohort.matches.push({ entry, tags, at });
        touched.add(cohort);
      });
    }
    const parts: { lane: ColdLane; matches: ColdMatch[] }[] = [];
    for (const cohort of touched) {
      const { matches } = cohort;
      cohort.matches = [];
      for (const lane of cohort.lanes) {
        const own = matches.filter(({ entry }) => lane.wants(entry));
        if (own.length > 0) parts.push({ lane, matches: own });
      }
    }
    this.#touched = parts.map(({ lane }) => lane);
    return parts;
  }

  /** Goes on from a place: behind a batch, or behind what the log no longer holds. */
  advance(to: Place): void {
    this.#place = to;
    for (const lane of this.#touched) lane.within = undefined;
    this.#touched = [];
    for (const lane of this.#skipping) {
      lane.passedBy(to);
      if (lane.skip === undefined) this.#skipping.delete(lane);
    }
  }
}

interface StretchAhead {
  readonly partition: number;
  readonly entries: readonly Entry[];
  at: number;
  readonly next: number;
  readonly isLast: boolean;
  readonly lastSource: Source | undefined;
}

function oldest(ahead: readonly StretchAhead[]): StretchAhead | undefined {
  let best: StretchAhead | undefined;
  let bestMs = Number.POSITIVE_INFINITY;
  for (const stretch of ahead) {
    const entry = stretch.entries[stretch.at];
    if (entry !== undefined && entry.atMs < bestMs) {
      best = stretch;
      bestMs = entry.atMs;
    }
  }
  return best;
}

/** The broadcast that an entry is, at a sequence; undefined where it is none. */
export function broadcastOf(state: TopicState, entry: Entry, seq: number): Broadcast | undefined {
  const field = state.stream.eventTypes.get(entry.eventType)?.broadcast?.field;
  if (field === undefined) return undefined;
  const [value = ""] = entry.terms.terms(field);
  return { seq, field, value };
}
