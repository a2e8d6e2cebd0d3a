import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ROOT } from "./served.ts";

/** A program that says nothing more for so long has stuck: the test is told what it said. */
const STUCK_AFTER_MS = 30_000;

/** A program that runs beside a test, with the lines that it says. */
export class Command implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly told: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #wake: () => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = once(child, "exit");
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
   * @throws Error with all that it said, where it ends before, or says nothing for half a minute
   */
  async until(isDone: (command: this) => boolean): Promise<void> {
    while (!isDone(this)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`it ended: ${[...this.lines, ...this.told].join("\n")}`);
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const stuck = setTimeout(
        () => reject(new Error(`it stuck: ${[...this.lines, ...this.told].join("\n")}`)),
        STUCK_AFTER_MS,
      );
      await promise.finally(() => clearTimeout(stuck));
    }
  }

  /** Resolves with its exit code once it ends. */
  async ended(): Promise<number | null> {
    await this.#exited;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGTERM");
      await this.#exited;
    }
  }
}
