/**
 * The time from publishing over HTTP to receipt, with enrichment and keeping between, of events that
 * are each for one of ten thousand clients with different filters; at a growing rate.
 */
import { post } from "../harness/bench-event.ts";
import { PenstockServer } from "../harness/penstock-server.ts";
import { publishAtRate } from "../harness/publisher.ts";
import type { Bench, Figure, Goal, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure } from "../harness/scenario.ts";
import { FIRST_SERIAL } from "../harness/serials.ts";
import { checked, Swarm } from "../harness/swarm.ts";

async function run(bench: Bench): Promise<Outcome> {
  const clients = bench.pick(10_000, 100);
  const seconds = bench.pick(12, 2);
  const rates = bench.pick([1000, 3000, 6000], [200]);
  const server = bench.stack.use(await PenstockServer.start());
  const swarm = bench.stack.use(
    await Swarm.connect({
      dialect: "penstock",
      port: server.port,
      path: "/v1/tweets/live?hashtags=h{}",
      distinct: clients,
      clients,
      timed: true,
      after: FIRST_SERIAL - 1,
    }),
  );
  const eventOf = (serial: number, micros: number) => post(serial, `h${serial % clients}`, micros);
  const figures: Figure[] = [];
  const goals: Goal[] = [];
  const p50: [number, number][] = [];
  const p99: [number, number][] = [];
  let next = FIRST_SERIAL;
  const warm = { perSecond: rates[0] ?? 0, seconds: bench.pick(5, 1) };
  next = await publishAtRate(server, { ...warm, from: next, eventOf });
  await swarm.reach(next - 1);
  for (const perSecond of rates) {
    await server.settled();
    await swarm.report();
    await server.eventLoopDelay();
    const cpuBefore = server.cpuMicros;
    const startMs = performance.now();
    const from = next;
    next = await publishAtRate(server, { perSecond, seconds, from, eventOf });
    await swarm.reach(next - 1);
    const took = (performance.now() - startMs) / 1000;
    const cpu = server.cpuMicros - cpuBefore;
    const { latency } = checked(await swarm.report(), next - from);
    const delay = await server.eventLoopDelay();
    const at = `at ${perSecond} events/s`;
    const p99Ms = latency.quantile(0.99) / 1000;
    figures.push(
      figure(`${at}: events a second that came`, (next - from) / took, ""),
      figure(`${at}: p50`, latency.quantile(0.5) / 1000, "ms"),
      figure(`${at}: p99`, p99Ms, "ms"),
      figure(`${at}: p99.9`, latency.quantile(0.999) / 1000, "ms"),
      figure(`${at}: server's CPU an event`, cpu / (next - from), "µs"),
      figure(`${at}: server's CPU`, cpu / 1e6 / took, "cores"),
      figure(`${at}: event loop delay, p99`, delay.p99Ms, "ms"),
      figure(`${at}: event loop delay, greatest`, delay.maxMs, "ms"),
    );
    p50.push([perSecond, latency.quantile(0.5) / 1000]);
    p99.push([perSecond, p99Ms]);
    if (perSecond === rates.at(-1))
      goals.push(atMost(`publish to receipt ${at}, p99`, p99Ms, 50, "ms"));
  }
  return {
    figures,
    goals,
    plots: [
      {
        name: "ingest-to-receipt",
        title: `Publish to receipt, ${clients} clients of different filters`,
        x: "events/s",
        y: "ms",
        isLogY: true,
        series: [
          { name: "p50", points: p50 },
          { name: "p99", points: p99 },
        ],
      },
    ],
  };
}

export const ingestToReceipt: Scenario = {
  name: "ingest-to-receipt",
  title: "publish over HTTP to receipt by one of 10,000 clients",
  run,
};
