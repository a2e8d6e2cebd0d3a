import type { Limits } from "@penstock-dev/contract";
import { Interest } from "../../server/src/deliver/interest.ts";
import { ShardedMap } from "../../server/src/deliver/sharded-map.ts";
import {
  EventTerms,
  type FilterHandle,
  FilterIndex,
  type Filters,
  matches,
  parseFilters,
} from "../../server/src/filter/index.ts";
import type { Stream, StreamEvent } from "../../server/src/streams/index.ts";
import { Dice, type World } from "./filter-worlds.ts";
import { GarbageWatch, heldBytes, type Span } from "./garbage.ts";

const LIMITS: Limits = {
  rules_max: 100,
  values_max: 10_000,
  match_all: true,
  max_events_per_second: null,
  when_behind: [],
};
/** Filters that are replaced by others. */
const CHURN = 100_000;
/** Events that a server reads together when many wait; of fewer the index looks up fewer together. */
const READ_TOGETHER = 100;
/**
 * An index of each stream that stays, as a server has for as long as it lives. Where none does, the
 * runtime throws away what it knows of the shapes of its objects with each index that is measured,
 * and after some seven of them optimises no more as it does for a server.
 */
const lasting = new Map<Stream, FilterIndex<number>>();
/** Things that are timed together: the clock of CPU is too slow to read for each. */
const BATCH = 100;

const threadMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** What many things took of this thread's CPU. */
export class CpuWatch {
  #count = 0;
  #totalMs = 0;
  longestMs = 0;
  /** When that was. */
  longestAt: Span = { startMs: 0, endMs: 0 };

  time(count: number, work: () => void): void {
    const startMs = performance.now();
    const startCpuMs = threadMs();
    work();
    const tookMs = threadMs() - startCpuMs;
    this.#count += count;
    this.#totalMs += tookMs;
    if (tookMs <= this.longestMs) return;
    this.longestMs = tookMs;
    this.longestAt = { startMs, endMs: performance.now() };
  }

