/**
 * A client that replays the whole log through a filter that matches little, of a server that has just
 * started: entries a second of the server's CPU.
 */
import { FullLog } from "../harness/full-log.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atLeast, figure, spreadFigure } from "../harness/scenario.ts";
import { spread } from "../harness/statistics.ts";

/** Every hundredth entry has one of so many hashtags: one in a thousand matches. */
const FILTERS = 10;

async function run(bench: Bench): Promise<Outcome> {
  const entries = bench.pick(300_000, 5000);
  const log = await FullLog.fill(bench, entries, FILTERS);
  const cold: number[] = [];
  const elapsed: number[] = [];
  const again: number[] = [];
  for (let round = 0; round < bench.pick(3, 1); round++) {
    await log.restart();
    const first = await log.replay(1);
    cold.push((entries / first.cpuMicros) * 1e6);
    elapsed.push(entries / first.seconds);
    const second = await log.replay(1);
    again.push((entries / second.cpuMicros) * 1e6);
  }
  return {
    figures: [
      figure("entries in the log", entries, ""),
      spreadFigure("entries a second of CPU, after a start", spread(cold), "/s"),
      spreadFigure("entries a second of time, after a start", spread(elapsed), "/s"),
      spreadFigure("entries a second of CPU, a second time", spread(again), "/s"),
    ],
    goals: [
      atLeast("entries a second and core, after a start", spread(cold).median, 200_000, "/s"),
    ],
  };
}

export const coldReplay: Scenario = {
  name: "cold-replay",
  title: "replay of the log through a filter that matches little",
  run,
};
