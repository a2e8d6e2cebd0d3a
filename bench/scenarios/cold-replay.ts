/**
 * A client that replays the whole log through a filter that matches little: entries a second of the
 * server's CPU.
 */
import { fullLogOf, replay } from "../harness/full-log.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atLeast, figure, spreadFigure } from "../harness/scenario.ts";
import { spread } from "../harness/statistics.ts";

async function run(bench: Bench): Promise<Outcome> {
  const entries = bench.pick(300_000, 5000);
  // Every hundredth entry has one of ten hashtags, so that one in a thousand matches.
  const filters = 10;
  // With next to no cache of decoded stretches, each round reads the log.
  const flags = ["--deliver-region-cache-bytes", "1MiB"];
  const log = await fullLogOf(bench, { entries, filters, flags });
  const perSecond: number[] = [];
  const elapsed: number[] = [];
  for (let round = 0; round < bench.pick(4, 2); round++) {
    const { cpuMicros, seconds } = await replay(log, { clients: 1, filters });
    perSecond.push((entries / cpuMicros) * 1e6);
    elapsed.push(entries / seconds);
  }
  // The first round also finds code that has not run and pages that are not there.
  const warm = spread(perSecond.slice(1));
  return {
    figures: [
      figure("entries in the log", entries, ""),
      figure("entries a second of CPU, first round", perSecond[0] ?? 0, "/s"),
      spreadFigure("entries a second of CPU, later rounds", warm, "/s"),
      spreadFigure("entries a second of time, later rounds", spread(elapsed.slice(1)), "/s"),
    ],
    goals: [atLeast("entries a second and core", warm.median, 200_000, "/s")],
  };
}

export const coldReplay: Scenario = {
  name: "cold-replay",
  title: "replay of the log through a filter that matches little",
  run,
};
