/**
 * The whole program: the only file that wires rooms. What is started is stopped in reverse order.
 */
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Domain } from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import type { FastifyInstance } from "fastify";
import { openGrant, originPolicy } from "./access/index.ts";
import { createApp, publicUrl } from "./api/index.ts";
import { type Config, ConfigError } from "./config/index.ts";
import { Delivery, openSessionStore } from "./deliver/index.ts";
import { startDemo } from "./demo.ts";
import { Ingester } from "./ingest/index.ts";
import { openEmbeddedLog } from "./log/index.ts";
import { collectMetrics } from "./metrics.ts";
import { createObserver } from "./observe/index.ts";
import { type ProcessReport, startProcessor } from "./process/index.ts";
import { startSources } from "./sources.ts";
import { Archive, RecentWindow } from "./store/index.ts";
import { ensureTopics, loadStreams } from "./streams/index.ts";
import { registerTransports } from "./transports/index.ts";

/** A server that runs; disposing of it stops it cleanly. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  readonly streams: readonly string[];
}

/** Connections that the kernel holds until they are taken: all clients may come back at once. */
const BACKLOG = 4096;

/** The domains that ship. */
export const shippedDomains: readonly Domain[] = [tweets, chainEvents];

/**
 * Starts all roles in this process, ready when it resolves.
 *
 * @throws ConfigError, or PenstockError where the data or a port cannot be had
 */
export async function serve(config: Config): Promise<RunningServer> {
  const { server } = config;
  checkExposure(config);
  await mkdir(server.dataDir, { recursive: true });
  const stack = new AsyncDisposableStack();
  try {
    return await start(config, stack);
  } catch (caught) {
    await stack.disposeAsync();
    throw caught;
  }
}

async function start(config: Config, stack: AsyncDisposableStack): Promise<RunningServer> {
  const { server } = config;
  const now = Date.now;
  const { dataDir } = server;
  const log = stack.use(await openEmbeddedLog({ dataDir, options: config.log, now }));
  const domains = await loadDomains(server.domains);
  const streams = loadStreams(config.streams, domains, config.topics.partitions);
  for (const stream of streams.values()) await ensureTopics(log, stream, config.log);

  let unready: string | undefined = "starting";
  const deadLetters = new Map<string, number>();
  const observer = createObserver({
    level: server.logLevel,
    destination: process.stderr,
    collect: () => collectMetrics({ delivery, ingester, processors, log, streams, deadLetters }),
  });
  stack.defer(observer.close);
  const { logger } = observer;
  const failed = (caught: unknown): void =>
    logger.error({ error: String(caught) }, "a reader failed; trying again");
  const report = (told: ProcessReport): void => {
    if (told.kind === "dead_letter")
      deadLetters.set(told.stream, (deadLetters.get(told.stream) ?? 0) + 1);
    logger[told.kind === "notice" ? "info" : "warn"](told, `processing: ${told.kind}`);
  };

  const ingester = new Ingester({ streams, options: config.ingest, log, now });
  const processors = [...streams.values()]
    .map((stream) => startProcessor({ log, stream, options: config.process, now, report }))
    .filter((processor) => processor !== undefined);
  for (const processor of processors) stack.use(processor);
  const archive = stack.use(new Archive({ dataDir, log, options: config.store, now }));
  const recent = new Map<string, RecentWindow>();
  for (const stream of streams.values()) {
    await archive.follow(stream, failed);
    recent.set(
      stream.name,
      stack.use(await RecentWindow.open({ stream, options: config.store, now, log, failed })),
    );
  }
  const store = openSessionStore(dataDir, now);
  const delivery = stack.use(
    await Delivery.open({ options: config.deliver, streams, store, now, log, history: archive }),
  );

  const grant = () => openGrant(config.access);
  const origins = originPolicy(config.api.allowedOrigins, true);
  const app = createApp({
    streams,
    delivery,
    ingester,
    recent,
    archive,
    options: config.api,
    origins,
    publicUrl: publicUrl(config.api.publicUrl, config.api.trustedProxies),
    grant,
    unready: () => unready,
    now,
    report: (caught) =>
      logger.error(
        { error: caught instanceof Error ? caught.stack : String(caught) },
        "a request failed",
      ),
  });
  registerTransports(app, { delivery, options: config.transports, grant, origins });
  await app.listen({ host: server.host, port: server.port, backlog: BACKLOG });
  stack.defer(async () => await app.close());
  // Clients are sent away before anything that serves them stops.
  stack.defer(async () => {
    unready = "stopping";
    await delivery.drain();
  });
  const adminUrl = await startAdmin(config, stack, observer.metrics, observer.contentType);
  stack.use(await startSources(server.sources, { ingester, streams, log, now, logger }));
  if (server.demo) stack.use(startDemo({ streams, ingester, seed: server.demoSeed, now }));
  unready = undefined;
  const running = stack.move();
  return {
    url: urlOf(app, server.host),
    adminUrl,
    streams: [...streams.keys()],
    [Symbol.asyncDispose]: async () => await running.disposeAsync(),
  };
}

/** An open server listens on loopback, or says that it means it. */
function checkExposure({ server }: Config): void {
  const loopback = /^(127\.|::1$|localhost$)/.test(server.host);
  if (loopback || server.open) return;
  throw new ConfigError(
    `--host ${server.host} is reached from other machines, and no credentials are configured: everyone may read and write. Listen on 127.0.0.1, or say --open if that is meant.`,
  );
}

async function loadDomains(names: readonly string[]): Promise<ReadonlyMap<string, Domain>> {
  const domains = new Map(shippedDomains.map((domain) => [domain.name, domain]));
  for (const name of names) {
    const isPath = name.startsWith(".") || isAbsolute(name);
    let loaded: Record<string, unknown>;
    try {
      loaded = (await import(isPath ? pathToFileURL(resolve(name)).href : name)) as Record<
        string,
        unknown
      >;
    } catch (caught) {
      throw new ConfigError(
        `the domain ${name} cannot be loaded: ${caught instanceof Error ? caught.message : String(caught)}`,
      );
    }
    const found = Object.values(loaded).filter(isDomain);
    if (found.length === 0) throw new ConfigError(`${name} exports no domain`);
    for (const domain of found) domains.set(domain.name, domain);
  }
  return domains;
}

function isDomain(value: unknown): value is Domain {
  return (
    typeof value === "object" &&
    value !== null &&
    "topics" in value &&
    "event_types" in value &&
    "ingest" in value
  );
}

async function startAdmin(
  config: Config,
  stack: AsyncDisposableStack,
  metrics: () => Promise<string>,
  contentType: string,
): Promise<string> {
  const { adminHost, adminPort } = config.server;
  const admin = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") {
      response.end("ok\n");
    } else if (path === "/metrics") {
      metrics().then(
        (text) => response.setHeader("content-type", contentType).end(text),
        (caught: unknown) => response.writeHead(500).end(String(caught)),
      );
    } else {
      response.writeHead(404).end("There are /metrics and /healthz.\n");
    }
  });
  await new Promise<void>((done, failed) => {
    admin.once("error", failed);
    admin.listen(adminPort, adminHost, done);
  });
  stack.defer(async () => {
    admin.closeAllConnections();
    await new Promise((done) => admin.close(done));
  });
  const { port } = admin.address() as AddressInfo;
  return `http://${adminHost.includes(":") ? `[${adminHost}]` : adminHost}:${port}`;
}

function urlOf(app: FastifyInstance, host: string): string {
  const { port } = app.server.address() as AddressInfo;
  const name =
    host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
