/**
 * The filter index: events a second of CPU, bytes a filter, what adding, removing and parsing cost,
 * and the longest single pause, as the number of different filters grows; beside the plain
 * evaluation of every filter, and beside one comparison for every subscriber.
 *
 * `node --expose-gc bench/filter-index.ts [--filters 1000,100000,1000000] [--worlds addresses,…]`
 */
import { PerformanceObserver } from "node:perf_hooks";
import { parseArgs } from "node:util";
import type { Limits } from "@penstock-dev/contract";
import { Interest } from "../server/src/deliver/interest.ts";
import { ShardedMap } from "../server/src/deliver/sharded-map.ts";
import {
  EventTerms,
  type FilterHandle,
  FilterIndex,
  type Filters,
  matches,
  parseFilters,
} from "../server/src/filter/index.ts";
import type { StreamEvent } from "../server/src/streams/index.ts";
import { Dice, type World, worlds } from "./filter-worlds.ts";
import { machineLine } from "./harness/machine.ts";

const LIMITS: Limits = {
  rules_max: 100,
  values_max: 10_000,
  match_all: true,
  max_events_per_second: null,
  when_behind: [],
};
const EVENTS = 20_000;
const CHURN = 100_000;
/** Things that are timed together: the clock of CPU is too slow to read for each. */
const BATCH = 100;
/** CPU spent on each figure, in milliseconds. */
const SPEND_MS = 1500;
/** Above so many filters the plain evaluation takes too long to be worth waiting for. */
const PLAIN_MAX = 1000;

const { values } = parseArgs({
  options: {
    filters: { type: "string", default: "1000,100000,1000000" },
    worlds: { type: "string", default: worlds.map(({ name }) => name).join(",") },
  },
});

const whole = (number: number): string => Math.round(number).toLocaleString("en");

const threadMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

function heldBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

let gcMs = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) gcMs = Math.max(gcMs, entry.duration);
}).observe({ entryTypes: ["gc"] });

/** The longest collection of garbage since the last call. */
async function longestGcMs(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  const longest = gcMs;
  gcMs = 0;
  return longest;
}

/** What some hundred things took of this thread's CPU, summed and at most. */
class CpuWatch {
  #count = 0;
  #totalMs = 0;
  #longestMs = 0;

  time(count: number, work: () => void): void {
    const startMs = threadMs();
    work();
    const tookMs = threadMs() - startMs;
    this.#count += count;
    this.#totalMs += tookMs;
    this.#longestMs = Math.max(this.#longestMs, tookMs);
  }

