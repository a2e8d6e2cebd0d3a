import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MetricsSample, parseMetrics } from "./metrics-text.ts";
import { anonymousBytes, cpuMicros, processTree } from "./process-cost.ts";
import { Program, ProgramError } from "./program.ts";

/** A server that does not know an option that a scenario needs. */
export class UnsupportedError extends Error {
  override readonly name = "UnsupportedError";
}

const PROGRAM = join(import.meta.dirname, "../../server/bin/penstock.js");

/** `penstock serve` on a data directory of its own, on free ports. */
export class PenstockServer implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly #adminUrl: string;
  readonly #program: Program;
  readonly #dataDir: string;
  #isStopped = false;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  private constructor(program: Program, dataDir: string) {
    this.#program = program;
    this.#dataDir = dataDir;
    this.url = program.said[1] as string;
    this.#adminUrl = program.said[2] as string;
    this.port = Number(new URL(this.url).port);
  }

  /**
   * Starts a server, ready when it resolves.
   *
   * @param flags of `penstock serve`, besides those of the ports and the data directory
   * @throws UnsupportedError when the server refuses one of them, ProgramError when it does not start
   */
  static async start(flags: readonly string[] = []): Promise<PenstockServer> {
    return await PenstockServer.startOn(await mkdtemp(join(tmpdir(), "penstock-bench-")), flags);
  }

  /** The same on data that is there; whoever is disposed of last removes it. */
  static async startOn(dataDir: string, flags: readonly string[] = []): Promise<PenstockServer> {
    const ports = ["--data-dir", dataDir, "--port", "0", "--admin-port", "0"];
    try {
      const program = await Program.start({
        command: process.execPath,
        args: [PROGRAM, "serve", ...ports, "--log-level", "error", ...flags],
        env: { NO_COLOR: "1" },
        ready: /serves .* at (http:\S+)[\s\S]*Metrics: (http:\S+)\/metrics/,
      });
      return new PenstockServer(program, dataDir);
    } catch (caught) {
      await rm(dataDir, { recursive: true, force: true });
      if (caught instanceof ProgramError && /unknown option|is no option/.test(caught.message))
        throw new UnsupportedError(
          `not supported by this server: ${flags.join(" ")} (${caught.message.split("\n")[0]})`,
        );
      throw caught;
    }
  }

  /** The server's process, and its workers where it has some. */
  get pids(): number[] {
    return processTree(this.#program.pid);
  }

  /** CPU used so far in microseconds, workers counted. */
  get cpuMicros(): number {
    return cpuMicros(this.pids);
  }

  get anonymousBytes(): number {
    return anonymousBytes(this.pids);
  }

  /** Takes posts in with a durable acknowledgement each. @throws Error when one is refused */
  async publish(events: readonly object[], stream = "tweets"): Promise<void> {
    const body = events.map((event) => `${JSON.stringify(event)}\n`).join("");
    const answer = await this.#post(`/v1/ingest/${stream}`, body);
    const accepted = answer.split('"status":202').length - 1;
    if (accepted !== events.length)
      throw new Error(`${accepted} of ${events.length} events were taken: ${answer.slice(0, 500)}`);
  }

  async #post(path: string, body: string): Promise<string> {
    return await new Promise((resolve, reject) => {
      const headers = {
        "content-type": "application/x-ndjson",
        "content-length": Buffer.byteLength(body),
      };
      const sent = request(`${this.url}${path}`, { method: "POST", agent: this.#agent, headers });
      sent.on("error", reject);
      sent.on("response", (response) => {
        let text = "";
        response.setEncoding("latin1");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
        response.on("error", reject);
      });
      sent.end(body);
    });
  }

  /** What the server counts of itself. */
  async metrics(): Promise<readonly MetricsSample[]> {
    const response = await fetch(`${this.#adminUrl}/metrics`);
    return parseMetrics(await response.text());
  }

  /**
   * How late the event loop of the latest of the server's processes was since it was asked last, and what of CPU the
   * turn took at most that was the longest of all; in milliseconds.
   */
  async eventLoopDelay(): Promise<{
    readonly maxMs: number;
    readonly p99Ms: number;
    readonly turnMs: number;
  }> {
    const samples = await this.metrics();
    const worst = (metric: string, quantile: string): number =>
      Math.max(
        0,
        ...samples
          .filter(
            ({ name, labels }) => name === metric && labels.includes(`quantile="${quantile}"`),
          )
          .map(({ value }) => value * 1000),
      );
    const late = "penstock_event_loop_delay_seconds";
    const turnMs = worst("penstock_event_loop_turn_seconds", "1");
    return { maxMs: worst(late, "1"), p99Ms: worst(late, "0.99"), turnMs };
  }

  /** Resolves when the server has done what it was given: it uses less than a twentieth of a core. */
  async settled(withinMs = 60_000): Promise<void> {
    const untilMs = performance.now() + withinMs;
    for (let before = this.cpuMicros; ; ) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const now = this.cpuMicros;
      if (now - before < 25_000 || performance.now() > untilMs) return;
      before = now;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#dataDir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Stops the server and leaves its data, on which another can be started. */
  async stop(): Promise<string> {
    this.#agent.destroy();
    // Draining spreads the closes of clients over seconds; the clients of a benchmark are gone by now.
    await this.#program[Symbol.asyncDispose]();
    const { complaints } = this.#program;
    if (complaints !== "" && !this.#isStopped) console.error(`  the server said: ${complaints}`);
    this.#isStopped = true;
    return this.#dataDir;
  }
}
