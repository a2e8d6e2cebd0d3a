import { type ChildProcess, spawn } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../../server/src/config/index.ts";
import { type RunningServer, serve } from "../../server/src/serve.ts";

const PROGRAM = fileURLToPath(new URL("../../server/bin/penstock.js", import.meta.url));

/** A server that a run starts, stops and kills; its data and its ports stay the same. */
export interface ServerUnderTest {
  readonly url: string;
  readonly adminUrl: string;
  start(): Promise<void>;
  /** What it logged as an error: nothing that a client or a fault does may lead to that. */
  readonly errors: readonly string[];
  /** Stops it cleanly. */
  stop(): Promise<void>;
  /** Kills it where it is, as `kill -9` does. Only a process of its own can be killed. */
  kill(): Promise<void>;
  /** Kills one of its workers so; false where it has none at the moment. */
  killWorker(): Promise<boolean>;
}

/** @param flags options of `penstock serve`, by name without dashes */
export async function serverUnderTest(init: {
  readonly dataDir: string;
  readonly flags?: Readonly<Record<string, string>>;
  readonly ownProcess: boolean;
}): Promise<ServerUnderTest> {
  const port = await freePort();
  const adminPort = await freePort();
  const flags = {
    "data-dir": init.dataDir,
    port: String(port),
    "admin-port": String(adminPort),
    "log-level": "error",
    "deliver-drain": "20ms",
    ...init.flags,
  };
  const urls = { url: `http://127.0.0.1:${port}`, adminUrl: `http://127.0.0.1:${adminPort}` };
  return init.ownProcess ? processServer(flags, urls) : localServer(flags, urls);
}

function localServer(
  flags: Readonly<Record<string, string>>,
  urls: { readonly url: string; readonly adminUrl: string },
): ServerUnderTest {
  let running: RunningServer | undefined;
  const errors: string[] = [];
  const logs = channel("penstock.log");
  const listener = (message: unknown): void => {
    if ((message as { readonly level?: string }).level === "error") {
      errors.push(JSON.stringify(message));
    }
  };
  return {
    ...urls,
    errors,
    start: async () => {
      const config = loadConfig({ flags, env: {}, yaml: undefined, yamlName: "penstock.yaml" });
      logs.subscribe(listener);
      running = await serve(config);
    },
    stop: async () => {
      await running?.[Symbol.asyncDispose]();
      running = undefined;
      logs.unsubscribe(listener);
    },
    kill: async () => {
      throw new Error("a server in this process cannot be killed");
    },
    killWorker: () => killWorkerOf(running?.adminUrl ?? urls.adminUrl),
  };
}

function processServer(
  flags: Readonly<Record<string, string>>,
  urls: { readonly url: string; readonly adminUrl: string },
): ServerUnderTest {
  let child: ChildProcess | undefined;
  const errors: string[] = [];
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    if (child === undefined || child.exitCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
    child = undefined;
  };
  return {
    ...urls,
    errors,
    start: async () => {
      const texts = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
      const started = spawn(process.execPath, [PROGRAM, "serve", ...texts], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      let said = "";
      started.stderr?.on("data", (chunk: Buffer) => {
        said = `${said}${String(chunk)}`.slice(-4000);
        errors.push(
          ...String(chunk)
            .split("\n")
            .filter((line) => line !== ""),
        );
      });
      child = started;
      for (;;) {
        if (started.exitCode !== null) throw new Error(`the server did not start: ${said}`);
        if (await isReady(urls.url)) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    killWorker: () => killWorkerOf(urls.adminUrl),
  };
}

/** Its workers are known by their metrics, which are named after their processes. */
async function killWorkerOf(adminUrl: string): Promise<boolean> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  const pids = [...metrics.matchAll(/cpu_seconds_total\{process="worker-(\d+)-/g)];
  const chosen = pids[Math.floor(Math.random() * pids.length)]?.[1];
  if (chosen === undefined) return false;
  process.kill(Number(chosen), "SIGKILL");
  return true;
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** A port that nobody listens on at the moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port could be had");
  return address.port;
}
