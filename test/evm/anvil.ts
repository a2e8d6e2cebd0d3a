import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join } from "node:path";

/** The program of the chain that tests use; undefined where this machine has none. */
export function anvilProgram(): string | undefined {
  const require = createRequire(import.meta.url);
  const name = `@foundry-rs/anvil-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  try {
    const program = join(dirname(require.resolve(`${name}/package.json`)), "bin", "anvil");
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

/** A real chain on loopback: blocks are made when a test says so. */
export class Anvil implements AsyncDisposable {
  readonly url: string;
  readonly #program: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(program: string, port: number, statePath: string) {
    this.#program = program;
    this.url = `http://127.0.0.1:${port}`;
    this.#args = [
      ...["--port", String(port), "--no-mining", "--order", "fifo", "--silent"],
      ...["--state", statePath, "--preserve-historical-states"],
    ];
  }

  static async start(program: string, statePath: string): Promise<Anvil> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    server.close();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const anvil = new Anvil(program, port, statePath);
    await anvil.start();
    return anvil;
  }

  get socketUrl(): string {
    return this.url.replace("http", "ws");
  }

  async start(): Promise<void> {
    this.#child = spawn(this.#program, this.#args, { stdio: "ignore" });
    for (let attempt = 0; attempt < 200; attempt++) {
      try {
        await this.call("eth_chainId");
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error("anvil did not start");
  }

  /** Ends the node; with SIGTERM it keeps its chain for the next start. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
    this.#child = undefined;
  }

  async call<T>(method: string, ...params: readonly unknown[]): Promise<T> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const { result, error } = (await response.json()) as { result: T; error?: object };
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  async mine(count = 1): Promise<void> {
    for (let made = 0; made < count; made++) await this.call("evm_mine");
  }

  /** The node's chain as it is now: hashes by number, with the hashes of transactions. */
  async chain(): Promise<
    { readonly number: number; readonly hash: string; readonly transactions: string[] }[]
  > {
    const head = Number(await this.call<string>("eth_blockNumber"));
    const blocks = [];
    for (let number = 0; number <= head; number++) {
      const block = await this.call<{ hash: string; transactions: string[] }>(
        "eth_getBlockByNumber",
        `0x${number.toString(16)}`,
        false,
      );
      blocks.push({ number, hash: block.hash, transactions: block.transactions });
    }
    return blocks;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}
