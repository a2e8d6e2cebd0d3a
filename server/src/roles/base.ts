import { mkdir } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Domain } from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import { type Config, ConfigError } from "../config/index.ts";
import { kindNames } from "../filter/index.ts";
import { type Log, type LogWriter, openEmbeddedLog } from "../log/index.ts";
import { createObserver, type MetricSample, type Observer } from "../observe/index.ts";
import { checkDomain, isMeantAsDomain, loadStreams, type Stream } from "../streams/index.ts";

/** The domains that ship. */
export const shippedDomains: readonly Domain[] = [tweets, chainEvents];

/** What every process of a server has. */
export interface Base {
  readonly config: Config;
  readonly log: Log;
  readonly streams: ReadonlyMap<string, Stream>;
  readonly observer: Observer;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What `/metrics` renders besides the runtime's own figures; asked at each scrape. */
  readonly collectors: (() => Promise<readonly MetricSample[]>)[];
}

/**
 * Opens what every process has.
 *
 * @param writer the log of the process that writes; left out: this one does
 */
export async function openBase(
  config: Config,
  stack: AsyncDisposableStack,
  writer?: LogWriter,
): Promise<Base> {
  const { server } = config;
  const now = Date.now;
  const { dataDir } = server;
  await mkdir(dataDir, { recursive: true });
  const log = stack.use(await openEmbeddedLog({ dataDir, options: config.log, now, writer }));
  const domains = await loadDomains(server.domains);
  const streams = loadStreams(config.streams, domains, config.topics.partitions);
  const collectors: Base["collectors"] = [];
  const observer = createObserver({
    level: server.logLevel,
    destination: process.stderr,
    collect: async () => (await Promise.all(collectors.map((collect) => collect()))).flat(),
  });
  stack.defer(observer.close);
  return { config, log, streams, observer, now, collectors };
}

/**
 * The domains that ship, and those that are named.
 *
 * @throws ConfigError where one cannot be loaded, PenstockError where one is wrong
 */
export async function loadDomains(names: readonly string[]): Promise<ReadonlyMap<string, Domain>> {
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
    const found = Object.values(loaded).filter(isMeantAsDomain);
    if (found.length === 0) throw new ConfigError(`${name} exports no domain`);
    for (const one of found) {
      const domain = checkDomain(one, name, kindNames());
      domains.set(domain.name, domain);
    }
  }
  return domains;
}
