import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChainWorld } from "./chain-world.ts";
import { type Fault, type FaultCounts, makeFaults, missingFaults } from "./faults.ts";
import { drawChainFilter, drawTweetFilter } from "./filter-draw.ts";
import { Publisher } from "./publisher.ts";
import { Random } from "./random.ts";
import { serverUnderTest } from "./server-under-test.ts";
import { finish, judgeSwarm, metric, type Sentinel, settle, type Targets } from "./stage.ts";
import { makeSwarm, type Swarm } from "./swarm.ts";
import type { TopicHistory } from "./topic-history.ts";
import { judgeChain, judgeFinal, judgeTweets } from "./truth.ts";
import { TweetWorld } from "./tweet-world.ts";

/** One run of the oracle. */
export interface RunOptions {
  readonly seed: number;
  readonly clients: number;
  /** How long events flow, in seconds. */
  readonly seconds: number;
  readonly faults: ReadonlySet<Fault>;
  /** Raw records a second, about. */
  readonly rate: number;
  /** Depths of the reorgs that the chains go through. */
  readonly depths: readonly number[];
  /** Processes that serve the clients; left out: as the faults want it. */
  readonly workers?: number;
  /** More options of the server, by name without dashes. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Told what happens, a line at a time. */
  readonly progress?: (line: string) => void;
}

/** What a run was, and whether everything that is promised held. */
export interface RunReport {
  readonly seed: number;
  readonly problems: readonly string[];
  readonly published: number;
  readonly resent: number;
  readonly clients: number;
  readonly deliveries: number;
  readonly sdkEvents: number;
  readonly cuts: number;
  /** Connections that ended by nobody's word: the client did not cut them, and the server said nothing. */
  readonly unannounced: readonly string[];
  readonly updates: number;
  readonly takeOvers: number;
  readonly gaps: number;
  readonly gapped: number;
  readonly reorgs: number;
  /** Depths of the reorgs that happened. */
  readonly depths: readonly number[];
  readonly deletions: number;
  readonly faults: FaultCounts;
}

/** What flows through a run. */
export interface World {
  readonly tweets: TweetWorld;
  readonly chains: readonly ChainWorld[];
}

const TICK_MS = 20;

/** Limits that make a short run pass through everything that a long one would. */
const BRISK = {
  "topics-partitions": "3",
  "deliver-checkpoint-interval": "30ms",
  "deliver-heartbeat-interval": "200ms",
  "deliver-behind-after": "200ms",
  "deliver-ring-bytes": "512KiB",
  "deliver-session-save-interval": "200ms",
};

