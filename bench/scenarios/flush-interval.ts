/**
 * Fifty events a second to a thousand clients, with sockets written at most every 50 ms and without:
 * CPU per delivery, less what taking the events in costs a server with one client.
 */
import { post } from "../harness/bench-event.ts";
import { PenstockServer } from "../harness/penstock-server.ts";
import { publishAtRate } from "../harness/publisher.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure, spreadFigure } from "../harness/scenario.ts";
import { FIRST_SERIAL } from "../harness/serials.ts";
import { ratio, spread } from "../harness/statistics.ts";
import { checked, Swarm } from "../harness/swarm.ts";

const PER_SECOND = 50;
const INTERVAL = "50ms";

async function run(bench: Bench): Promise<Outcome> {
  const all = bench.pick(1000, 50);
  const side = async (flags: readonly string[], clients = all) => {
    const server = bench.stack.use(await PenstockServer.start(flags));
    const path = "/v1/tweets/live?hashtags=bench";
    const init = { dialect: "penstock", port: server.port, path, clients, timed: true } as const;
    const swarm = bench.stack.use(await Swarm.connect({ ...init, after: FIRST_SERIAL - 1 }));
    const costs: number[] = [];
    const late: number[] = [];
    let serial = FIRST_SERIAL;
    const load = async (seconds: number, isCounted: boolean): Promise<void> => {
      await swarm.report();
      const cpuBefore = server.cpuMicros;
      const from = serial;
      const eventOf = (number: number, micros: number) => post(number, "bench", micros);
      const rate = { perSecond: PER_SECOND, seconds, from, eventOf, isOrdered: true };
      serial = await publishAtRate(server, rate);
      await swarm.reach(serial - 1);
      const seen = checked(await swarm.report(), (serial - from) * clients);
      if (!isCounted) return;
      costs.push((server.cpuMicros - cpuBefore) / seen.events);
      late.push(seen.latency.quantile(0.99) / 1000);
    };
    return { load, costs, late };
  };
  const held = await side(["--deliver-flush-interval", INTERVAL]);
  const free = await side([]);
  const one = await side([], 1);
  for (const { load } of [free, held, one]) await load(bench.pick(4, 1), false);
  for (let round = 0; round < bench.pick(5, 2); round++)
    for (const { load } of [free, held, one]) await load(bench.pick(4, 1), true);
  const alone = (costs: readonly number[]): number[] =>
    costs.map((cost, round) => (cost * all - (one.costs[round] as number)) / (all - 1));
  const against = ratio(alone(held.costs), alone(free.costs));
  const whole = ratio(held.costs, free.costs);
  return {
    figures: [
      figure("clients", all, ""),
      spreadFigure("taking an event in, with one client", spread(one.costs), "µs"),
      spreadFigure("CPU a delivery, no interval", spread(alone(free.costs)), "µs"),
      spreadFigure(`CPU a delivery, ${INTERVAL}`, spread(alone(held.costs)), "µs"),
      spreadFigure("CPU a delivery, taking in counted, no interval", spread(free.costs), "µs"),
      spreadFigure(`CPU a delivery, taking in counted, ${INTERVAL}`, spread(held.costs), "µs"),
      spreadFigure("the same against no interval, taking in counted", whole, "x"),
      spreadFigure("publish to receipt, p99, no interval", spread(free.late), "ms"),
      spreadFigure(`publish to receipt, p99, ${INTERVAL}`, spread(held.late), "ms"),
    ],
    goals: [
      {
        ...atMost(`CPU a delivery, ${INTERVAL} against no interval`, against.median, 0.5, "x"),
        min: against.min,
        max: against.max,
      },
    ],
  };
}

export const flushInterval: Scenario = {
  name: "flush-interval",
  title: "sockets written at most every 50 ms, at 50 events a second",
  run,
};
