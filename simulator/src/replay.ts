import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Domain } from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import { readableFile } from "../../server/src/ingest/index.ts";
import { type Fault, type FaultCounts, makeFaults, missingFaults } from "./faults.ts";
import type { NaiveRule } from "./naive-matcher.ts";
import { Publisher } from "./publisher.ts";
import { Random } from "./random.ts";
import { serverUnderTest } from "./server-under-test.ts";
import { finish, judgeSwarm, metric, type Sentinel, settle } from "./stage.ts";
import { type FilterUse, makeSwarm } from "./swarm.ts";
import type { SwarmFilter } from "./swarm-client.ts";

/** A replay of recordings of the real world. */
export interface ReplayOptions {
  readonly seed: number;
  readonly clients: number;
  /** Paths of recordings, by stream, in the order in which they are published. */
  readonly recordings: { readonly tweets: readonly string[]; readonly chains: readonly string[] };
  readonly faults: ReadonlySet<Fault>;
  /** How long faults go on besides the replay, in seconds. */
  readonly faultSeconds: number;
}

export interface ReplayReport {
  readonly problems: readonly string[];
  readonly published: number;
  readonly deliveries: number;
  readonly filters: number;
  readonly cuts: number;
  readonly faults: FaultCounts;
}

const LINES_AT_ONCE = 200;

