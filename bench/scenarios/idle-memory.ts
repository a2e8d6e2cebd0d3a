/**
 * What a WebSocket costs that is connected, subscribed with a filter of its own, and idle: anonymous
 * memory over that of the same server without clients.
 */
import { AbsentError } from "../harness/build.ts";
import { bareNode, type Contender, centrifuge, penstock, wsLoop } from "../harness/contender.ts";
import { anonymousBytes } from "../harness/process-cost.ts";
import type { Bench, Figure, Outcome, PlotSeries, Scenario } from "../harness/scenario.ts";
import { atMost, figure } from "../harness/scenario.ts";
import { Swarm } from "../harness/swarm.ts";

/** After this, what a handshake left behind is collected, or is not going to be. */
const SETTLE_MS = 4000;
const KB = 1000;

const ours = penstock({ path: "/v1/tweets/live?hashtags=idle{}" });

/** Bytes of each of some clients; everything is stopped before the next is measured. */
async function bytesEach(bench: Bench, of: Contender, clients: number): Promise<number> {
  await using contending = await of.start(300);
  const { port, dialect, path, pids } = contending;
  const settle = (): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, bench.pick(SETTLE_MS, 500)));
  const init = { port, dialect, path, concurrency: 64 };
  {
    // What the first clients of a process allocate for all later ones is the server's, not theirs.
    await using _ = await Swarm.connect({ ...init, clients: bench.pick(200, 20), distinct: 200 });
  }
  await settle();
  const before = anonymousBytes(pids);
  await using swarm = await Swarm.connect({ ...init, clients, distinct: clients });
  await settle();
  const each = (anonymousBytes(pids) - before) / clients;
  const { open, closed } = await swarm.report();
  if (open !== clients || closed > 0)
    throw new Error(`${open} of ${clients} clients are connected`);
  return each;
}

async function run(bench: Bench): Promise<Outcome> {
  const figures: Figure[] = [];
  const series: PlotSeries[] = [];
  const sizes = bench.pick([2000, 10_000], [100, 200]);
  let last = 0;
  for (const contender of [ours, bareNode, wsLoop, ...bench.pick([centrifuge], [])]) {
    const points: [number, number][] = [];
    try {
      for (const clients of sizes) {
        const each = await bytesEach(bench, contender, clients);
        points.push([clients, each / KB]);
        figures.push(figure(`${contender.name}: each of ${clients} idle clients`, each / KB, "KB"));
        if (contender === ours) last = each / KB;
      }
      series.push({ name: contender.name, points });
    } catch (caught) {
      if (!(caught instanceof AbsentError)) throw caught;
      bench.note(`${contender.name} was left out: ${caught.message}`);
    }
  }
  return {
    figures,
    goals: [atMost(`anonymous memory of each of ${sizes.at(-1)} idle clients`, last, 10, "KB")],
    plots: [
      {
        name: "idle-memory",
        title: "Anonymous memory of an idle, subscribed client",
        x: "clients",
        y: "KB",
        series: series.map(({ name, points }) => ({
          name,
          points: points.map(([clients, each]) => [String(clients), each]),
        })),
      },
    ],
  };
}

export const idleMemory: Scenario = {
  name: "idle-memory",
  title: "memory of an idle, subscribed WebSocket with a filter of its own",
  run,
};