  get meanMicros(): number {
    return (this.#totalMs * 1000) / Math.max(1, this.#count);
  }
}

/** Events a second of CPU, and matches an event. */
export interface Rate {
  readonly perSecond: number;
  readonly matches: number;
}

/** @param match answers how many matches some events have */
function rate(
  events: readonly StreamEvent[],
  spendMs: number,
  match: (events: readonly StreamEvent[]) => number,
): Rate {
  const parts: (readonly StreamEvent[])[] = [];
  for (let at = 0; at < events.length; at += READ_TOGETHER)
    parts.push(events.slice(at, at + READ_TOGETHER));
  let turn = 0;
  // Code that has not run is slow, and memory that was not used is far.
  const warmMs = cpuMs();
  do match(parts[turn++ % parts.length] as readonly StreamEvent[]);
  while (cpuMs() - warmMs < spendMs / 2);
  let count = 0;
  let matched = 0;
  const startMs = cpuMs();
  do {
    const part = parts[turn++ % parts.length] as readonly StreamEvent[];
    matched += match(part);
    count += part.length;
  } while (cpuMs() - startMs < spendMs);
  return { perSecond: (count / (cpuMs() - startMs)) * 1000, matches: matched / count };
}

/** @param isExpected the index is told of all events before, as a server does with what it read together */
const matcher =
  <T>(world: World, index: FilterIndex<T>, isExpected: boolean) =>
  (events: readonly StreamEvent[]): number => {
    let found = 0;
    const all = events.map((event) => new EventTerms(world.stream, event));
    if (isExpected) index.expect(all);
    for (const terms of all)
      index.match(terms, () => {
        found += 1;
      });
    return found;
  };

/** Takes the terms of all fields and looks nothing up. */
const taker =
  ({ stream }: World) =>
  (events: readonly StreamEvent[]): number => {
    let count = 0;
    for (const event of events) {
      const terms = new EventTerms(stream, event);
      for (const field of stream.fields.keys()) count += terms.terms(field).length;
    }
    return count;
  };

/** What the index costs with so many different filters. */
export interface IndexCost {
  readonly matching: Rate;
  /** The same when each event comes by itself. */
  readonly matchingOne: Rate;
  /** What taking an event's terms costs of it, in microseconds. */
  readonly takingMicros: number;
  readonly bytesEach: number;
  readonly parsing: CpuWatch;
  readonly filling: CpuWatch;
  readonly adding: CpuWatch;
  readonly removing: CpuWatch;
  /** The longest collection of garbage while filters were put in, and while they were replaced. */
  readonly fillGarbageMs: number;
  readonly churnGarbageMs: number;
  /** What a hundred filters that were put in or taken out took at most, and how much of that collections did. */
  readonly longestTurn: LongestTurn;
  /** Events a second when every filter is evaluated instead; undefined where that is not asked for. */
  readonly plain: Rate | undefined;
}

/** The longest of many turns: its CPU, how long it took, and how much of that were collections of garbage. */
export interface LongestTurn {
  readonly cpuMs: number;
  readonly tookMs: number;
  readonly garbageMs: number;
}

async function longestOf(
  watches: readonly CpuWatch[],
  garbage: GarbageWatch,
): Promise<LongestTurn> {
  const [longest] = watches.toSorted((a, b) => b.longestMs - a.longestMs) as [CpuWatch];
  const { startMs, endMs } = longest.longestAt;
  return {
    cpuMs: longest.longestMs,
    tookMs: endMs - startMs,
    garbageMs: await garbage.withinMs(longest.longestAt),
  };
}

/** How long to measure, and whether to evaluate every filter too. */
export interface IndexPlan {
  readonly count: number;
  readonly spendMs: number;
  readonly isPlainToo: boolean;
}

/** Fills an index, matches events, and replaces filters by others. */
export async function indexCost(
  world: World,
  events: readonly StreamEvent[],
  plan: IndexPlan,
): Promise<IndexCost> {
  const { count, spendMs } = plan;
  if (!lasting.has(world.stream)) lasting.set(world.stream, new FilterIndex(world.stream));
  const dice = new Dice(3);
  const kept: (Filters | undefined)[] = new Array(count).fill(undefined);
  const handles: (FilterHandle | undefined)[] = new Array(count).fill(undefined);
  const [parsing, filling, adding, removing] = [0, 1, 2, 3].map(() => new CpuWatch()) as [
    CpuWatch,
    CpuWatch,
    CpuWatch,
    CpuWatch,
  ];
  const parse = (first: number, places: readonly number[]): void => {
    const requests = places.map((_, at) => world.request(first + at, dice));
    parsing.time(places.length, () => {
      for (let at = 0; at < places.length; at++)
        kept[places[at] as number] = parseFilters(world.stream, requests[at] as object, LIMITS);
    });
  };
  const garbage = new GarbageWatch();
  const before = heldBytes();
  const fillsAtMs = performance.now();
  const index = new FilterIndex<number>(world.stream);
  const put = (watch: CpuWatch, places: readonly number[]): void =>
    watch.time(places.length, () => {
      for (const at of places) handles[at] = index.add(kept[at] as Filters, at);
    });
  for (let first = 0; first < count; first += BATCH) {
    const places = Array.from({ length: Math.min(BATCH, count - first) }, (_, at) => first + at);
    parse(first, places);
    put(filling, places);
  }
  const fillGarbageMs = await garbage.longestMs(fillsAtMs);
  const bytesEach = (heldBytes() - before) / count;
  const matching = rate(events, spendMs, matcher(world, index, true));
  const matchingOne = rate(events, spendMs / 2, matcher(world, index, false));
  const takingMicros = 1e6 / rate(events, spendMs / 4, taker(world)).perSecond;
  const churnsAtMs = performance.now();
  for (let turn = 0; turn < Math.min(CHURN, count); turn += BATCH) {
    const places = [...new Set(Array.from({ length: BATCH }, () => dice.below(count)))];
    removing.time(places.length, () => {
      for (const at of places) index.remove(handles[at] as FilterHandle);
    });
    parse(count + turn, places);
    put(adding, places);
  }
  const churnGarbageMs = await garbage.longestMs(churnsAtMs);
  const longestTurn = await longestOf([filling, adding, removing], garbage);
  garbage.stop();
  const plain = plan.isPlainToo ? plainRate(world, events, kept as Filters[], spendMs) : undefined;
  return {
    ...{ matching, matchingOne, takingMicros, bytesEach, parsing, filling, adding, removing },
    ...{ fillGarbageMs, churnGarbageMs, longestTurn, plain },
  };
}

/** Every filter evaluated for every event: what an index is there to avoid. */
function plainRate(
  { stream }: World,
  events: readonly StreamEvent[],
  all: readonly Filters[],
  spendMs: number,
): Rate {
  return rate(events.slice(0, 2 * READ_TOGETHER), spendMs, (some) => {
    let found = 0;
    for (const event of some) {
      const terms = new EventTerms(stream, event);
      for (const filters of all) if (matches(filters, terms) !== undefined) found += 1;
    }
    return found;
  });
}

/** Bytes of a filter as the engine keeps it: in the index, with an interest that its key finds. */
export function interestBytes(world: World, count: number): number {
  const dice = new Dice(3);
  const index = new FilterIndex<Interest>(world.stream);
  const interests = new ShardedMap<Interest>();
  const before = heldBytes();
  for (let at = 0; at < count; at++) {
    const filters = parseFilters(world.stream, world.request(at, dice), LIMITS);
    if (interests.get(filters.key) === undefined)
      interests.set(filters.key, new Interest(filters, 0, index));
  }
  const bytes = (heldBytes() - before) / interests.size;
  // Otherwise nothing would hold them until here.
  if (index.size !== interests.size) throw new Error("the index lost filters");
  return bytes;
}

/**
 * Matching with so many filters that have one client each, and the same with ten: the clients find
 * their interest by its key, and the index does not see them. Answers CPU an event in microseconds,
 * round by round, once and with ten times the clients.
 */
export function equalFilterCosts(
  world: World,
  events: readonly StreamEvent[],
  of: { readonly filters: number; readonly rounds: number; readonly spendMs: number },
): { readonly once: readonly number[]; readonly tenfold: readonly number[] } {
  const engine = (clientsEach: number) => {
    const index = new FilterIndex<Interest>(world.stream);
    const interests = new ShardedMap<Interest>();
    for (let turn = 0; turn < clientsEach; turn++) {
      const dice = new Dice(3);
      for (let at = 0; at < of.filters; at++) {
        const filters = parseFilters(world.stream, world.request(at, dice), LIMITS);
        const interest = interests.get(filters.key) ?? new Interest(filters, 0, index);
        interests.set(filters.key, interest);
        interest.members += 1;
      }
    }
    return matcher(world, index, true);
  };
  const [few, many] = [engine(1), engine(10)];
  const once: number[] = [];
  const tenfold: number[] = [];
  // The first round finds code that has not run.
  for (let round = -1; round < of.rounds; round++) {
    const [one, ten] = [few, many].map((match) => 1e6 / rate(events, of.spendMs, match).perSecond);
    if (round < 0) continue;
    once.push(one as number);
    tenfold.push(ten as number);
  }
  return { once, tenfold };
}

/** One comparison of one value for every subscriber, in nanoseconds: the least that evaluating each costs. */
export function comparisonNs(spendMs: number): number {
  const wanted = Array.from({ length: 100_000 }, (_, at) => `user${at}`);
  const holds = wanted.map((value) => (given: string) => given === value);
  let found = 0;
  let rounds = 0;
  const startMs = cpuMs();
  do {
    const given = `user${rounds++ % 200_000}`;
    for (const hold of holds) if (hold(given)) found += 1;
  } while (cpuMs() - startMs < spendMs);
  if (found === 0) throw new Error("nobody was found");
  return ((cpuMs() - startMs) * 1e6) / rounds / holds.length;
}

/** What a `Map` of so many keys needs to find one, in nanoseconds: a yardstick for memory that is in no cache. */
export function lookUpNs(count: number): number {
  const map = new Map(Array.from({ length: count }, (_, at) => [`user${at}`, at]));
  const dice = new Dice(5);
  const texts = Array.from({ length: 20_000 }, () => ["user", dice.below(count)].join(""));
  let sum = 0;
  const startMs = cpuMs();
  for (let round = 0; round < 10; round++) for (const text of texts) sum += map.get(text) ?? 0;
  if (sum === 0) throw new Error("nothing was found");
  return ((cpuMs() - startMs) * 1e6) / 10 / texts.length;
}
