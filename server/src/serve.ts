/**
 * The whole program: starts the roles that a server has, in this process alone or with workers
 * beside it. What is started is stopped in reverse order.
 */
import { randomBytes } from "node:crypto";
import { lookup } from "node:dns/promises";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { type Config, ConfigError } from "./config/index.ts";
import { holdDataDir } from "./data-dir.ts";
import { noPeers, openSessionStore } from "./deliver/index.ts";
import { type DemoPart, startDemo } from "./demo.ts";
import { Ingester } from "./ingest/index.ts";
import {
  backgroundMetrics,
  domainMetrics,
  ingestMetrics,
  sourceMetrics,
  surfaceMetrics,
} from "./metrics.ts";
import { type Leaving, type MetricSample, ProcessFigures, watchProcess } from "./observe/index.ts";
import { startAdmin } from "./roles/admin.ts";
import { type Background, startBackground } from "./roles/background.ts";
import { type Base, openBase } from "./roles/base.ts";
import { holdPort } from "./roles/port-hold.ts";
import { probe } from "./roles/port-listeners.ts";
import { SessionSweep } from "./roles/session-sweep.ts";
import { startSurface } from "./roles/surface.ts";
import { writerHandlers } from "./roles/writer.ts";
import { startSources } from "./sources.ts";
import { type Recent, RecentWindow } from "./store/index.ts";
import { WorkerPool } from "./workers/index.ts";

export { dataDirHolder } from "./data-dir.ts";
export type { DemoPart } from "./demo.ts";
export { logWarnings } from "./observe/index.ts";
export { loadDomains, shippedDomains } from "./roles/base.ts";
export { checkSources, dialNodes } from "./sources.ts";

/** What a worker has of memory at the least: less would hold a few batches of what it reads, or takes in. */
const SHARE_BYTES_MIN = 4 * 1024 * 1024;

/** A server that runs; disposing of it stops it cleanly. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  readonly streams: readonly ServedStream[];
  /** What of the demonstration world flows; none where there is no world. */
  readonly demoParts: () => Promise<readonly DemoPart[]>;
  /** Makes a stop quick: whoever is still connected is sent away at once. */
  readonly hurry: () => void;
}

/** A stream that a server has. */
export interface ServedStream {
  readonly name: string;
  /** The name of the domain behind it; undefined for a declared stream. */
  readonly domain: string | undefined;
  /** Whether a demonstration world can flow through it. */
  readonly hasDemo: boolean;
}

/** What a worker may take to stop, beyond its drain. */
const STOP_GRACE_MS = 10_000;

/** How long a port may be taken by the workers of a server that was killed, and is looked at again. */
const PORT_TIMEOUT_MS = 5000;
const PORT_LOOK_MS = 50;

/**
 * Starts a server, ready when it resolves.
 *
 * @throws ConfigError, or PenstockError where the data or a port cannot be had
 */
export async function serve(config: Config): Promise<RunningServer> {
  const { server } = config;
  await checkExposure(config);
  const stack = new AsyncDisposableStack();
  try {
    stack.use(await holdDataDir(server.dataDir));
    stack.use(await holdPort(server));
    // Before the log is opened: those who are waited for read it, and may have something left to write.
    if (server.workers > 0) await waitForPort(server);
    const base = await openBase(config, stack);
    let unready: string | undefined = "starting";
    const admin = { host: server.adminHost, port: server.adminPort };
    const adminUrl = await startAdmin(admin, base.observer, () => unready, stack);
    const background = await startBackground(base, stack);
    const watch = watchProcess("server");
    const hurrying = new AbortController();
    const { url, ingester, pool } =
      server.workers === 0
        ? { ...(await startAlone(base, background, stack, hurrying.signal)), pool: undefined }
        : await startWorkers(base, stack, hurrying.signal);
    base.collectors.push(async () => [
      ...(await backgroundMetrics(background, base, pool?.restarts ?? 0)),
      ...domainMetrics(base),
      ...watch(),
    ]);
    const { streams, log, now } = base;
    const { logger } = base.observer;
    const context = { ingester, streams, log, now, logger };
    const sources = stack.use(await startSources(server.sources, context));
    base.collectors.push(async () => sourceMetrics(sources));
    let demoParts: RunningServer["demoParts"] = async () => [];
    if (server.demo) {
      const tell = (message: string, fields: Readonly<Record<string, unknown>>): void =>
        logger.info(fields, message);
      const demo = startDemo({ streams, ingester, log, seed: server.demoSeed, now, tell });
      demoParts = stack.use(demo).parts;
    }
    const running = stack.move();
    unready = undefined;
    return {
      url,
      adminUrl,
      streams: [...streams.values()].map(({ name, domain }) => ({
        name,
        domain: domain?.name,
        hasDemo: domain?.demo !== undefined,
      })),
      demoParts,
      hurry: () => hurrying.abort(),
      [Symbol.asyncDispose]: async () => {
        unready = "stopping";
        await running.disposeAsync();
      },
    };
  } catch (caught) {
    await stack.disposeAsync();
    throw caught;
  }
}

