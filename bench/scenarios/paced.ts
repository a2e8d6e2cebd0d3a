/**
 * Ten thousand clients that may have five events a second of a filter that gives a hundred, beside as
 * many that are not paced, of a filter that gives five: CPU per delivery. Both servers take in a
 * hundred events a second.
 */
import { filler, post } from "../harness/bench-event.ts";
import { PenstockServer } from "../harness/penstock-server.ts";
import { publishAtRate } from "../harness/publisher.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure, spreadFigure } from "../harness/scenario.ts";
import { FIRST_SERIAL } from "../harness/serials.ts";
import { ratio, spread } from "../harness/statistics.ts";
import { Swarm, told } from "../harness/swarm.ts";

const PACE = 5;
const HOT = 100;

interface Side {
  readonly server: PenstockServer;
  readonly swarm: Swarm;
  /** One in so many of what is published is for the clients. */
  readonly every: number;
  readonly costs: number[];
  published: number;
  delivered: number;
  loadCpu: number;
}

async function run(bench: Bench): Promise<Outcome> {
  const clients = bench.pick(10_000, 100);
  const seconds = bench.pick(6, 2);
  const side = async (every: number, query: string): Promise<Side> => {
    const server = bench.stack.use(await PenstockServer.start());
    const path = `/v1/tweets/live?hashtags=bench${query}`;
    const init = { dialect: "penstock", port: server.port, path, clients, lossy: true } as const;
    const swarm = bench.stack.use(await Swarm.connect({ ...init, after: FIRST_SERIAL - 1 }));
    return { server, swarm, every, costs: [], published: 0, delivered: 0, loadCpu: 0 };
  };
  const free = await side(HOT / PACE, "");
  const paced = await side(1, `&max_events_per_second=${PACE}`);
  const load = async (on: Side, forSeconds: number, isCounted: boolean): Promise<void> => {
    const { server, swarm, every } = on;
    const eventOf = (number: number, micros: number): object =>
      number % every === 0 ? post(FIRST_SERIAL + number / every, "bench", micros) : filler(number);
    await swarm.report();
    const cpuBefore = server.cpuMicros;
    const rate = { perSecond: HOT, seconds: forSeconds, from: on.published };
    on.published = await publishAtRate(server, { ...rate, eventOf, isOrdered: true });
    const cpu = server.cpuMicros - cpuBefore;
    const seen = await swarm.report();
    if (seen.misordered > 0 || seen.closed > 0 || seen.events < forSeconds * clients * 3)
      throw new Error(`events are missing, or out of order: ${told(seen)}`);
    if (!isCounted) return;
    on.costs.push(cpu / seen.events);
    on.delivered += seen.events;
    on.loadCpu += seen.cpuMicros;
  };
  // The paced fall behind first; from then on they have gaps, once a second each.
  await load(free, bench.pick(3, 1), false);
  await load(paced, bench.pick(8, 2), false);
  const rounds = bench.pick(4, 2);
  for (let round = 0; round < rounds; round++) {
    await load(free, seconds, true);
    await load(paced, seconds, true);
  }
  const held = ratio(paced.costs, free.costs);
  const perClient = (on: Side): number => on.delivered / clients / seconds / rounds;
  return {
    figures: [
      figure("clients", clients, ""),
      figure("events a second that an unpaced client gets", perClient(free), ""),
      figure("events a second that a paced client gets", perClient(paced), ""),
      spreadFigure("CPU a delivery, unpaced, 5 events/s for all", spread(free.costs), "µs"),
      spreadFigure("CPU a delivery, paced, 100 events/s for all", spread(paced.costs), "µs"),
      figure("load generator's CPU a delivery", paced.loadCpu / paced.delivered, "µs"),
    ],
    goals: [
      {
        ...atMost("CPU a delivery, paced against unpaced", held.median, 1.3, "x"),
        min: held.min,
        max: held.max,
      },
    ],
  };
}

export const paced: Scenario = {
  name: "paced",
  title: "10,000 clients of one hot filter that may have five events a second",
  run,
};
