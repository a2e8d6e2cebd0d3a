/**
 * A hundred thousand clients of a server with workers, each with its filtered stream, while a tenth of
 * them leave and others come: what they cost, and how late events are.
 */
import { post } from "../harness/bench-event.ts";
import { crowdOf } from "../harness/crowd.ts";
import { publishAtRate } from "../harness/publisher.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atLeast, atMost, figure } from "../harness/scenario.ts";
import { FIRST_SERIAL } from "../harness/serials.ts";
import { told } from "../harness/swarm.ts";

const GB = 1e9;

async function run(bench: Bench): Promise<Outcome> {
  const filters = bench.pick(1000, 100);
  const crowd = await crowdOf(bench, {
    path: "/v1/tweets/live?hashtags=h{}",
    distinct: filters,
    timed: true,
  });
  const { server, swarm, clients } = crowd;
  const seconds = bench.pick(75, 4);
  // Each event is for one filter, and so for clients / filters of them.
  const perSecond = bench.pick(1000, 100);
  const eventOf = (serial: number, micros: number) => post(serial, `h${serial % filters}`, micros);
  // A filter's events are a second apart: on a machine that is full, requests side by side take longer.
  const isOrdered = true;
  let next = await publishAtRate(server, {
    perSecond,
    seconds: 3,
    from: FIRST_SERIAL,
    eventOf,
    isOrdered,
  });
  await swarm.reach(next - 1);
  await swarm.report();
  await server.eventLoopDelay();

  const cpuBefore = server.cpuMicros;
  const startMs = performance.now();
  await swarm.churn(clients / 10 / seconds);
  next = await publishAtRate(server, { perSecond, seconds, from: next, eventOf, isOrdered });
  await swarm.churn(0);
  const took = (performance.now() - startMs) / 1000;
  const cpu = server.cpuMicros - cpuBefore;
  const delay = await server.eventLoopDelay();
  const bytes = server.anonymousBytes;
  // A client that was cut last gets nothing that was published before it came back: one more turn
  // through all filters reaches everybody.
  next = await publishAtRate(server, {
    perSecond,
    seconds: filters / perSecond,
    from: next,
    eventOf,
    isOrdered,
  });
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await swarm.reach(next - 1);
  const seen = await swarm.report();
  if (seen.open !== clients || seen.closed > 0 || seen.misordered > 0)
    throw new Error(`${clients} clients were to be held, each with all its events: ${told(seen)}`);
  const published = (seconds + filters / perSecond) * perSecond;
  const due = (published * clients) / filters;
  if (seen.events < due * 0.95) throw new Error(`${due} deliveries were due: ${told(seen)}`);
  const deliveries = (seen.events / (took + filters / perSecond)) | 0;
  return {
    figures: [
      figure("clients", clients, ""),
      figure("reconnects meanwhile", seen.reconnects, ""),
      figure("gaps that clients were told of", seen.gaps, ""),
      figure("CPU of a handshake", crowd.connectCpuMicros / clients, "µs"),
      figure("server's CPU", cpu / 1e6 / took, "cores"),
      figure(
        "server's CPU a delivery, churn counted",
        cpu / (perSecond * took * (clients / filters)),
        "µs",
      ),
      figure("load generator's CPU a delivery", seen.cpuMicros / seen.events, "µs"),
      figure("publish to receipt, p50", seen.latency.quantile(0.5) / 1000, "ms"),
      figure("publish to receipt, greatest", seen.latency.max / 1000, "ms"),
      figure("event loop delay, p99", delay.p99Ms, "ms"),
      figure("event loop delay, greatest", delay.maxMs, "ms"),
      figure("longest turn of an event loop, of CPU", delay.turnMs, "ms"),
      figure("anonymous memory of the server without clients", crowd.emptyBytes / GB, "GB"),
      figure("each client's share of memory", (bytes - crowd.emptyBytes) / clients / 1000, "KB"),
    ],
    goals: [
      atMost("connecting all", crowd.connectSeconds, 180, "s"),
      atMost("anonymous memory of the server, all processes", bytes / GB, 1.4, "GB"),
      atMost("the same, the dream", bytes / GB, 1, "GB"),
      atLeast("deliveries a second", deliveries, 0.95 * perSecond * (clients / filters), ""),
      atMost("publish to receipt, p99", seen.latency.quantile(0.99) / 1000, 1000, "ms"),
    ],
  };
}

export const hundredThousand: Scenario = {
  name: "hundred-thousand",
  title: "100,000 live clients, a tenth of them churning, 100,000 deliveries a second",
  run,
};
