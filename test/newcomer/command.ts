import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ROOT } from "./served.ts";

/** A program that does not come to what is waited for has stuck: the test is told what it said. */
const STUCK_AFTER_MS = 60_000;

/** A program that runs beside a test, with the lines that it says. */
export class Command implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly told: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #wake: () => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    // Closed once nobody holds its output any more: then all that it started have ended too.
    this.#exited = once(child, "close");
    this.#listen(child.stdout, this.lines);
    this.#listen(child.stderr, this.told);
    void this.#exited.then(() => this.#wake());
  }

  /** Runs a program with its arguments, in the repository or another folder. */
  static run(
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    cwd: string = ROOT,
  ): Command {
    return new Command(
      spawn(program, args, {
        cwd,
        // A group of its own, so that what it starts ends with it.
        detached: true,
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
  }

  #listen(stream: ChildProcess["stdout"], lines: string[]): void {
    if (stream === null) return;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      this.#wake();
    });
  }

  /**
   * Resolves once what it said satisfies a test.
   *
   * @throws Error with all that it said, where it ends before, or does not come to it in a minute
   */
  async until(isDone: (command: this) => boolean): Promise<void> {
    let isStuck = false;
    const deadline = setTimeout(() => {
      isStuck = true;
      this.#wake();
    }, STUCK_AFTER_MS);
    try {
      while (!isDone(this)) {
        const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
        if (isStuck || hasEnded)
          throw new Error(`it ${isStuck ? "stuck" : "ended"}: ${this.#said}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  get #said(): string {
    return [...this.lines, ...this.told].join("\n");
  }

  /** Resolves with its exit code once it ends. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null)
      process.kill(-pid, "SIGTERM");
    await this.#exited;
  }
}
