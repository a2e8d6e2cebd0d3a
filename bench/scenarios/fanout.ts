/**
 * What a delivery costs in CPU: a thousand sockets that all get the same events, one event a write and
 * ten, beside bare loops and rivals that send as many bytes; then with more clients and more events.
 *
 * Penstock takes each event in over HTTP, keeps it twice and processes it before it delivers it, which
 * the others do not. What that costs is measured in the same rounds on a server with one client, told
 * apart, and taken off where a goal is about the delivery.
 */
import {
  bareC,
  bareNode,
  type Contender,
  centrifuge,
  nats,
  penstock,
  penstockAlone,
  socketIo,
  wsLoop,
} from "../harness/contender.ts";
import { fieldOf, type Measured, measureRounds } from "../harness/fanout-rounds.ts";
import type { Bench, Figure, Goal, Outcome, PlotSeries, Scenario } from "../harness/scenario.ts";
import { spreadFigure } from "../harness/scenario.ts";
import { ratio, spread } from "../harness/statistics.ts";

const EVENT_BYTES = 300;
const QUICK = [penstock(), penstockAlone, bareC, bareNode, wsLoop, socketIo];

interface Bound {
  readonly against: Contender;
  readonly batch: number;
  readonly atMost: number;
}

const BOUNDS: readonly Bound[] = [
  { against: bareNode, batch: 1, atMost: 1.1 },
  { against: centrifuge, batch: 1, atMost: 0.65 },
  { against: bareC, batch: 1, atMost: 1.25 },
  { against: bareNode, batch: 10, atMost: 1.2 },
  { against: bareC, batch: 10, atMost: 2 },
  { against: centrifuge, batch: 10, atMost: 0.45 },
];

async function run(bench: Bench): Promise<Outcome> {
  const figures: Figure[] = [];
  const goals: Goal[] = [];
  const byBatch: Lines = new Map();
  const byClients: Lines = new Map();
  const contenders = bench.pick([...QUICK, centrifuge, nats], QUICK);
  const clients = bench.pick(1000, 50);
  {
    await using field = await fieldOf(bench, contenders, { clients, eventBytes: EVENT_BYTES });
    for (const [batch, flushes] of [
      [1, bench.pick(40, 4)],
      [10, bench.pick(20, 4)],
      [100, bench.pick(3, 2)],
    ] as const) {
      const measured = await measureRounds(bench, field, {
        batch,
        flushes,
        rounds: bench.pick(batch === 100 ? 3 : 5, 2),
      });
      tell(measured.perEvent, { batch, clients }, figures);
      const alone = spread(deliveryAlone(measured.perEvent, clients));
      figures.push(spreadFigure(`penstock: delivery alone, batch of ${batch}`, alone, "µs"));
      const against = goalsOf(measured.perEvent, batch, clients);
      goals.push(...against.goals);
      figures.push(...against.figures);
      gather(byBatch, batch, measured.perEvent);
      if (batch === 1) gather(byClients, clients, measured.perEvent);
      figures.push(...measured.apart);
    }
  }
  await grow(bench, figures, byClients);
  return {
    figures,
    goals,
    plots: [
      {
        name: "fanout-batch",
        title: `CPU per delivery, ${clients} sockets, ${EVENT_BYTES} bytes`,
        x: "events ready at once",
        y: "µs",
        isLogX: true,
        isLogY: true,
        series: seriesOf(byBatch),
      },
      {
        name: "fanout-clients",
        title: `CPU per delivery, one event a write, ${EVENT_BYTES} bytes`,
        x: "clients",
        y: "µs",
        isLogX: true,
        series: seriesOf(byClients),
      },
    ],
  };
}

/** The same with fewer and with more clients, beside the bare loops alone: it is growth that is looked for. */
async function grow(bench: Bench, figures: Figure[], lines: Lines): Promise<void> {
  const contenders = [penstock(), bareC, bareNode];
  for (const name of lines.keys())
    if (!contenders.some((one) => one.name === name)) lines.delete(name);
  for (const clients of bench.pick([100, 10_000], [10])) {
    await using field = await fieldOf(bench, contenders, { clients, eventBytes: EVENT_BYTES });
    const flushes = bench.pick(clients > 1000 ? 5 : 50, 2);
    const { perEvent } = await measureRounds(bench, field, { batch: 1, flushes, rounds: 3 });
    tell(perEvent, { batch: 1, clients }, figures);
    gather(lines, clients, perEvent);
  }
}

function tell(
  perEvent: Measured["perEvent"],
  of: { readonly batch: number; readonly clients: number },
  figures: Figure[],
): void {
  for (const [name, cost] of perEvent)
    figures.push(
      spreadFigure(
        `${name}: CPU a delivery, batch of ${of.batch}, ${of.clients} clients`,
        cost,
        "µs",
      ),
    );
}

/** The points of each contender, as a plot wants them. */
type Lines = Map<string, (readonly [number, number])[]>;

function gather(lines: Lines, x: number, perEvent: Measured["perEvent"]): void {
  for (const [name, { median }] of perEvent) {
    if (name === penstockAlone.name) continue;
    const points = [...(lines.get(name) ?? []), [x, median] as const];
    lines.set(
      name,
      points.sort(([one], [other]) => one - other),
    );
  }
}

const seriesOf = (lines: Lines): PlotSeries[] =>
  [...lines].map(([name, points]) => ({ name, points }));

/** What a delivery to one client more costs, round by round. */
function deliveryAlone(perEvent: Measured["perEvent"], clients: number): number[] {
  const all = perEvent.get("penstock")?.rounds ?? [];
  const one = perEvent.get(penstockAlone.name)?.rounds ?? [];
  return all.map((cost, at) => (cost * clients - (one[at] as number)) / (clients - 1));
}

function goalsOf(
  perEvent: Measured["perEvent"],
  batch: number,
  clients: number,
): Pick<Outcome, "figures" | "goals"> {
  const alone = deliveryAlone(perEvent, clients);
  const whole = perEvent.get("penstock")?.rounds ?? [];
  const goals: Goal[] = [];
  const figures: Figure[] = [];
  for (const { against, batch: of, atMost } of BOUNDS) {
    const theirs = perEvent.get(against.name);
    if (of !== batch || theirs === undefined) continue;
    const held = ratio(alone, theirs.rounds);
    const name = `CPU a delivery against ${against.name}, batch of ${batch}`;
    goals.push({ name, value: held.median, unit: "x", atMost, min: held.min, max: held.max });
    const { median, min, max } = ratio(whole, theirs.rounds);
    figures.push({ name: `${name}, taking in counted`, value: median, unit: "x", min, max });
  }
  return { goals, figures };
}

export const fanout: Scenario = {
  name: "fanout",
  title: "CPU of a delivery to clients that all get the same events",
  run,
};
