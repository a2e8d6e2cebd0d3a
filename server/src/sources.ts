import { existsSync } from "node:fs";
import type { Logger } from "pino";
import { ConfigError } from "./config/index.ts";
import {
  chainIdOf,
  type EvmSource,
  type Ingester,
  nodeName,
  startEvmSource,
  startFileSource,
} from "./ingest/index.ts";
import type { Log } from "./log/index.ts";
import type { Stream } from "./streams/index.ts";

interface SourcesContext {
  readonly ingester: Ingester;
  readonly streams: ReadonlyMap<string, Stream>;
  readonly log: Log;
  readonly now: () => number;
  readonly logger: Logger;
}

/** The stream that `evm` sources feed. */
const CHAIN_DOMAIN = "chain-events";

/**
 * Starts what brings events besides HTTP: `evm=ETH,ws://127.0.0.1:8545[,another url][,from=17686110]`
 * and `file=tweets,./tweets.jsonl.gz[,max or records a second]`.
 *
 * @throws ConfigError naming the source that is wrong, and what it may be
 */
export async function startSources(
  texts: readonly string[],
  context: SourcesContext,
): Promise<StartedSources> {
  const read = texts.map((text) => readSource(text, context));
  const started = new AsyncDisposableStack();
  const chains: EvmSource[] = [];
  for (const { start } of read) {
    const source = started.use(start());
    if ("chain" in source) chains.push(source);
  }
  return {
    chains,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** Sources that run; disposing of them stops them. */
export interface StartedSources extends AsyncDisposable {
  /** Those that follow a chain's nodes. */
  readonly chains: readonly EvmSource[];
}

/** What a node of a source answers, when it is asked. */
export interface DialledNode {
  readonly chain: string;
  readonly node: string;
  /** The id of its chain, or why it cannot be used. */
  readonly answer: { readonly chainId: number } | { readonly wrong: string };
}

/**
 * Asks each node of the sources for the id of its chain, one after another.
 *
 * @param timeoutMs for each
 * @throws ConfigError as `checkSources` does
 */
export async function* dialNodes(
  texts: readonly string[],
  streams: ReadonlyMap<string, Stream>,
  timeoutMs: number,
): AsyncIterable<DialledNode> {
  for (const text of texts) {
    const { nodes } = readSource(text, { streams } as SourcesContext);
    for (const url of nodes?.urls ?? []) {
      const named = { chain: nodes?.chain ?? "", node: nodeName(url) };
      try {
        yield { ...named, answer: { chainId: await chainIdOf(url, timeoutMs) } };
      } catch (caught) {
        const wrong = caught instanceof Error ? caught.message : String(caught);
        yield { ...named, answer: { wrong } };
      }
    }
  }
}

/** A source as it was understood: nothing of it runs. */
interface ReadSource {
  readonly start: () => AsyncDisposable | EvmSource;
  readonly nodes?: { readonly chain: string; readonly urls: readonly string[] };
}

/** @throws ConfigError naming the source that is wrong, and what it may be */
export function checkSources(texts: readonly string[], streams: ReadonlyMap<string, Stream>): void {
  // Reading one starts nothing, and needs nothing of the rest.
  const context = { streams } as SourcesContext;
  for (const text of texts) readSource(text, context);
}

function readSource(text: string, context: SourcesContext): ReadSource {
  const [kind = "", rest] = text.split(/=(.*)/s);
  const parts = (rest ?? "").split(",").map((part) => part.trim());
  if (kind === "evm") return readEvm(text, parts, context);
  if (kind === "file") return readFile(text, parts, context);
  throw new ConfigError(
    `--source ${text} is none that there is: evm=ETH,ws://127.0.0.1:8545 or file=tweets,./tweets.jsonl.gz,max`,
  );
}

function tellOf({ logger }: SourcesContext) {
  return (
    level: "info" | "warn" | "error",
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void => logger[level](fields, message);
}

function readEvm(
  text: string,
  [chain = "", ...rest]: readonly string[],
  context: SourcesContext,
): ReadSource {
  if (!/^[A-Z][A-Z0-9_-]{0,31}$/.test(chain)) {
    throw new ConfigError(`--source ${text} must name a chain in upper case, as in evm=ETH,ws://…`);
  }
  const froms = rest.filter((part) => part.startsWith("from="));
  const urls = rest.filter((part) => !part.startsWith("from="));
  const wrong = urls.find(
    (url) => !URL.canParse(url) || !/^(wss?|https?):$/.test(new URL(url).protocol),
  );
  if (urls.length === 0 || wrong !== undefined) {
    throw new ConfigError(
      `--source ${text} must name a node's address, ws:, wss:, http: or https:${wrong === undefined ? "" : `; ${JSON.stringify(wrong)} is none`}`,
    );
  }
  const from = froms[0]?.slice("from=".length);
  if (froms.length > 1 || (from !== undefined && !/^\d{1,15}$/.test(from))) {
    throw new ConfigError(`--source ${text}: from is one block number, as in from=17686110`);
  }
  const stream = [...context.streams.values()].find(({ domain }) => domain?.name === CHAIN_DOMAIN);
  if (stream === undefined) {
    throw new ConfigError(`--source ${text} needs a stream of the domain ${CHAIN_DOMAIN}`);
  }
  const { ingester, log, now } = context;
  const tell = tellOf(context);
  const first = from === undefined ? undefined : Number(from);
  const init = { chain, urls, from: first, stream, ingester, log, now, tell };
  return { start: () => startEvmSource(init), nodes: { chain, urls } };
}

function readFile(
  text: string,
  [name = "", path = "", speed = "max", ...more]: readonly string[],
  context: SourcesContext,
): ReadSource {
  const stream = context.streams.get(name);
  if (stream === undefined) {
    const known = [...context.streams.keys()].join(", ");
    throw new ConfigError(`--source ${text} must name a stream: ${known}`);
  }
  if (!existsSync(path)) {
    throw new ConfigError(`--source ${text}: there is no file ${JSON.stringify(path)}`);
  }
  const perSecond = speed === "max" ? Number.POSITIVE_INFINITY : Number(speed);
  if (Number.isNaN(perSecond) || perSecond <= 0 || more.length > 0) {
    throw new ConfigError(
      `--source ${text}: the speed is max, or so many records a second, such as 100`,
    );
  }
  const { ingester, log } = context;
  const tell = tellOf(context);
  return { start: () => startFileSource({ path, perSecond, stream, ingester, log, tell }) };
}