/** The configuration of one of the workers: memory that is bounded for the server is shared by them. */
function shareOf(config: Config): Config {
  const { workers } = config.server;
  const share = (bytes: number): number =>
    Math.min(bytes, Math.max(SHARE_BYTES_MIN, bytes / workers));
  const { ringBytes, regionCacheBytes } = config.deliver;
  const deliver = {
    ...config.deliver,
    ringBytes: share(ringBytes),
    regionCacheBytes: regionCacheBytes / workers,
  };
  const ingest = { ...config.ingest, inFlightBytesMax: share(config.ingest.inFlightBytesMax) };
  return { ...config, deliver, ingest };
}

/** Serves clients in this process. */
async function startAlone(
  base: Base,
  { archive }: Background,
  stack: AsyncDisposableStack,
  hurry: AbortSignal,
) {
  const { config, log, streams, now } = base;
  const recent = new Map<string, Recent>();
  for (const stream of streams.values()) {
    const options = config.store;
    const failed = (caught: unknown): void =>
      base.observer.logger.error({ error: String(caught) }, "a reader failed; trying again");
    recent.set(
      stream.name,
      stack.use(await RecentWindow.open({ stream, options, now, log, failed })),
    );
  }
  const sessions = openSessionStore(config.server.dataDir, now);
  const self = `server-${process.pid}-${randomBytes(4).toString("hex")}`;
  const { port } = config.server;
  const peers = noPeers(self);
  const init = { sessions, archive, recent, peers, port, isShared: false, hurry };
  const surface = await startSurface(base, init, stack);
  base.collectors.push(() => surfaceMetrics(surface, base));
  const sweep = stack.use(new SessionSweep(sessions, config.deliver.sessionTtlMs, base.observer));
  sweep.orphan((holder) => holder !== self);
  return surface;
}

/** Serves clients in worker processes; this one does what is done once. */
async function startWorkers(base: Base, stack: AsyncDisposableStack, hurry: AbortSignal) {
  const { config, streams, log, now } = base;
  const { logger } = base.observer;
  const sessions = stack.use(openSessionStore(config.server.dataDir, now));
  const sweep = stack.use(new SessionSweep(sessions, config.deliver.sessionTtlMs, base.observer));
  const figures = new ProcessFigures();
  const pool = stack.use(
    await WorkerPool.start({
      count: config.server.workers,
      module: new URL("./worker.ts", import.meta.url),
      startMessage: (name, port) => ({
        config: shareOf(config),
        name,
        port: port ?? config.server.port,
      }),
      stopTimeoutMs: config.deliver.drainMs + STOP_GRACE_MS,
      handlers: {
        ...writerHandlers({ log, sessions }),
        leaving: (last: Leaving) => figures.takeLast(last),
      },
      gone: (name) => {
        figures.leave(name);
        sweep.orphan((holder) => holder === name);
      },
      tell: (level, message, fields) => logger[level](fields, message),
    }),
  );
  hurry.addEventListener("abort", () => void pool.callAll("hurry"), { once: true });
  sweep.orphan((holder) => !pool.isAlive(holder));
  base.collectors.push(async () => {
    for (const { worker, value } of await pool.callAll<readonly MetricSample[]>("collect"))
      if (pool.isAlive(worker)) figures.take(worker, value);
    return figures.merged();
  });
  const ingester = new Ingester({ streams, options: config.ingest, log, now });
  base.collectors.push(async () => ingestMetrics(ingester));
  return { url: pool.url, ingester, pool };
}

/**
 * Workers would share a port with whoever listens there already: that is found out before. Those of a
 * server that was killed a moment ago are waited for: they leave by themselves.
 */
async function waitForPort({ host, port }: Config["server"]): Promise<void> {
  const untilMs = performance.now() + PORT_TIMEOUT_MS;
  for (;;) {
    try {
      await probe({ host, port });
      return;
    } catch (caught) {
      const isTaken = (caught as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!isTaken || performance.now() > untilMs) throw caught;
      await setTimeout(PORT_LOOK_MS);
    }
  }
}

/**
 * @throws ConfigError where an open server listens beyond loopback, and does not say that it means
 * it; and where its host is a name that nothing has
 */
export async function checkExposure({ server }: Config): Promise<void> {
  const found = await lookup(server.host, { all: true }).catch((caught: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `--host ${server.host} is no address of this machine (${caught.code}). Listen on one that is, such as 127.0.0.1.`,
    );
  });
  const isLoopback =
    found.length > 0 && found.every(({ address }) => /^(127\.|::1$)/.test(address));
  if (isLoopback || server.open) return;
  throw new ConfigError(
    `--host ${server.host} is reached from other machines, and no credentials are configured: everyone may read and write. Listen on 127.0.0.1, or say --open if that is meant.`,
  );
}
