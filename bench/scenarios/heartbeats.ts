/**
 * A hundred thousand idle clients, each of which is told a heartbeat every 15 s and pinged every
 * minute: what that costs, and whether it comes spread.
 */
import { crowdOf } from "../harness/crowd.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure } from "../harness/scenario.ts";
import { median } from "../harness/statistics.ts";

/** Every client is pinged once in this time, and has four heartbeats. */
const SECONDS = 60;

async function run(bench: Bench): Promise<Outcome> {
  const { server, swarm, clients } = await crowdOf(bench, {
    path: "/v1/tweets/live?hashtags=h{}",
    distinct: bench.pick(1000, 20),
  });
  await server.settled(bench.pick(10_000, 1000));
  await swarm.report();
  await server.eventLoopDelay();
  const cpuBefore = server.cpuMicros;
  const startMs = performance.now();
  const perSecond: number[] = [];
  let generator = 0;
  for (let second = 1; second <= bench.pick(SECONDS, 18); second++) {
    const leftMs = startMs + second * 1000 - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, leftMs)));
    const seen = await swarm.report();
    if (seen.closed > 0 || seen.open !== clients)
      throw new Error(`${seen.open} of ${clients} clients are connected: ${seen.why}`);
    perSecond.push(seen.frames);
    generator += seen.cpuMicros;
  }
  const seconds = (performance.now() - startMs) / 1000;
  const cores = (server.cpuMicros - cpuBefore) / 1e6 / seconds;
  const frames = perSecond.reduce((sum, one) => sum + one, 0);
  const delay = await server.eventLoopDelay();
  if (frames < clients) throw new Error(`${frames} frames are too few for ${clients} clients`);
  return {
    figures: [
      figure("clients", clients, ""),
      figure("frames a client and minute", (frames / clients / seconds) * 60, ""),
      figure(
        "frames in the busiest second against the median",
        Math.max(...perSecond) / Math.max(1, median(perSecond)),
        "x",
      ),
      figure("server's CPU a frame", (cores * seconds * 1e6) / frames, "µs"),
      figure("load generator's CPU a frame", generator / frames, "µs"),
      figure("event loop delay, greatest", delay.maxMs, "ms"),
      figure("longest turn of an event loop, of CPU", delay.turnMs, "ms"),
    ],
    goals: [atMost("server's CPU", cores * 100, 15, "% of a core")],
    plots: [
      {
        name: "heartbeats",
        title: `Frames that ${clients} idle clients got`,
        x: "second",
        y: "frames/s",
        series: [{ name: "frames", points: perSecond.map((count, at) => [at + 1, count]) }],
      },
    ],
  };
}

export const heartbeats: Scenario = {
  name: "heartbeats",
  title: "heartbeats and pings of 100,000 idle clients",
  run,
};
