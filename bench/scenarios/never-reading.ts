/**
 * A tenth of the clients never read, under load: what each of them costs, the kernel's memory counted,
 * and what it does to the others, beside a server all of whose clients read.
 */
import { post } from "../harness/bench-event.ts";
import { PenstockServer } from "../harness/penstock-server.ts";
import { tcpMemoryBytes } from "../harness/process-cost.ts";
import { publishAtRate } from "../harness/publisher.ts";
import type { Bench, Outcome, Scenario } from "../harness/scenario.ts";
import { atMost, figure, spreadFigure } from "../harness/scenario.ts";
import { FIRST_SERIAL } from "../harness/serials.ts";
import { ratio, spread } from "../harness/statistics.ts";
import { Swarm, type SwarmTotal, told } from "../harness/swarm.ts";

const KIB = 1024;
/** One in so many does not read. */
const EVERY = 10;

interface Side {
  readonly server: PenstockServer;
  readonly swarm: Swarm;
  readonly p99: number[];
  readonly cpu: number[];
  serial: number;
}

async function run(bench: Bench): Promise<Outcome> {
  const clients = bench.pick(2000, 50);
  const side = async (): Promise<Side> => {
    const server = bench.stack.use(await PenstockServer.start());
    const path = "/v1/tweets/live?hashtags=bench";
    const init = { dialect: "penstock", port: server.port, path, clients, timed: true } as const;
    const swarm = bench.stack.use(await Swarm.connect({ ...init, after: FIRST_SERIAL - 1 }));
    return { server, swarm, p99: [], cpu: [], serial: FIRST_SERIAL };
  };
  const reading = await side();
  const stuck = await side();
  const perSecond = bench.pick(20, 20);
  const load = async (on: Side, seconds: number): Promise<SwarmTotal> => {
    const rate = { perSecond, seconds, from: on.serial, eventOf: toAll, isOrdered: true };
    const cpuBefore = on.server.cpuMicros;
    on.serial = await publishAtRate(on.server, rate);
    await on.swarm.reach(on.serial - 1);
    const seen = await on.swarm.report();
    on.cpu.push((on.server.cpuMicros - cpuBefore) / seen.events);
    on.p99.push(seen.latency.quantile(0.99) / 1000);
    if (seen.misordered + seen.gaps > 0) throw new Error(`events are out of order: ${told(seen)}`);
    return seen;
  };
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const kernelBefore = tcpMemoryBytes();
  const before = [stuck, reading].map(({ server }) => server.anonymousBytes);
  // From the first event on: one that has read for a while may leave more unread before it is waited for.
  const paused = await stuck.swarm.pause(EVERY);
  // Those that do not read fill their windows; then both sides get the same load in turn.
  for (const on of [stuck, reading]) await load(on, bench.pick(20, 4));
  for (const on of [reading, stuck]) on.p99.length = on.cpu.length = 0;
  const kernels: number[] = [];
  const owns: number[] = [];
  let cut = 0;
  for (let round = 0; round < bench.pick(5, 2); round++) {
    await load(reading, bench.pick(5, 1));
    cut += (await load(stuck, bench.pick(5, 1))).closed;
    kernels.push((tcpMemoryBytes() - kernelBefore) / paused / KIB);
    // What the same load makes a server grow by whose clients all read is no fault of those that do not.
    const [grown = 0, usual = 0] = [stuck, reading].map(
      ({ server }, at) => server.anonymousBytes - (before[at] ?? 0),
    );
    owns.push((grown - usual) / paused / KIB);
  }
  const kernel = spread(kernels);
  const own = spread(owns);
  const late = ratio(stuck.p99, reading.p99);
  const cost = ratio(stuck.cpu, reading.cpu);
  return {
    figures: [
      figure("clients that never read", paused, ""),
      figure("of those cut meanwhile", cut, ""),
      spreadFigure("kernel's socket memory, both ends, each", kernel, "KiB"),
      spreadFigure("server's anonymous memory over that of all reading, each", own, "KiB"),
      spreadFigure("publish to receipt, p99, all reading", spread(reading.p99), "ms"),
      spreadFigure("publish to receipt, p99, a tenth never reading", spread(stuck.p99), "ms"),
      spreadFigure("CPU a delivery to those that read, against all reading", cost, "x"),
    ],
    goals: [
      atMost("memory of a client that never reads", kernel.median + own.median, 96, "KiB"),
      {
        ...atMost("the others' p99 against all reading", late.median, 1.1, "x"),
        min: late.min,
        max: late.max,
      },
    ],
  };
}

const toAll = (serial: number, micros: number) => post(serial, "bench", micros);

export const neverReading: Scenario = {
  name: "never-reading",
  title: "a tenth of the clients never read",
  run,
};