/** Makes a world, a server and a swarm, lets faults happen, and judges what every client saw. */
export async function run(options: RunOptions): Promise<RunReport> {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-oracle-"));
  try {
    return await runIn(dataDir, options);
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function runIn(dataDir: string, options: RunOptions): Promise<RunReport> {
  const random = new Random(options.seed);
  const world = makeWorld(random, options);
  const needsWorkers = (["worker", "roll", "orphan"] as const).some((fault) =>
    options.faults.has(fault),
  );
  const workers = options.workers ?? (needsWorkers ? 3 : 0);
  const flags = { ...BRISK, workers: String(workers), ...options.flags };
  const ownProcess = options.faults.has("kill") || options.faults.has("orphan");
  const server = await serverUnderTest({ dataDir, flags, ownProcess });
  await server.start();
  const publisher = new Publisher(() => server.url);
  let counts: FaultCounts;
  let swarm: Swarm | undefined;
  let silentSkips: number;
  let targets: Targets;
  const problems: string[] = [];
  try {
    swarm = await makeSwarm({
      drawFilter: (use) =>
        use === "tweets"
          ? drawTweetFilter(random, world.tweets)
          : drawChainFilter(random, world.chains, use === "final"),
      random,
      count: options.clients,
      base: () => server.url,
    });
    options.progress?.(`${swarm.clients.length} clients with ${swarm.filters.length} filters`);
    const forMs = options.seconds * 1000;
    [counts] = await Promise.all([
      makeFaults({
        faults: options.faults,
        server,
        clients: swarm.clients,
        sdkClients: swarm.sdkClients,
        filtersFor: swarm.filtersFor,
        random: new Random(options.seed + 1),
        forMs,
      }),
      flow(world, publisher, options, forMs),
    ]);
    for (const chain of world.chains) await publisher.publish("chain-events", chain.rest());
    targets = await finish(sentinelsOf(world), publisher, server);
    problems.push(...(await settle(swarm, targets)));
    silentSkips = await metric(server, "penstock_silent_skips_total");
  } finally {
    await swarm?.[Symbol.asyncDispose]();
    await server.stop();
  }
  if (silentSkips !== 0) problems.push(`${silentSkips} positions were skipped silently`);
  problems.unshift(...server.errors.slice(0, 20).map((line) => `the server logged: ${line}`));
  problems.push(...publisher.refusals.map((line) => `a record was refused: ${line}`));
  for (const fault of missingFaults(options.faults, counts, swarm.clients)) {
    problems.push(`the fault ${fault} never happened`);
  }
  const judged = await judgeSwarm(dataDir, swarm, targets);
  problems.push(...judged.problems, ...judgeWorld(world, judged.histories));
  const sum = (of: (client: Swarm["clients"][number]) => number): number =>
    swarm.clients.reduce((total, client) => total + of(client), 0);
  return {
    seed: options.seed,
    problems,
    published: publisher.acknowledged,
    resent: publisher.resent,
    clients: swarm.clients.length + swarm.sdkClients.length,
    deliveries: judged.deliveries,
    sdkEvents: swarm.sdkClients.reduce((total, { events }) => total + events, 0),
    cuts: sum(({ cuts }) => cuts) + swarm.sdkClients.reduce((total, { cuts }) => total + cuts, 0),
    unannounced: swarm.clients.flatMap(({ recording }) => recording.unannounced),
    updates: sum(({ updates }) => updates),
    takeOvers: sum(({ takeOvers }) => takeOvers),
    gaps: sum(({ recording }) => recording.gaps),
    gapped: judged.gapped,
    reorgs: world.chains.reduce((total, { reorgs }) => total + reorgs, 0),
    depths: [...new Set(world.chains.flatMap(({ depthsSeen }) => depthsSeen))].sort(
      (a, b) => a - b,
    ),
    deletions: world.tweets.deletions,
    faults: counts,
  };
}

function makeWorld(random: Random, { seed, depths }: RunOptions): World {
  const habits = { depths, forkChance: 0.15, finality: true };
  return {
    tweets: new TweetWorld(random, `s${seed}`),
    chains: [
      new ChainWorld("ETH", "evm", random, habits),
      new ChainWorld("BASE", "evm", random, habits),
      new ChainWorld("BTC", "utxo", random, habits),
    ],
  };
}

/** Publishes the world at its rate. */
async function flow(
  world: World,
  publisher: Publisher,
  { rate }: RunOptions,
  forMs: number,
): Promise<void> {
  const startMs = Date.now();
  let due = 0;
  let made = 0;
  while (Date.now() - startMs < forMs) {
    due = ((Date.now() - startMs) / 1000) * rate;
    const count = Math.ceil(Math.max(0, due - made) / 2);
    made += count * 2;
    const tweets = Array.from({ length: count }, () => world.tweets.next());
    const blocks = Array.from({ length: count }, (_, at) =>
      (world.chains[at % world.chains.length] as ChainWorld).next(),
    );
    if (count > 0) {
      await Promise.all([
        publisher.publish("tweets", tweets),
        publisher.publish("chain-events", blocks),
      ]);
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

/** What ends the world: the last post of each author, and a transaction of each chain. */
function sentinelsOf(world: World): readonly Sentinel[] {
  const posts = world.tweets.authors.map((author) => ({
    stream: "tweets",
    query: "hashtags=end&limit=1000",
    ...world.tweets.sentinel(author),
  }));
  const lone = world.chains.map((chain) => ({
    stream: "chain-events",
    query: `event_types=tx&chain=${chain.name}&from=${chain.addresses[0]}&limit=1000`,
    ...chain.sentinel(),
  }));
  return [...posts, ...lone];
}

function judgeWorld(world: World, histories: ReadonlyMap<string, TopicHistory>): string[] {
  const topic = (name: string): TopicHistory => histories.get(name) as TopicHistory;
  const problems = judgeTweets(topic("tweets.enriched"), world.tweets);
  for (const chain of world.chains) {
    problems.push(...judgeChain(topic("chain-events.enriched"), chain));
    problems.push(...judgeFinal(topic("chain-events.final"), chain));
  }
  return problems;
}
