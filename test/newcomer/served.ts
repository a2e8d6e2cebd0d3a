import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const PROGRAM = join(ROOT, "server/bin/penstock.js");

/** `penstock serve` as a newcomer starts it: a program of its own, on free ports, with its own data. */
export class Served implements AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.dataDir = join(folder, "data");
    this.#child = child;
    this.#folder = folder;
  }

  /** @param args of `penstock serve`; paths in them are those of the repository */
  static async start(...args: readonly string[]): Promise<Served> {
    const folder = await mkdtemp(join(tmpdir(), "penstock-newcomer-"));
    const own = ["--data-dir", join(folder, "data"), "--port", "0", "--admin-port", "0"];
    const child = spawn(
      process.execPath,
      [PROGRAM, "serve", ...own, "--deliver-drain", "0ms", "--log-level", "error", ...args],
      // A reader of the tutorials has a penstock.yaml in the repository: it is none of a test's.
      {
        cwd: ROOT,
        env: { ...process.env, PENSTOCK_CONFIG: devNull },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let said = "";
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const listen = (chunk: Buffer): void => {
      said += String(chunk);
      const url = / at (http:\/\/\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.once("exit", () => reject(new Error(`the server ended: ${said}`)));
    try {
      return new Served(await promise, child, folder);
    } catch (caught) {
      await rm(folder, { recursive: true, force: true });
      throw caught;
    }
  }

  /** Publishes records, and answers their ids once the log holds them. */
  async publish(stream: string, records: readonly unknown[]): Promise<string[]> {
    const response = await fetch(`${this.url}/v1/ingest/${stream}`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: records.map((record) => `${JSON.stringify(record)}\n`).join(""),
    });
    const answers = (await response.text()).trim().split("\n");
    return answers.map((line) => {
      const { status, id } = JSON.parse(line) as { status: number; id: string };
      if (status !== 202) throw new Error(`the record was not taken: ${line}`);
      return id;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}
