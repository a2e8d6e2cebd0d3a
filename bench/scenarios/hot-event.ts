/**
 * One event that a hundred thousand clients of one filter get: how long until all have it, how long
 * the event loops are held, and what memory it costs, beside an event to a thousand.
 */
import { post } from "../harness/bench-event.ts";
import { crowdOf } from "../harness/crowd.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure } from "../harness/scenario.ts";
import { FIRST_SERIAL } from "../harness/serials.ts";
import { median } from "../harness/statistics.ts";
import { checked } from "../harness/swarm.ts";

async function run(bench: Bench): Promise<Outcome> {
  const crowd = await crowdOf(bench, {
    path: "/v1/tweets/live?hashtags=bench",
    distinct: 1,
    timed: true,
  });
  const { server, swarm, clients } = crowd;
  const rounds = bench.pick(5, 2);
  const last: number[] = [];
  const cpus: number[] = [];
  let serial = FIRST_SERIAL;
  let delayMs = 0;
  let turnMs = 0;
  // The first event finds code that has not run: it is not counted.
  await server.publish([post(serial++)]);
  await swarm.reach(serial - 1);
  await server.settled();
  await swarm.report();
  const before = server.anonymousBytes;
  for (let round = 0; round < rounds; round++) {
    await server.eventLoopDelay();
    const cpuBefore = server.cpuMicros;
    await server.publish([post(serial++)]);
    await swarm.reach(serial - 1);
    const loop = await server.eventLoopDelay();
    delayMs = Math.max(delayMs, loop.maxMs);
    turnMs = Math.max(turnMs, loop.turnMs);
    cpus.push((server.cpuMicros - cpuBefore) / clients);
    const { latency } = checked(await swarm.report(), clients);
    last.push(latency.max / 1000);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  const grown = server.anonymousBytes - before;
  return {
    figures: [
      figure("clients", clients, ""),
      figure("until the last client has it, median", median(last), "ms"),
      figure("server's CPU a delivery", median(cpus), "µs"),
      figure("event loop delay, greatest", delayMs, "ms"),
    ],
    goals: [
      atMost("until the last client has it, slowest round", Math.max(...last), 2000, "ms"),
      atMost("longest turn of an event loop, of CPU", turnMs, 20, "ms"),
      atMost("memory that it leaves, a client and event", grown / clients / rounds, 50, "B"),
    ],
  };
}

export const hotEvent: Scenario = {
  name: "hot-event",
  title: "one event to 100,000 clients of one filter",
  run,
};
