import { AbsentError } from "./build.ts";
import { type Contender, type Contending, costMicros } from "./contender.ts";
import type { Bench, Figure } from "./scenario.ts";
import { figure } from "./scenario.ts";
import { FIRST_SERIAL } from "./serials.ts";
import { type Spread, spread } from "./statistics.ts";
import { checked, Swarm } from "./swarm.ts";

const FLUSH_TIMEOUT_MS = 60_000;

/** Contenders that run, each with its clients. */
export interface Field extends AsyncDisposable {
  readonly runners: readonly Runner[];
  readonly clients: number;
}

interface Runner {
  readonly name: string;
  readonly contending: Contending;
  readonly swarm: Swarm;
  readonly clients: number;
  serial: number;
  /** Frames that came compressed, in the rounds that counted. */
  compressedFrames: number;
}

/** Starts those contenders that can be had, and connects clients to each; the rest get a note. */
export async function fieldOf(
  bench: Bench,
  contenders: readonly Contender[],
  of: { readonly clients: number; readonly eventBytes: number; readonly processes?: number },
): Promise<Field> {
  await using stack = new AsyncDisposableStack();
  const runners: Runner[] = [];
  for (const { name, start, clients = of.clients } of contenders) {
    try {
      const contending = stack.use(await start(of.eventBytes));
      const { port, dialect, path } = contending;
      const { processes = 2 } = of;
      const after = FIRST_SERIAL - 1;
      const connected = { dialect, port, path, clients, processes, after, concurrency: 200 };
      const swarm = stack.use(await Swarm.connect(connected));
      runners.push({ name, contending, swarm, clients, serial: FIRST_SERIAL, compressedFrames: 0 });
    } catch (caught) {
      if (!(caught instanceof AbsentError)) throw caught;
      bench.note(`${name} was left out: ${caught.message}`);
    }
  }
  const moved = stack.move();
  return {
    runners,
    clients: of.clients,
    [Symbol.asyncDispose]: async () => await moved.disposeAsync(),
  };
}

/** What the rounds say: CPU of the server a delivery in microseconds, and what is told apart from it. */
export interface Measured {
  readonly perEvent: ReadonlyMap<string, Spread>;
  readonly apart: readonly Figure[];
}

/**
 * Lets each contender flush so many batches to all its clients, in rounds one after the other, each
 * flush being received by everybody before the next. The first round is not counted.
 *
 * @throws Error when an event is lost, out of order, or not the same for all
 */
export async function measureRounds(
  bench: Bench,
  { runners, clients }: Field,
  plan: { readonly batch: number; readonly flushes: number; readonly rounds: number },
): Promise<Measured> {
  const startMs = performance.now();
  const costs = new Map<string, number[]>(runners.map(({ name }) => [name, []]));
  const clientCosts = new Map<string, number[]>(runners.map(({ name }) => [name, []]));
  const bytes = new Map<string, number>();
  for (let round = -1; round < plan.rounds; round++) {
    for (const runner of runners) {
      const { name, contending, swarm, clients: receivers } = runner;
      await swarm.report();
      const { flushes } = plan;
      const before = costMicros(contending);
      for (let flush = 0; flush < flushes; flush++) {
        await contending.send(plan.batch, runner.serial);
        runner.serial += plan.batch;
        await swarm.reach(runner.serial - 1, FLUSH_TIMEOUT_MS);
      }
      const cost = costMicros(contending) - before;
      const events = flushes * plan.batch * receivers;
      const seen = checked(await swarm.report(), events);
      if (!seen.isUniform) throw new Error(`${name}: clients did not all get the same bytes`);
      if (round < 0) continue;
      runner.compressedFrames += seen.compressed;
      costs.get(name)?.push(cost / events);
      clientCosts.get(name)?.push(seen.cpuMicros / events);
      bytes.set(name, seen.bytes / events);
    }
  }
  const of = `batch of ${plan.batch}, ${clients} clients`;
  const apart: Figure[] = [];
  for (const { name } of runners) {
    const client = spread(clientCosts.get(name) ?? []).median;
    apart.push(figure(`${name}: CPU of the load generator an event, ${of}`, client, "µs"));
    apart.push(figure(`${name}: bytes an event, ${of}`, bytes.get(name) ?? 0, "B"));
  }
  const perEvent = new Map([...costs].map(([name, rounds]) => [name, spread(rounds)]));
  const tookMs = performance.now() - startMs;
  const line = [...perEvent].map(([name, { median }]) => `${name} ${median.toFixed(2)}`);
  bench.say(`${of}: ${line.join(", ")} µs a delivery (${(tookMs / 1000).toFixed(1)} s)`);
  return { perEvent, apart };
}
