/**
 * Ten times the clients with the same filters: what matching an event costs in the index by itself,
 * and what an event that nobody gets costs the whole server, with a thousand clients and ten thousand.
 */
import { filler } from "../harness/bench-event.ts";
import { worlds } from "../harness/filter-worlds.ts";
import { equalFilterCosts } from "../harness/index-cost.ts";
import { PenstockServer } from "../harness/penstock-server.ts";
import { publishAll } from "../harness/publisher.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, spreadFigure } from "../harness/scenario.ts";
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
  const whole = ratio(many.costs, few.costs);
  const [world] = worlds.filter(({ name }) => name === "post mix");
  if (world === undefined) throw new Error("there are no posts to match");
  const matched = bench.pick(100_000, 1000);
  const plan = { filters: matched, rounds: bench.pick(3, 1), spendMs: bench.pick(1000, 50) };
  const { once, tenfold } = equalFilterCosts(world, world.events(bench.pick(20_000, 1000)), plan);
  const held = ratio(tenfold, once);
  return {
    figures: [
      spreadFigure(`matching by itself, ${matched} filters, a client each`, spread(once), "µs"),
      spreadFigure(`matching by itself, ${matched} filters, ten each`, spread(tenfold), "µs"),
      spreadFigure(`the server's CPU an event, ${filters} clients`, spread(few.costs), "µs"),
      spreadFigure(`the server's CPU an event, ${filters * 10} clients`, spread(many.costs), "µs"),
      spreadFigure("the same, ten times the clients, taking in counted", whole, "x"),
    ],
    goals: [
      {
        ...atMost("matching by itself, ten times the clients", held.median, 1.1, "x"),
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
