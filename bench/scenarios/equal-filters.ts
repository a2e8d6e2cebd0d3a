/**
 * A thousand clients with a thousand filters, and ten thousand with the same thousand: CPU of an event
 * that is matched against them, and that nobody gets.
 */
import { filler } from "../harness/bench-event.ts";
import { PenstockServer } from "../harness/penstock-server.ts";
import { publishAll } from "../harness/publisher.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure, spreadFigure } from "../harness/scenario.ts";
import { ratio, spread } from "../harness/statistics.ts";
import { Swarm, told } from "../harness/swarm.ts";

async function run(bench: Bench): Promise<Outcome> {
  const filters = bench.pick(1000, 20);
  const events = bench.pick(10_000, 500);
  const side = async (clients: number) => {
    const server = bench.stack.use(await PenstockServer.start());
    const path = "/v1/tweets/live?hashtags=h{}";
    const init = { dialect: "penstock", port: server.port, path, clients } as const;
    const swarm = bench.stack.use(await Swarm.connect({ ...init, distinct: filters }));
    return { server, swarm, costs: [] as number[] };
  };
  const few = await side(filters);
  const many = await side(filters * 10);
  for (let round = -1; round < bench.pick(5, 2); round++) {
    for (const { server, swarm, costs } of [few, many]) {
      await server.settled();
      const cpuBefore = server.cpuMicros;
      await publishAll(server, events, (number) => filler(number + (round + 1) * events));
      await server.settled();
      if (round >= 0) costs.push((server.cpuMicros - cpuBefore) / events);
      const seen = await swarm.report();
      if (seen.events > 0 || seen.closed > 0)
        throw new Error(`nobody was to get any: ${told(seen)}`);
    }
  }
  const held = ratio(many.costs, few.costs);
  return {
    figures: [
      figure("different filters", filters, ""),
      spreadFigure(`CPU an event, ${filters} clients`, spread(few.costs), "µs"),
      spreadFigure(`CPU an event, ${filters * 10} clients`, spread(many.costs), "µs"),
    ],
    goals: [
      {
        ...atMost("CPU an event, ten times the clients", held.median, 1.1, "x"),
        min: held.min,
        max: held.max,
      },
    ],
  };
}

export const equalFilters: Scenario = {
  name: "equal-filters",
  title: "ten times the clients with the same filters",
  run,
};
