import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { flushCompileCache } from "node:module";
import { performance } from "node:perf_hooks";
import { type Handlers, isUnanswered, ProcessChannel } from "./process-channel.ts";

/** How a pool of workers is made. */
export interface WorkerPoolInit {
  readonly count: number;
  /** The module that each worker runs. */
  readonly module: URL;
  /** What a worker is started with: passed to its `start`, which answers with its address. */
  readonly startMessage: (name: string, port: number | undefined) => unknown;
  /** What a worker may call in this process. */
  readonly handlers: Handlers;
  /** How long a worker may take to stop before it is killed, in milliseconds. */
  readonly stopTimeoutMs: number;
  /** Told when a worker is gone, by its name, before another takes its place. */
  readonly gone: (name: string) => void;
  readonly tell: (
    level: "info" | "warn" | "error",
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

/** Where a worker listens. */
export interface WorkerAddress {
  readonly url: string;
  readonly port: number;
}

interface Worker {
  readonly name: string;
  readonly child: ChildProcess;
  readonly channel: ProcessChannel;
  /** Resolves when it is gone. */
  readonly closed: Promise<unknown>;
  readonly startedMs: number;
}

const START_TIMEOUT_MS = 60_000;
const ASK_TIMEOUT_MS = 2000;
const COLLECT_TIMEOUT_MS = 5000;
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 5000;
/** A worker that lived so long did not die of how it was started. */
const SETTLED_MS = 10_000;

/**
 * The worker processes of one server: started, replaced where one dies, asked for one another, and
 * stopped together.
 */
export class WorkerPool implements AsyncDisposable {
  readonly #init: WorkerPoolInit;
  readonly #workers = new Map<string, Worker>();
  #address: WorkerAddress | undefined;
  #stopping = false;
  #restartMs = RESTART_MIN_MS;
  /** Workers that died and were replaced. */
  restarts = 0;

  private constructor(init: WorkerPoolInit) {
    this.#init = init;
  }

  /**
   * Starts the workers; resolves when all of them serve.
   *
   * @throws PenstockError why one could not be started
   */
  static async start(init: WorkerPoolInit): Promise<WorkerPool> {
    const pool = new WorkerPool(init);
    // What this process has compiled, the workers take from disk.
    flushCompileCache();
    try {
      // The first one takes the port, which may be any free one; the others share it.
      await pool.#startOne();
      await Promise.all(Array.from({ length: init.count - 1 }, () => pool.#startOne()));
    } catch (caught) {
      await pool[Symbol.asyncDispose]();
      throw caught;
    }
    return pool;
  }

  get url(): string {
    return this.#address?.url ?? "";
  }

  isAlive(name: string): boolean {
    return this.#workers.has(name);
  }

  /** Calls every worker; those that do not answer are left out. */
  async callAll<T>(
    name: string,
  ): Promise<readonly { readonly worker: string; readonly value: T }[]> {
    const answers = await Promise.allSettled(
      [...this.#workers.values()].map(async (worker) => ({
        worker: worker.name,
        value: await worker.channel.call<T>(name, undefined, COLLECT_TIMEOUT_MS),
      })),
    );
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  /** Stops all workers, each in its own time; one that takes too long is killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#workers.values()].map((worker) => this.#stop(worker)));
  }

  async #stop({ child, channel, closed }: Worker): Promise<void> {
    const timer = setTimeout(() => child.kill("SIGKILL"), this.#init.stopTimeoutMs);
    channel.call("stop", undefined, this.#init.stopTimeoutMs).catch(() => undefined);
    await closed;
    clearTimeout(timer);
  }

  async #startOne(): Promise<void> {
    const child = fork(this.#init.module, {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    // Process ids come again, in containers at each start; names do not.
    const name = `worker-${child.pid}-${randomBytes(3).toString("hex")}`;
    const channel = new ProcessChannel(
      {
        send: (message) => {
          if (child.connected) child.send(message as object, () => undefined);
        },
        onMessage: (take) => child.on("message", take),
      },
      { ...this.#init.handlers, ask: (asked: Asked) => this.#ask(asked) },
    );
    // Behind its exit, once all that it had said has come.
    const closed = once(child, "close");
    const worker: Worker = { name, child, channel, closed, startedMs: performance.now() };
    this.#workers.set(name, worker);
    child.once("close", (code, signal) => this.#exited(worker, code, signal));
    const message = this.#init.startMessage(name, this.#address?.port);
    try {
      const address = await channel.call<WorkerAddress>("start", message, START_TIMEOUT_MS);
      this.#address ??= address;
    } catch (caught) {
      // One that lives and does not serve would hold its place for ever.
      child.kill("SIGKILL");
      throw caught;
    }
  }

  /** One worker asks another. */
  async #ask({ holder, request }: Asked): Promise<unknown> {
    const worker = this.#workers.get(holder);
    if (worker === undefined) return undefined;
    try {
      return await worker.channel.call("asked", request, ASK_TIMEOUT_MS);
    } catch (caught) {
      // A worker that is gone holds nothing.
      if (isUnanswered(caught)) return undefined;
      throw caught;
    }
  }

  #exited(worker: Worker, code: number | null, signal: NodeJS.Signals | null): void {
    const { name, channel, startedMs } = worker;
    channel.close();
    this.#workers.delete(name);
    this.#init.gone(name);
    if (this.#stopping || this.#address === undefined) return;
    // One that was told to stop, to be started anew, is no sign that others cannot live.
    const isClean = code === 0;
    if (!isClean) this.restarts += 1;
    const settled = isClean || performance.now() - startedMs > SETTLED_MS;
    this.#restartMs = settled ? RESTART_MIN_MS : Math.min(RESTART_MAX_MS, this.#restartMs * 2);
    const { tell } = this.#init;
    if (isClean) tell("info", "a worker stopped; another takes its place", { worker: name });
    else tell("error", "a worker died; another takes its place", { worker: name, code, signal });
    setTimeout(() => {
      if (this.#stopping) return;
      this.#startOne().catch((caught: unknown) => {
        // One that is stopped before it serves was not to be started any more.
        if (this.#stopping) return;
        tell("error", "a worker could not be started", { error: String(caught) });
      });
    }, this.#restartMs).unref();
  }
}

/** What a worker asks another through the pool. */
export interface Asked {
  readonly holder: string;
  readonly request: unknown;
}
