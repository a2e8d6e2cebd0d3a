import { filler, post } from "./bench-event.ts";
import { sendLines } from "./ingest-client.ts";
import { PenstockServer } from "./penstock-server.ts";
import type { Bench } from "./scenario.ts";
import { FIRST_SERIAL } from "./serials.ts";
import { checked, Swarm } from "./swarm.ts";

/** One entry in so many is for somebody. */
const RARE_EVERY = 100;
/** Clients that come and go before anything is measured: handshakes find code that has run. */
const WARM_CLIENTS = 300;
const REPLAY_TIMEOUT_MS = 120_000;

/** What a replay costs the server. */
export interface Replay {
  readonly cpuMicros: number;
  readonly seconds: number;
}

/** A log that holds many entries, few of which anybody asks for. */
export class FullLog {
  readonly entries: number;
  readonly #bench: Bench;
  readonly #filters: number;
  readonly #firstSerial: number;
  readonly #lastSerial: number;
  #server: PenstockServer;

  private constructor(bench: Bench, server: PenstockServer, entries: number, filters: number) {
    this.#bench = bench;
    this.#server = server;
    this.#filters = filters;
    this.entries = entries;
    this.#firstSerial = firstSerial(entries, filters);
    this.#lastSerial = this.#firstSerial + rareOf(entries) - 1;
  }

  /**
   * Fills the log of a server, which is stopped with the scenario.
   *
   * @param filters how many hashtags the rare entries share: serial s has `r{s mod filters}`
   */
  static async fill(bench: Bench, entries: number, filters: number): Promise<FullLog> {
    const server = bench.stack.use(await PenstockServer.start());
    const startMs = performance.now();
    const first = firstSerial(entries, filters);
    const eventOf = (number: number): object => {
      if (number % RARE_EVERY !== 0) return filler(number);
      const serial = first + number / RARE_EVERY;
      return post(serial, `r${serial % filters}`);
    };
    // Over one connection, so that the log has them in the order of their serials.
    const taken = await sendLines(`${server.url}/v1/ingest/tweets`, 0, entries, eventOf);
    if (taken !== entries) throw new Error(`${taken} of ${entries} entries were taken in`);
    await server.settled();
    const seconds = (performance.now() - startMs) / 1000;
    bench.say(`${entries} entries were taken in and processed in ${seconds.toFixed(1)} s`);
    return new FullLog(bench, server, entries, filters);
  }

  /** Starts the server anew, so that nothing of the log is in its memory but what it reads at start. */
  async restart(): Promise<void> {
    const dataDir = await this.#server.stop();
    this.#server = this.#bench.stack.use(await PenstockServer.startOn(dataDir));
    const { port } = this.#server;
    const path = "/v1/tweets/live?hashtags=nobody{}";
    const clients = this.#bench.pick(WARM_CLIENTS, 10);
    const init = { dialect: "penstock", port, path, clients, distinct: clients } as const;
    await using _ = await Swarm.connect(init);
  }

  /** What replaying the whole log to some clients costs, each of them with another filter. */
  async replay(clients: number): Promise<Replay> {
    const server = this.#server;
    await server.settled();
    const cpuBefore = server.cpuMicros;
    const startMs = performance.now();
    await using swarm = await Swarm.connect({
      dialect: "penstock",
      port: server.port,
      path: "/v1/tweets/live?hashtags=r{}&since=earliest",
      distinct: this.#filters,
      clients,
      concurrency: clients,
      after: this.#firstSerial - 1,
    });
    await swarm.reach(this.#lastSerial, REPLAY_TIMEOUT_MS);
    const seconds = (performance.now() - startMs) / 1000;
    const cpuMicros = server.cpuMicros - cpuBefore;
    let due = 0;
    for (let serial = this.#firstSerial; serial <= this.#lastSerial; serial++)
      if (serial % this.#filters < clients) due += 1;
    checked(await swarm.report(), due);
    return { cpuMicros, seconds };
  }
}

function rareOf(entries: number): number {
  return Math.ceil(entries / RARE_EVERY);
}

/** The last event is the first client's, so that it reads as far by itself as all of them together. */
function firstSerial(entries: number, filters: number): number {
  const rare = rareOf(entries);
  return Math.ceil((FIRST_SERIAL + rare) / filters) * filters - rare + 1;
}