/** Publishes recordings at full speed to a swarm, lets faults happen, and judges every client. */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-replay-"));
  try {
    return await replayIn(dataDir, options);
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function replayIn(dataDir: string, options: ReplayOptions): Promise<ReplayReport> {
  const random = new Random(options.seed);
  const posts = await recordsOf(tweets, options.recordings.tweets);
  const blocks = await recordsOf(chainEvents, options.recordings.chains);
  const values = new RecordedValues(posts, blocks);
  const server = await serverUnderTest({
    dataDir,
    // A client that nothing matches learns from heartbeats that it has come to the end.
    flags: { "deliver-heartbeat-interval": "1s" },
    ownProcess: true,
  });
  await server.start();
  const publisher = new Publisher(() => server.url);
  const problems: string[] = [];
  try {
    await using swarm = await makeSwarm({
      drawFilter: (use) => values.drawFilter(random, use),
      random,
      count: options.clients,
      base: () => server.url,
      plan: { whenBehind: "wait", start: "now", maxEventsPerSecond: undefined },
    });
    const [counts] = await Promise.all([
      makeFaults({
        faults: options.faults,
        server,
        clients: swarm.clients,
        sdkClients: swarm.sdkClients,
        filtersFor: swarm.filtersFor,
        random: new Random(options.seed + 1),
        forMs: options.faultSeconds * 1000,
      }),
      publishAll(publisher, "tweets", posts),
      publishAll(publisher, "chain-events", blocks),
    ]);
    const targets = await finish(sentinels(), publisher, server);
    problems.push(...(await settle(swarm, targets)));
    const silentSkips = await metric(server, "penstock_silent_skips_total");
    if (silentSkips !== 0) problems.push(`${silentSkips} positions were skipped silently`);
    await swarm[Symbol.asyncDispose]();
    await server.stop();
    for (const fault of missingFaults(options.faults, counts, swarm.clients)) {
      problems.push(`the fault ${fault} never happened`);
    }
    problems.unshift(...server.errors.slice(0, 20).map((line) => `the server logged: ${line}`));
    problems.push(...publisher.refusals.slice(0, 20).map((line) => `refused: ${line}`));
    const judged = await judgeSwarm(dataDir, swarm, targets);
    return {
      problems: [...problems, ...judged.problems],
      published: publisher.acknowledged,
      deliveries: judged.deliveries,
      filters: swarm.filters.length,
      cuts: swarm.clients.reduce((total, { cuts }) => total + cuts, 0),
      faults: counts,
    };
  } finally {
    await server.stop();
  }
}

/** The raw records that some recordings stand for. */
async function recordsOf(domain: Domain, paths: readonly string[]): Promise<object[]> {
  const records: object[] = [];
  for (const path of paths) {
    const memory = new Map<string, unknown>();
    for await (const line of createInterface({ input: readableFile(path) })) {
      if (line.trim() === "") continue;
      const found = domain.fromRecording?.(JSON.parse(line), memory, line);
      if (found === undefined) throw new Error(`${path} holds no recording of ${domain.name}`);
      records.push(...(found as object[]));
    }
    records.push(...((domain.endOfRecording?.(memory) ?? []) as object[]));
  }
  return records;
}

async function publishAll(
  publisher: Publisher,
  stream: string,
  records: readonly object[],
): Promise<void> {
  const step = stream === "tweets" ? LINES_AT_ONCE : 8;
  for (let first = 0; first < records.length; first += step) {
    await publisher.publish(stream, records.slice(first, first + step));
  }
}

function sentinels(): readonly Sentinel[] {
  const posts = Array.from({ length: 40 }, (_, number) => ({
    stream: "tweets",
    id: `end-${number}`,
    raw: { id: `end-${number}`, user_id: `nobody${number}`, text: "the end #replayends" },
    query: "hashtags=replayends&limit=1000",
  }));
  const address = `0x${"e".repeat(40)}`;
  const lone = ["ETH", "BTC"].map((chain) => {
    const hash = `0x${"f".repeat(60)}${Buffer.from(chain).toString("hex").slice(0, 4)}`;
    return {
      stream: "chain-events",
      id: `${chain}:tx:${hash}`,
      raw: { type: "tx", chain, from: address, to: address, value: "1", hash },
      query: `event_types=tx&from=${address}&limit=1000`,
    };
  });
  return [...posts, ...lone];
}

interface RecordedBlock {
  readonly block?: {
    readonly transactions?: readonly { readonly from: string; readonly to: string | null }[];
  };
  readonly receipts?: readonly {
    readonly logs: readonly { readonly address: string; readonly topics: readonly string[] }[];
  }[];
}

/** Values that occur in recordings: what filters are drawn from. */
class RecordedValues {
  readonly #authors = new Set<string>();
  readonly #words = new Set<string>();
  readonly #tags = new Set<string>();
  readonly #addresses = new Set<string>();
  readonly #tokens = new Set<string>();
  readonly #topics = new Set<string>();

  constructor(posts: readonly object[], blocks: readonly object[]) {
    for (const { user_id, text } of posts as readonly { user_id: string; text: string }[]) {
      add(this.#authors, user_id);
      add(this.#words, ...(text.match(/\p{L}{3,}/gu) ?? []));
      add(this.#tags, ...(text.match(/(?<=#)\p{L}+\b/gu) ?? []));
    }
    for (const { block, receipts } of blocks as readonly RecordedBlock[]) {
      for (const { from, to } of block?.transactions ?? []) {
        add(this.#addresses, from, to ?? from);
      }
      for (const log of (receipts ?? []).flatMap(({ logs }) => logs)) {
        add(this.#tokens, log.address);
        if (log.topics[0] !== undefined) add(this.#topics, log.topics[0]);
      }
    }
  }

  drawFilter(random: Random, use: FilterUse): SwarmFilter {
    if (random.chance(0.02)) return [];
    const rule = (): NaiveRule =>
      use === "tweets" ? this.#tweetRule(random) : this.#chainRule(random);
    const rules = Array.from({ length: random.integer(1, 3) }, rule);
    return random.chance(0.5)
      ? rules
      : rules.map((one, number) => ({ tag: `rule${number}`, ...one }));
  }

  #tweetRule(random: Random): NaiveRule {
    return random.pick<() => NaiveRule>([
      () => ({ user_ids: random.some([...this.#authors], 5) }),
      () => ({ keywords: [random.pick([...this.#words]), random.pick([...this.#words])] }),
      () => ({ hashtags: random.some([...this.#tags], 4) }),
      () => ({ event_types: ["new_tweet"], keywords: [random.pick([...this.#words])] }),
    ])();
  }

  #chainRule(random: Random): NaiveRule {
    return random.pick<() => NaiveRule>([
      () => ({ address: random.some([...this.#addresses], 5) }),
      () => ({ token: random.some([...this.#tokens], 3) }),
      () => ({
        topic0: [random.pick([...this.#topics])],
        contract: random.some([...this.#tokens], 8),
      }),
      () => ({ chain: ["ETH"], event_types: ["tx"], min_value: String(random.integer(1, 50)) }),
      () => ({ chain: ["BTC"], event_types: ["block", "reorg"] }),
      () => ({ from: random.some([...this.#addresses], 9), max_value: "0.5" }),
    ])();
  }
}

function add(set: Set<string>, ...values: readonly string[]): void {
  for (const value of values) set.add(value);
}
