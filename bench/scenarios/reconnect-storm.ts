/**
 * All clients are cut at once, under load, and come back at once, each to its session: how long until
 * all have everything, and what memory it takes.
 */
import { post } from "../harness/bench-event.ts";
import { PenstockServer } from "../harness/penstock-server.ts";
import { publishAtRate } from "../harness/publisher.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure } from "../harness/scenario.ts";
import { FIRST_SERIAL } from "../harness/serials.ts";
import { Swarm, told } from "../harness/swarm.ts";

const SAMPLE_MS = 250;

async function run(bench: Bench): Promise<Outcome> {
  // What one process holds: with workers each of them has its own storm.
  const clients = bench.pick(15_000, 100);
  const perSecond = bench.pick(500, 50);
  const server = bench.stack.use(await PenstockServer.start());
  const swarm = bench.stack.use(
    await Swarm.connect({
      dialect: "penstock",
      port: server.port,
      path: "/v1/tweets/live?hashtags=h{}",
      distinct: bench.pick(1000, 20),
      clients,
      resumable: true,
      after: FIRST_SERIAL - 1,
    }),
  );
  const filters = bench.pick(1000, 20);
  const eventOf = (serial: number, micros: number) => post(serial, `h${serial % filters}`, micros);
  // In the order of their serials, which requests at once would not keep while the storm holds them up.
  const load = { perSecond, eventOf, isOrdered: true };
  let next = FIRST_SERIAL;
  next = await publishAtRate(server, { ...load, seconds: bench.pick(5, 1), from: next });
  await swarm.reach(next - 1);
  await server.settled();
  await swarm.report();
  await server.eventLoopDelay();
  const before = server.anonymousBytes;
  let greatest = before;
  const sampling = setInterval(() => {
    greatest = Math.max(greatest, server.anonymousBytes);
  }, SAMPLE_MS);
  const cpuBefore = server.cpuMicros;
  const startMs = performance.now();
  const publishing = publishAtRate(server, { ...load, seconds: bench.pick(10, 1), from: next });
  let backSeconds = 0;
  try {
    await Promise.all([swarm.storm(), publishing]);
    backSeconds = (performance.now() - startMs) / 1000;
    next = await publishing;
    await swarm.reach(next - 1);
  } finally {
    clearInterval(sampling);
    await publishing.catch(() => undefined);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const seen = await swarm.report();
  if (seen.open !== clients || seen.misordered + seen.gaps + seen.closed > 0)
    throw new Error(`all clients were to be back with all their events: ${told(seen)}`);
  const delay = await server.eventLoopDelay();
  return {
    figures: [
      figure("clients", clients, ""),
      figure("until all are connected again", backSeconds, "s"),
      figure("a reconnect, p50", seen.connect.quantile(0.5) / 1e6, "s"),
      figure("a reconnect, p99", seen.connect.quantile(0.99) / 1e6, "s"),
      figure("events that came again, a client", seen.repeats / clients, ""),
      figure(
        "server's CPU a reconnect, events counted",
        (server.cpuMicros - cpuBefore) / clients,
        "µs",
      ),
      figure("event loop delay, greatest", delay.maxMs, "ms"),
    ],
    goals: [
      atMost("until all have everything", seconds, 60, "s"),
      atMost("greatest anonymous memory against before", greatest / before, 2, "x"),
    ],
  };
}

export const reconnectStorm: Scenario = {
  name: "reconnect-storm",
  title: "all clients dropped at once, and resuming",
  run,
};
