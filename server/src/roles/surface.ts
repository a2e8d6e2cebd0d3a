import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { openGrant, originPolicy } from "../access/index.ts";
import { createApp, publicUrl } from "../api/index.ts";
import { Delivery, type Peers, type SessionStore } from "../deliver/index.ts";
import { Ingester } from "../ingest/index.ts";
import type { ReadableArchive, Recent } from "../store/index.ts";
import { registerTransports } from "../transports/index.ts";
import type { Base } from "./base.ts";
import { guardDescriptors } from "./descriptor-guard.ts";
import { PortListeners } from "./port-listeners.ts";

/** Connections that the kernel holds until they are taken: all clients may come back at once. */
const BACKLOG = 4096;

/** How long those have who were accepted just before the end, and those who must read their goodbye. */
const LAST_MS = 1000;
const LAST_LOOK_MS = 10;

/** What clients reach: ingest, stream and api. */
export interface Surface {
  readonly delivery: Delivery;
  readonly ingester: Ingester;
  /** Where it listens. */
  readonly url: string;
  readonly port: number;
}

/** What a surface stands on, besides the base. */
export interface SurfaceInit {
  readonly sessions: SessionStore;
  readonly archive: ReadableArchive;
  /** By the stream's name. */
  readonly recent: ReadonlyMap<string, Recent>;
  readonly peers: Peers;
  /** The port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Whether other processes listen on the same port. */
  readonly isShared: boolean;
  /** When it aborts, a stop does not wait for the drain. */
  readonly hurry: AbortSignal;
}

/** Starts to serve; ready when it resolves. */
export async function startSurface(
  base: Base,
  init: SurfaceInit,
  stack: AsyncDisposableStack,
): Promise<Surface> {
  const { config, log, streams, now } = base;
  const { logger } = base.observer;
  const { archive, recent, peers } = init;
  let unready: string | undefined = "starting";
  const ingester = new Ingester({ streams, options: config.ingest, log, now });
  const { deliver: options } = config;
  const store = init.sessions;
  const delivery = stack.use(
    await Delivery.open({ options, streams, store, now, log, history: archive, peers }),
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
  const { host } = config.server;
  const listeners = new PortListeners(app.server, (failure) =>
    failure === undefined
      ? logger.info("the port can be listened on again: new connections are taken")
      : logger.error({ error: String(failure) }, "the port cannot be listened on; trying again"),
  );
  const wanted = { host, port: init.port, backlog: BACKLOG };
  const address = await PortListeners.optionsFor(wanted, init.isShared);
  await app.listen(address);
  const { port } = app.server.address() as AddressInfo;
  await listeners.begin({ ...address, port });
  stack.defer(async () => {
    listeners.close();
    await app.close();
  });
  const unguard = guardDescriptors(app.server, listeners, (isOpen) =>
    isOpen
      ? logger.info("connections have ended: the process takes new ones again")
      : logger.warn(
          "descriptors run short: no new connections until some end. Raise `ulimit -n`, or --workers",
        ),
  );
  // Clients are sent away before anything that serves them stops; whoever publishes gets its answers.
  stack.defer(async () => {
    unready = "stopping";
    unguard();
    // Who comes from now on is for the others on the port; one process alone says that it stops.
    if (init.isShared) listeners.close();
    await delivery.drain(init.hurry);
    listeners.close();
    await sendLastAway(app.server, listeners, delivery, init.hurry);
    await ingester.stop();
  });
  unready = undefined;
  return { delivery, ingester, port, url: urlOf(app, host) };
}

/**
 * Sends those away who were accepted and had not asked for anything by then, and lets those read
 * their goodbye who were sent away before: to cut them would lose it.
 */
async function sendLastAway(
  server: Server,
  listeners: PortListeners,
  delivery: Delivery,
  hurry: AbortSignal,
): Promise<void> {
  const untilMs = performance.now() + LAST_MS;
  while (!hurry.aborted && performance.now() < untilMs) {
    server.closeIdleConnections();
    await delivery.drain(hurry);
    if ((await listeners.countConnections()) === 0) return;
    await sleep(LAST_LOOK_MS);
  }
}

function urlOf(app: FastifyInstance, host: string): string {
  const { port } = app.server.address() as AddressInfo;
  const name =
    host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
