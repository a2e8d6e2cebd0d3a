/**
 * A thousand clients that come back at once to the same place with different filters, beside one that
 * does, each of a server that has just started: the log is to be read once for all of them.
 */
import { FullLog } from "../harness/full-log.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure, spreadFigure } from "../harness/scenario.ts";
import { ratio, spread } from "../harness/statistics.ts";

async function run(bench: Bench): Promise<Outcome> {
  const entries = bench.pick(300_000, 5000);
  const filters = bench.pick(1000, 20);
  const log = await FullLog.fill(bench, entries, filters);
  const one: number[] = [];
  const many: number[] = [];
  const seconds: number[] = [];
  for (let round = 0; round < bench.pick(3, 1); round++) {
    await log.restart();
    one.push((await log.replay(1)).cpuMicros / 1e6);
    await log.restart();
    const all = await log.replay(filters);
    many.push(all.cpuMicros / 1e6);
    seconds.push(all.seconds);
  }
  const held = ratio(many, one);
  return {
    figures: [
      figure("entries in the log", entries, ""),
      figure("clients", filters, ""),
      spreadFigure("CPU of one client", spread(one), "s"),
      spreadFigure("CPU of all, handshakes counted", spread(many), "s"),
      spreadFigure("time until all have caught up", spread(seconds), "s"),
    ],
    goals: [
      {
        ...atMost("CPU of all against one", held.median, 2, "x"),
        min: held.min,
        max: held.max,
      },
    ],
  };
}

export const cohorts: Scenario = {
  name: "cohorts",
  title: "1,000 clients with different filters that replay the log at once",
  run,
};
