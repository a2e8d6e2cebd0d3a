import { filler, post } from "./bench-event.ts";
import { PenstockServer } from "./penstock-server.ts";
import { publishAll } from "./publisher.ts";
import type { Bench } from "./scenario.ts";
import { FIRST_SERIAL } from "./serials.ts";
import { checked, Swarm } from "./swarm.ts";

/** One entry in so many is for somebody. */
const RARE_EVERY = 100;

/** A log that holds many entries, few of which anybody asks for. */
export interface FullLog {
  /** The server, restarted, so that nothing of the log is in its memory but what it reads at start. */
  readonly server: PenstockServer;
  readonly entries: number;
  /** The last serial; serial s has the hashtag `r{s mod filters}`. */
  readonly lastSerial: number;
}

/**
 * Fills the log of a server, and starts it anew; both are stopped with the scenario.
 *
 * @param filters how many hashtags the rare entries share
 */
export async function fullLogOf(
  bench: Bench,
  of: { readonly entries: number; readonly filters: number; readonly flags?: readonly string[] },
): Promise<FullLog> {
  const first = bench.stack.use(await PenstockServer.start());
  const startMs = performance.now();
  await publishAll(first, of.entries, (number) => {
    if (number % RARE_EVERY !== 0) return filler(number);
    const serial = FIRST_SERIAL + number / RARE_EVERY;
    return post(serial, `r${serial % of.filters}`);
  });
  await first.settled();
  const seconds = (performance.now() - startMs) / 1000;
  bench.say(`${of.entries} entries were taken in and processed in ${seconds.toFixed(1)} s`);
  const server = bench.stack.use(await PenstockServer.startOn(await first.stop(), of.flags));
  await server.settled();
  const rare = Math.ceil(of.entries / RARE_EVERY);
  return { server, entries: of.entries, lastSerial: FIRST_SERIAL + rare - 1 };
}

/** What replaying the whole log to clients costs the server, in microseconds of CPU, and how long it takes. */
export async function replay(
  { server, lastSerial }: FullLog,
  of: { readonly clients: number; readonly filters: number },
): Promise<{ readonly cpuMicros: number; readonly seconds: number }> {
  const { clients, filters } = of;
  await server.settled();
  const cpuBefore = server.cpuMicros;
  const startMs = performance.now();
  await using swarm = await Swarm.connect({
    dialect: "penstock",
    port: server.port,
    path: "/v1/tweets/live?hashtags=r{}&since=earliest",
    distinct: filters,
    clients,
    concurrency: clients,
    after: FIRST_SERIAL - 1,
  });
  await swarm.reach(lastSerial, 120_000);
  const seconds = (performance.now() - startMs) / 1000;
  const cpuMicros = server.cpuMicros - cpuBefore;
  let due = 0;
  for (let serial = FIRST_SERIAL; serial <= lastSerial; serial++)
    if (serial % filters < clients) due += 1;
  checked(await swarm.report(), due);
  return { cpuMicros, seconds };
}
