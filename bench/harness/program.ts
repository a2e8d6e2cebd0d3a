import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** How long a program may take to say that it is there. */
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/** A program that could not be started, with the end of what it said. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
}

/** A child process that says on its standard output that it is ready, and is stopped when disposed of. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  /** What it said when it was ready. */
  readonly said: RegExpExecArray;

  readonly #complaints: () => string;

  private constructor(child: ChildProcess, said: RegExpExecArray, complaints: () => string) {
    this.child = child;
    this.said = said;
    this.#complaints = complaints;
  }

  /** The end of what it wrote to its standard error. */
  get complaints(): string {
    return this.#complaints();
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /**
   * Starts a program and waits until its standard output holds what `ready` matches.
   *
   * @throws ProgramError when it ends before, or takes longer than a minute
   */
  static async start(init: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly ready: RegExp;
  }): Promise<Program> {
    const child = spawn(init.command, init.args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...init.env },
    });
    let out = "";
    let wrong = "";
    const settled = Promise.withResolvers<RegExpExecArray>();
    child.stdout?.on("data", (chunk: Buffer) => {
      if (out.length < 65_536) out += chunk.toString();
      const said = init.ready.exec(out);
      if (said !== null) settled.resolve(said);
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      wrong = (wrong + chunk.toString()).slice(-4096);
    });
    child.stdin?.on("error", () => undefined);
    child.on("error", (error) => settled.reject(new ProgramError(error.message)));
    child.on("exit", (code) =>
      settled.reject(new ProgramError(`${init.command} ended with ${code}: ${wrong.trim()}`)),
    );
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      settled.reject(new ProgramError(`${init.command} said nothing: ${wrong.trim()}`));
    }, START_TIMEOUT_MS);
    try {
      return new Program(child, await settled.promise, () => wrong.trim());
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
}
