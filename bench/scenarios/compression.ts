/**
 * Single events of 300 bytes to a thousand clients of one filter that offer compression, beside as
 * many that do not: bytes, and CPU per delivery.
 */
import { penstock } from "../harness/contender.ts";
import { fieldOf, measureRounds } from "../harness/fanout-rounds.ts";
import { UnsupportedError } from "../harness/penstock-server.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, spreadFigure } from "../harness/scenario.ts";
import { ratio, spread } from "../harness/statistics.ts";

const FLAGS = ["--transports-compression", "true"];
const PLAIN = "penstock, plain";
const DEFLATED = "penstock, compressed";

async function run(bench: Bench): Promise<Outcome> {
  const contenders = [
    penstock({ name: PLAIN }),
    penstock({ name: DEFLATED, flags: FLAGS, dialect: "penstockDeflate" }),
  ];
  const clients = bench.pick(1000, 50);
  await using field = await fieldOf(bench, contenders, { clients, eventBytes: 300 });
  const flushes = bench.pick(60, 4);
  const { perEvent, apart } = await measureRounds(bench, field, {
    batch: 1,
    flushes,
    rounds: bench.pick(5, 2),
  });
  const compressed = field.runners.find(({ name }) => name === DEFLATED);
  if ((compressed?.compressedFrames ?? 0) === 0)
    throw new UnsupportedError(
      "not supported by this server: it takes the flag, and compresses nothing",
    );
  const [plain, deflated] = [PLAIN, DEFLATED].map((name) => perEvent.get(name) ?? spread([]));
  const bytes = (of: string): number =>
    apart.find(({ name }) => name.startsWith(`${of}: bytes`))?.value ?? Number.NaN;
  const cost = ratio(deflated?.rounds ?? [], plain?.rounds ?? []);
  return {
    figures: [
      ...[...perEvent].map(([name, each]) => spreadFigure(`${name}: CPU a delivery`, each, "µs")),
      ...apart,
    ],
    goals: [
      atMost("bytes an event against plain", bytes(DEFLATED) / bytes(PLAIN), 0.75, "x"),
      {
        ...atMost("CPU a delivery against plain", cost.median, 1.2, "x"),
        min: cost.min,
        max: cost.max,
      },
    ],
  };
}

export const compression: Scenario = {
  name: "compression",
  title: "events compressed once for all, beside plain ones",
  run,
};