  toString(): string {
    const meanUs = (this.#totalMs * 1000) / Math.max(1, this.#count);
    return `${meanUs.toFixed(2)} µs (${BATCH} together at most ${this.#longestMs.toFixed(2)} ms)`;
  }
}

/** Events a second of CPU, and matches an event. */
function rate(events: readonly StreamEvent[], match: (event: StreamEvent) => number) {
  for (const event of events.slice(0, 2000)) match(event);
  let count = 0;
  let matched = 0;
  const startMs = cpuMs();
  do {
    for (let at = 0; at < 500; at++)
      matched += match(events[count++ % events.length] as StreamEvent);
  } while (cpuMs() - startMs < SPEND_MS);
  return { perSecond: (count / (cpuMs() - startMs)) * 1000, matches: matched / count };
}

/** What the engine keeps beside: an interest for each filter, found by the filter's key. */
function interestBytes(world: World, count: number): number {
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
 * Ten times the clients with the same filters: they find their interest by its key, and the index
 * does not see them. Says how much longer an event takes.
 */
function equalFilters(world: World, count: number, events: readonly StreamEvent[]): number {
  const { stream } = world;
  const index = new FilterIndex<Interest>(stream);
  const interests = new ShardedMap<Interest>();
  const join = (): void => {
    const dice = new Dice(3);
    for (let at = 0; at < count; at++) {
      const filters = parseFilters(stream, world.request(at, dice), LIMITS);
      const interest = interests.get(filters.key) ?? new Interest(filters, 0, index);
      interests.set(filters.key, interest);
      interest.members += 1;
    }
  };
  const match = (event: StreamEvent): number => {
    let found = 0;
    index.match(new EventTerms(stream, event), () => {
      found += 1;
    });
    return found;
  };
  // The best of three, for others use the machine too.
  const best = (): number => Math.max(...[0, 1, 2].map(() => rate(events, match).perSecond));
  join();
  const once = best();
  for (let more = 0; more < 9; more++) join();
  return once / best();
}

/** One comparison of one value for every subscriber: the least that evaluating each can cost. */
function comparisonNs(): number {
  const wanted = Array.from({ length: 100_000 }, (_, at) => `user${at}`);
  const holds = wanted.map((value) => (given: string) => given === value);
  let found = 0;
  const startMs = cpuMs();
  let rounds = 0;
  do {
    const given = `user${rounds++ % 200_000}`;
    for (const hold of holds) if (hold(given)) found += 1;
  } while (cpuMs() - startMs < SPEND_MS);
  if (found === 0) throw new Error("nobody was found");
  return ((cpuMs() - startMs) * 1e6) / rounds / holds.length;
}

/** What a `Map` of so many keys needs to find one: a yardstick for memory that is in no cache. */
function lookUpNs(count: number): number {
  const map = new Map(Array.from({ length: count }, (_, at) => [`user${at}`, at]));
  const dice = new Dice(5);
  const texts = Array.from({ length: 20_000 }, () => ["user", dice.below(count)].join(""));
  let sum = 0;
  const startMs = cpuMs();
  for (let round = 0; round < 10; round++) for (const text of texts) sum += map.get(text) ?? 0;
  if (sum === 0) throw new Error("nothing was found");
  return ((cpuMs() - startMs) * 1e6) / 10 / texts.length;
}

async function measure(world: World, count: number): Promise<void> {
  const { stream } = world;
  const events = world.events(EVENTS);
  const dice = new Dice(3);
  const kept: (Filters | undefined)[] = new Array(count).fill(undefined);
  const handles: (FilterHandle | undefined)[] = new Array(count).fill(undefined);
  const parsing = new CpuWatch();
  const filling = new CpuWatch();
  const removing = new CpuWatch();
  const putting = new CpuWatch();
  const parse = (first: number, places: readonly number[]): void => {
    const requests = places.map((_, at) => world.request(first + at, dice));
    parsing.time(places.length, () => {
      for (let at = 0; at < places.length; at++)
        kept[places[at] as number] = parseFilters(stream, requests[at] as object, LIMITS);
    });
  };
  const before = heldBytes();
  await longestGcMs();
  const index = new FilterIndex<number>(stream);
  const put = (watch: CpuWatch, places: readonly number[]): void =>
    watch.time(places.length, () => {
      for (const at of places) handles[at] = index.add(kept[at] as Filters, at);
    });
  for (let first = 0; first < count; first += BATCH) {
    const places = Array.from({ length: Math.min(BATCH, count - first) }, (_, at) => first + at);
    parse(first, places);
    put(filling, places);
  }
  const fillGcMs = await longestGcMs();
  const bytes = (heldBytes() - before) / count;
  const indexed = rate(events, (event) => {
    let found = 0;
    index.match(new EventTerms(stream, event), () => {
      found += 1;
    });
    return found;
  });
  await longestGcMs();
  for (let turn = 0; turn < CHURN; turn += BATCH) {
    const places = [...new Set(Array.from({ length: BATCH }, () => dice.below(count)))];
    removing.time(places.length, () => {
      for (const at of places) index.remove(handles[at] as FilterHandle);
    });
    parse(count + turn, places);
    put(putting, places);
  }
  const churnGcMs = await longestGcMs();
  const rates = `${whole(indexed.perSecond)} events/s, ${indexed.matches.toFixed(2)} matches an event`;
  console.log(`${world.name}, ${whole(count)} filters`);
  console.log(`  ${rates}, ${bytes.toFixed(0)} bytes a filter`);
  console.log(`  add while filling: ${filling}; garbage at most ${fillGcMs.toFixed(1)} ms`);
  console.log(`  add: ${putting}; remove: ${removing}; garbage at most ${churnGcMs.toFixed(1)} ms`);
  console.log(`  parse: ${parsing}`);
  const evaluatedMs = (count * compareNs) / 1e6;
  console.log(
    `  one comparison for each: ${evaluatedMs.toFixed(3)} ms an event, ${((evaluatedMs * indexed.perSecond) / 1000).toFixed(0)} times the index's`,
  );
  const lookUps = 1e9 / indexed.perSecond / lookUpNs(count);
  console.log(`  an event costs what ${lookUps.toFixed(0)} look-ups in a Map of as many keys do`);
  if (count <= PLAIN_MAX) comparePlain(world, events, kept as Filters[], indexed.perSecond);
}

function comparePlain(
  { stream }: World,
  events: readonly StreamEvent[],
  all: readonly Filters[],
  indexed: number,
): void {
  const plain = rate(events, (event) => {
    const terms = new EventTerms(stream, event);
    let found = 0;
    for (const filters of all) if (matches(filters, terms) !== undefined) found += 1;
    return found;
  });
  const ratio = (indexed / plain.perSecond).toFixed(0);
  console.log(
    `  every filter evaluated: ${whole(plain.perSecond)} events/s; the index is ${ratio} times as fast`,
  );
}

const compareNs = comparisonNs();
console.log(`${machineLine()}; one comparison of a value ${compareNs.toFixed(1)} ns`);
if (globalThis.gc === undefined) throw new Error("run with --expose-gc");
for (const world of worlds) {
  if (!values.worlds.split(",").includes(world.name)) continue;
  const counts = values.filters.split(",").map(Number);
  for (const count of counts) await measure(world, count);
  const held = Math.min(100_000, Math.max(...counts));
  const bytes = interestBytes(world, held).toFixed(0);
  const longer = equalFilters(world, held, world.events(EVENTS)).toFixed(2);
  console.log(`${world.name}, ${whole(held)} filters in the engine: ${bytes} bytes each with its`);
  console.log(`  interest; an event takes ${longer} times as long with ten times the clients`);
}
