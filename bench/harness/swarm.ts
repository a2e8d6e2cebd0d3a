import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { DialectName } from "./dialects.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import type { SwarmCommand, SwarmReport } from "./swarm-command.ts";

/** Descriptors that a process keeps for itself, and those that a machine may allow it. */
const CLIENTS_PER_PROCESS_MAX = 19_500;

/** Clients of one server. */
export interface SwarmInit {
  readonly dialect: DialectName;
  readonly port: number;
  readonly clients: number;
  /** The path of a client, `{}` standing for its number modulo `distinct`. */
  readonly path?: string;
  /** Client n gets exactly the events whose serial leaves the rest n, modulo this. 1: all get all. */
  readonly distinct?: number;
  readonly processes?: number;
  /** How many handshakes at once, in all. */
  readonly concurrency?: number;
  /** The last serial that was published before. */
  readonly after?: number;
  /** Whether the time from publishing to receipt is taken of every event. */
  readonly timed?: boolean;
  /** Whether events may be left out, as long as those that come are in order. */
  readonly lossy?: boolean;
  /** Whether clients can come back to their sessions: see `storm`. */
  readonly resumable?: boolean;
}

/** What the whole swarm has seen since it was asked last. */
export interface SwarmTotal {
  readonly open: number;
  readonly events: number;
  readonly bytes: number;
  readonly frames: number;
  readonly chunks: number;
  readonly compressed: number;
  readonly repeats: number;
  readonly misordered: number;
  /** Gaps that clients were told of. */
  readonly gaps: number;
  readonly closed: number;
  readonly reconnects: number;
  readonly why: string;
  readonly cpuMicros: number;
  /** Whether all clients whose bytes are summed up have the same sum; tells nothing where filters differ. */
  readonly isUniform: boolean;
  readonly latency: LatencyHistogram;
  readonly connect: LatencyHistogram;
}

let addresses = 1;

/** A report as it is told in errors. */
export function told({ latency: _, connect: __, ...counts }: SwarmTotal): string {
  return JSON.stringify(counts);
}

/**
 * Takes a report only if it is what was due: a figure counts when the work was done.
 *
 * @throws Error when events are missing, too many or out of order, or a connection ended
 */
export function checked(report: SwarmTotal, events: number): SwarmTotal {
  if (report.events !== events || report.misordered + report.gaps + report.closed > 0)
    throw new Error(`${events} events were due in order to all clients; ${told(report)}`);
  return report;
}

/** Clients in some processes, each of which connects from loopback addresses of its own. */
export class Swarm implements AsyncDisposable {
  readonly #processes: readonly SwarmProcess[];

  private constructor(processes: readonly SwarmProcess[]) {
    this.#processes = processes;
  }

  /** Resolves when every client is connected and subscribed. */
  static async connect(init: SwarmInit): Promise<Swarm> {
    const { clients, after = 0, path = "/", distinct = 1, timed = false } = init;
    const { lossy = false, resumable = false } = init;
    const needed = Math.ceil(clients / CLIENTS_PER_PROCESS_MAX);
    const count = Math.max(needed, Math.min(init.processes ?? 2, clients));
    const processes = Array.from({ length: count }, () => new SwarmProcess());
    const swarm = new Swarm(processes);
    const concurrency = Math.ceil((init.concurrency ?? 64) / count);
    const connects = processes.map((one, at) => {
      const first = Math.floor((clients * at) / count);
      addresses = (addresses % 250) + 1;
      return one.ask({
        do: "connect",
        dialect: init.dialect,
        port: init.port,
        localNetwork: `127.0.${addresses}`,
        path,
        distinct,
        first,
        count: Math.floor((clients * (at + 1)) / count) - first,
        concurrency,
        after,
        timed,
        lossy,
        resumable,
      });
    });
    try {
      await Promise.all(connects);
      return swarm;
    } catch (caught) {
      await Promise.allSettled(connects);
      await swarm[Symbol.asyncDispose]();
      throw caught;
    }
  }

  /**
   * Resolves when each client that reads has its last event up to a serial.
   *
   * @throws Error when it takes longer than `withinMs`, with what was seen until then
   */
  async reach(serial: number, withinMs = 60_000): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("late")), withinMs);
    try {
      await Promise.race([this.#all({ do: "reach", serial }), late.promise]);
    } catch (caught) {
      if (!(caught instanceof Error && caught.message === "late")) throw caught;
      throw new Error(
        `not every client had event ${serial} within ${withinMs} ms: ${told(await this.report())}`,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  async report(): Promise<SwarmTotal> {
    const reports = (await this.#all({ do: "report" })) as SwarmReport[];
    const latency = new LatencyHistogram();
    const connect = new LatencyHistogram();
    for (const report of reports) {
      latency.add(report.latency);
      connect.add(report.connect);
    }
    const sum = (of: (report: SwarmReport) => number): number =>
      reports.reduce((total, report) => total + of(report), 0);
    return {
      open: sum(({ open }) => open),
      events: sum(({ events }) => events),
      bytes: sum(({ bytes }) => bytes),
      frames: sum(({ frames }) => frames),
      chunks: sum(({ chunks }) => chunks),
      compressed: sum(({ compressed }) => compressed),
      repeats: sum(({ repeats }) => repeats),
      misordered: sum(({ misordered }) => misordered),
      gaps: sum(({ gaps }) => gaps),
      closed: sum(({ closed }) => closed),
      reconnects: sum(({ reconnects }) => reconnects),
      cpuMicros: sum(({ cpuMicros }) => cpuMicros),
      why: reports.map(({ why }) => why).find((why) => why !== "") ?? "",
      isUniform: new Set(reports.flatMap(({ sums }) => sums)).size <= 1,
      latency,
      connect,
    };
  }

  /** Makes every so many-th client read no more; answers how many those are. */
  async pause(every: number): Promise<number> {
    const paused = (await this.#all({ do: "pause", every })) as number[];
    return paused.reduce((sum, one) => sum + one, 0);
  }

  /** Cuts and reconnects so many clients a second, one after the other, until it is told 0. */
  async churn(perSecond: number): Promise<void> {
    await this.#all({ do: "churn", perSecond: perSecond / this.#processes.length });
  }

  /** Cuts all clients at once and brings each back to its session; resolves when all are back. */
  async storm(): Promise<void> {
    await this.#all({ do: "storm", concurrency: CLIENTS_PER_PROCESS_MAX });
  }

  async #all(command: SwarmCommand): Promise<unknown[]> {
    return await Promise.all(this.#processes.map((one) => one.ask(command)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.end()));
  }
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** The channel to one process of the swarm. */
class SwarmProcess {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #ended: Promise<void>;
  #ids = 0;

  constructor() {
    this.#child = fork(join(import.meta.dirname, "swarm-process.ts"), {
      serialization: "advanced",
    });
    this.#child.on("message", ({ id, result, error }: Answer) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(new Error(error));
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", (code) => {
        for (const { reject } of this.#asked.values())
          reject(new Error(`a process of the swarm ended with ${code}`));
        this.#asked.clear();
        resolve();
      });
    });
  }

  async ask(command: SwarmCommand): Promise<unknown> {
    const id = ++this.#ids;
    const asked = Promise.withResolvers<unknown>();
    this.#asked.set(id, asked);
    if (!this.#child.connected) throw new Error("a process of the swarm has ended");
    this.#child.send({ id, command });
    return await asked.promise;
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}
