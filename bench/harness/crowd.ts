import { PenstockServer } from "./penstock-server.ts";
import type { Bench } from "./scenario.ts";
import { FIRST_SERIAL } from "./serials.ts";
import { Swarm } from "./swarm.ts";

/** Workers that hold a hundred thousand clients, at 20,000 descriptors each, with some to spare. */
const WORKERS = 6;
const SWARM_PROCESSES = 6;

/** A server with workers, and a hundred thousand clients of it. */
export interface Crowd {
  readonly server: PenstockServer;
  readonly swarm: Swarm;
  readonly clients: number;
  /** What connecting all of them took, in seconds. */
  readonly connectSeconds: number;
  readonly connectCpuMicros: number;
  /** Anonymous memory of the server, all its processes, before anybody came. */
  readonly emptyBytes: number;
}

/**
 * Starts a server with workers and connects the clients of the size of this run; all is stopped with
 * the scenario.
 *
 * @throws UnsupportedError where the server has no workers
 */
export async function crowdOf(
  bench: Bench,
  of: { readonly path: string; readonly distinct: number; readonly timed?: boolean },
): Promise<Crowd> {
  const clients = bench.pick(100_000, 300);
  const server = bench.stack.use(
    await PenstockServer.start(["--workers", String(bench.pick(WORKERS, 2))]),
  );
  await server.settled();
  const emptyBytes = server.anonymousBytes;
  const cpuBefore = server.cpuMicros;
  const startMs = performance.now();
  const swarm = bench.stack.use(
    await Swarm.connect({
      dialect: "penstock",
      port: server.port,
      clients,
      path: of.path,
      distinct: of.distinct,
      timed: of.timed ?? false,
      processes: bench.pick(SWARM_PROCESSES, 2),
      concurrency: 384,
      after: FIRST_SERIAL - 1,
    }),
  );
  const connectSeconds = (performance.now() - startMs) / 1000;
  bench.say(`${clients} clients connected in ${connectSeconds.toFixed(1)} s`);
  const connectCpuMicros = server.cpuMicros - cpuBefore;
  return { server, swarm, clients, connectSeconds, connectCpuMicros, emptyBytes };
}
