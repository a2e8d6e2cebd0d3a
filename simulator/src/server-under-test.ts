import { type ChildProcess, spawn } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:net";
import { devNull } from "node:os";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../../server/src/config/index.ts";
import { type RunningServer, serve } from "../../server/src/serve.ts";

const PROGRAM = fileURLToPath(new URL("../../server/bin/penstock.js", import.meta.url));

/** The last line that a server says once it serves begins so. */
const READY = "Metrics: ";

/** Until a worker that was stopped must have been replaced. */
const ROLL_TIMEOUT_MS = 30_000;

/** A server that a run starts, stops and kills; its data and its ports stay the same. */
export interface ServerUnderTest {
  readonly url: string;
  readonly adminUrl: string;
  start(): Promise<void>;
  /** What it logged as an error: nothing that a client or a fault does may lead to that. */
  readonly errors: readonly string[];
  /** Stops it cleanly. */
  stop(): Promise<void>;
  /**
   * Kills it where it is, as `kill -9` does. Only a process of its own can be killed.
   *
   * @param which all of its processes at once, or the first one alone, whose workers live on
   */
  kill(which: "all" | "first"): Promise<void>;
  /** Kills one of its workers so; false where it has none at the moment. */
  killWorker(): Promise<boolean>;
  /**
   * Stops its workers cleanly, one after another, each once those before it were replaced.
   *
   * @returns how many
   */
  rollWorkers(): Promise<number>;
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
    killWorker: () => killWorkerOf(urls.adminUrl),
    rollWorkers: () => rollWorkersOf(urls.adminUrl),
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
        // Whatever penstock.yaml lies where this is run is none of its.
        env: { ...process.env, PENSTOCK_CONFIG: devNull },
        stdio: ["ignore", "pipe", "pipe"],
      });
      started.stderr?.on("data", (chunk: Buffer) => {
        errors.push(
          ...String(chunk)
            .split("\n")
            .filter((line) => line !== "" && !isExpected(line)),
        );
      });
      child = started;
      // Whether it answers says nothing: workers of the one before may still be there.
      let said = "";
      for await (const chunk of started.stdout) {
        said += String(chunk);
        if (said.includes(READY)) break;
      }
      if (!said.includes(READY)) throw new Error(`the server did not start: ${errors.join("\n")}`);
    },
    stop: () => end("SIGTERM"),
    kill: async (which) => {
      const workers = which === "all" ? await workersOf(urls.adminUrl) : [];
      const ended = end("SIGKILL");
      for (const pid of workers) killProcess(pid);
      await ended;
    },
    killWorker: () => killWorkerOf(urls.adminUrl),
    rollWorkers: () => rollWorkersOf(urls.adminUrl),
  };
}

/** A worker that is killed is told of as an error, and that is right. */
function isExpected(line: string): boolean {
  return line.includes("a worker died; another takes its place");
}

/** Its workers are known by their metrics, which are named after their processes. */
async function workersOf(adminUrl: string): Promise<number[]> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  const found = metrics.matchAll(/cpu_seconds_total\{process="worker-(\d+)-/g);
  return [...found].map(([, pid]) => Number(pid));
}

async function killWorkerOf(adminUrl: string): Promise<boolean> {
  const pids = await workersOf(adminUrl);
  const chosen = pids[Math.floor(Math.random() * pids.length)];
  if (chosen === undefined) return false;
  return killProcess(chosen);
}

/** @returns false where it is gone already */
function killProcess(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

async function rollWorkersOf(adminUrl: string): Promise<number> {
  const before = await workersOf(adminUrl);
  for (const [at, pid] of before.entries()) {
    process.kill(pid, "SIGTERM");
    const deadlineMs = Date.now() + ROLL_TIMEOUT_MS;
    for (;;) {
      const now = await workersOf(adminUrl);
      const replaced = now.filter((one) => !before.includes(one)).length;
      if (!now.includes(pid) && replaced > at && now.length === before.length) break;
      if (Date.now() > deadlineMs) throw new Error(`the worker ${pid} was not replaced`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return before.length;
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
