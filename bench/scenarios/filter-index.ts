/**
 * The filter index by itself, in this process: events a second of CPU, bytes a filter, what adding and
 * removing cost and the longest turn of it, as different filters grow to a million; beside evaluating
 * every filter, and beside one comparison for every subscriber.
 */
import { type World, worlds } from "../harness/filter-worlds.ts";
import {
  comparisonNs,
  type IndexCost,
  indexCost,
  interestBytes,
  lookUpNs,
} from "../harness/index-cost.ts";
import type { Bench, Figure, Goal, Outcome, PlotSeries, Scenario } from "../harness/scenario.ts";
import { atLeast, atMost, figure } from "../harness/scenario.ts";

const EVENTS = 20_000;
/** Above so many filters evaluating each takes too long to be worth waiting for. */
const PLAIN_MAX = 1000;

async function run(bench: Bench): Promise<Outcome> {
  const counts = bench.pick([1000, 100_000, 1_000_000], [500, 2000]);
  const spendMs = bench.pick(1000, 100);
  const compareNs = comparisonNs(spendMs);
  const figures: Figure[] = [figure("one comparison of one value", compareNs, "ns")];
  const goals: Goal[] = [];
  const series: PlotSeries[] = [];
  for (const world of worlds) {
    const events = world.events(bench.pick(EVENTS, 2000));
    const points: [number, number][] = [];
    for (const count of counts) {
      const plan = { count, spendMs, isPlainToo: count <= PLAIN_MAX };
      const cost = await indexCost(world, events, plan);
      const { perSecond } = cost.matching;
      points.push([count, perSecond]);
      const matches = cost.matching.matches.toFixed(2);
      bench.say(
        `${world.name}, ${count} filters: ${Math.round(perSecond)} events/s of ${matches} matches each`,
      );
      figures.push(...figuresOf(world, count, cost));
      const evaluatedUs = (count * compareNs) / 1000;
      const of = `${world.name}, ${count} filters`;
      figures.push(
        figure(
          `${of}: one comparison for each filter against the index`,
          (evaluatedUs * perSecond) / 1e6,
          "x",
        ),
      );
      if (count !== counts.at(-1)) continue;
      const lookUps = 1e9 / perSecond / lookUpNs(count);
      figures.push(
        figure(`${of}: look-ups in a Map of as many keys that an event costs`, lookUps, ""),
      );
      goals.push(...goalsOf(of, cost));
    }
    const held = bench.pick(100_000, 1000);
    const bytes = interestBytes(world, held);
    figures.push(
      figure(`${world.name}, ${held} filters: bytes each, with its interest`, bytes, "B"),
    );
    series.push({ name: world.name, points });
  }
  const plot = { name: "index", title: "Events matched a second of CPU", x: "different filters" };
  return {
    figures,
    goals,
    plots: [{ ...plot, y: "events/s", isLogX: true, isLogY: true, series }],
  };
}

function figuresOf({ name }: World, count: number, cost: IndexCost): Figure[] {
  const { matching, plain, bytesEach, adding, removing, filling, parsing } = cost;
  const of = `${name}, ${count} filters`;
  const figures = [
    figure(`${of}: events a second`, matching.perSecond, "/s"),
    figure(`${of}: matches an event`, matching.matches, ""),
    figure(`${of}: events a second, each by itself`, cost.matchingOne.perSecond, "/s"),
    figure(`${of}: taking an event's terms`, cost.takingMicros, "µs"),
    figure(`${of}: bytes each`, bytesEach, "B"),
    figure(`${of}: adding while filling`, filling.meanMicros, "µs"),
    figure(`${of}: adding`, adding.meanMicros, "µs"),
    figure(`${of}: removing`, removing.meanMicros, "µs"),
    figure(`${of}: parsing`, parsing.meanMicros, "µs"),
    figure(`${of}: longest collection of garbage while filling`, cost.fillGarbageMs, "ms"),
    figure(`${of}: longest collection of garbage while replacing`, cost.churnGarbageMs, "ms"),
    figure(`${of}: the longest turn of a hundred, by the clock`, cost.longestTurn.tookMs, "ms"),
    figure(`${of}: collections within that turn`, cost.longestTurn.garbageMs, "ms"),
  ];
  if (plain !== undefined)
    figures.push(
      figure(`${of}: the index against evaluating each`, matching.perSecond / plain.perSecond, "x"),
    );
  return figures;
}

function goalsOf(
  of: string,
  { matching, bytesEach, adding, removing, longestTurn }: IndexCost,
): Goal[] {
  return [
    atLeast(`${of}: events a second and core`, matching.perSecond, 200_000, "/s"),
    atMost(`${of}: bytes each`, bytesEach, 500, "B"),
    atMost(`${of}: adding one`, adding.meanMicros, 5, "µs"),
    atMost(`${of}: removing one`, removing.meanMicros, 5, "µs"),
    atMost(`${of}: longest turn of adding or removing a hundred`, longestTurn.cpuMs, 10, "ms"),
  ];
}

export const filterIndex: Scenario = {
  name: "index",
  // As a server has them (server/bin/penstock.js).
  nodeOptions: ["--max-semi-space-size=16", "--no-allocation-site-pretenuring"],
  title: "the filter index by itself, up to a million different filters",
  run,
};
