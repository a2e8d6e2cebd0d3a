import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logOptions, openEmbeddedLog } from "../../server/src/log/index.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { ChainWorld } from "./chain-world.ts";
import { type Fault, type FaultCounts, makeFaults, missingFaults } from "./faults.ts";
import { Judge } from "./judge.ts";
import type { LogEntry } from "./log-entry.ts";
import { naiveFields } from "./naive-fields.ts";
import { Publisher } from "./publisher.ts";
import { Random } from "./random.ts";
import { offsetsOf } from "./recording.ts";
import { type ServerUnderTest, serverUnderTest } from "./server-under-test.ts";
import { makeSwarm, type Swarm } from "./swarm.ts";
import { readTopic, type TopicHistory } from "./topic-history.ts";
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
/** Until every client must have come to the end after the last event was published. */
const SETTLE_MS = 60_000;

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
  const flags = { ...BRISK, ...options.flags };
  const ownProcess = options.faults.has("kill");
  const server = await serverUnderTest({ dataDir, flags, ownProcess });
  await server.start();
  const publisher = new Publisher(() => server.url);
  let counts: FaultCounts;
  let swarm: Swarm;
  let silentSkips: number;
  let targets: Targets;
  const problems: string[] = [];
  try {
    swarm = await makeSwarm({ world, random, count: options.clients, base: () => server.url });
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
    targets = await finish(world, publisher, server);
    problems.push(...(await settle(swarm, targets)));
    silentSkips = await metric(server, "penstock_silent_skips_total");
    for (const client of swarm.clients) client.stop();
    for (const client of swarm.sdkClients) await client.stop();
  } finally {
    await server.stop();
  }
  if (silentSkips !== 0) problems.push(`${silentSkips} positions were skipped silently`);
  problems.push(...server.errors.slice(0, 20).map((line) => `the server logged: ${line}`));
  problems.push(...publisher.refusals.map((line) => `a record was refused: ${line}`));
  for (const fault of missingFaults(options.faults, counts, swarm.clients)) {
    problems.push(`the fault ${fault} never happened`);
  }
  const judged = await judge(dataDir, world, swarm, targets);
  problems.push(...judged.problems);
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

/** How far everyone must come, by topic. */
export type Targets = { readonly [topic: string]: readonly number[] };

/** Publishes what ends the world, and waits until it can be read. */
async function finish(
  world: World,
  publisher: Publisher,
  server: ServerUnderTest,
): Promise<Targets> {
  const posts = world.tweets.authors.map((author) => world.tweets.sentinel(author));
  const lone = world.chains.map((chain) => chain.sentinel());
  await publisher.publish(
    "tweets",
    posts.map(({ raw }) => raw),
  );
  for (const chain of world.chains) await publisher.publish("chain-events", chain.rest());
  await publisher.publish(
    "chain-events",
    lone.map(({ raw }) => raw),
  );
  const ids = new Set([...posts, ...lone].map(({ id }) => id));
  const deadlineMs = Date.now() + SETTLE_MS;
  while (ids.size > 0) {
    if (Date.now() > deadlineMs) throw new Error(`${[...ids].join()} never became readable`);
    const recent = await Promise.all([
      getJson(`${server.url}/v1/tweets/recent?hashtags=end&limit=1000`),
      ...world.chains.map(({ name, addresses }) =>
        getJson(
          `${server.url}/v1/chain-events/recent?event_types=tx&chain=${name}&from=${addresses[0]}&limit=1000`,
        ),
      ),
    ]);
    for (const id of recent.flatMap(idsOf)) ids.delete(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    "tweets.enriched": await newest(server, "tweets", ""),
    "chain-events.enriched": await newest(server, "chain-events", ""),
    "chain-events.final": await newest(server, "chain-events", "?finality=final"),
  };
}

function idsOf(answer: unknown): string[] {
  const { tweets, events } = answer as { tweets?: { id: string }[]; events?: { id: string }[] };
  return [...(tweets ?? []), ...(events ?? [])].map(({ id }) => id);
}

/** Where a stream ends at the moment, as its `hello` says. */
async function newest(
  server: ServerUnderTest,
  stream: string,
  query: string,
): Promise<readonly number[]> {
  const response = await fetch(`${server.url}/v1/${stream}/live${query}`);
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    if (text.includes("\n")) break;
  }
  const hello = JSON.parse(text.split("\n")[0] ?? "") as {
    newest: { [partition: string]: number };
  };
  const offsets: number[] = [];
  for (const [partition, offset] of Object.entries(hello.newest))
    offsets[Number(partition)] = offset;
  return offsets;
}

/** Waits until every client has come to the end. */
async function settle(swarm: Swarm, targets: Targets): Promise<string[]> {
  const deadlineMs = Date.now() + SETTLE_MS;
  for (;;) {
    const left = swarm.clients.filter(
      (client) => !client.hasReached(targets[swarm.topicOf(client)] ?? []),
    );
    const sdkLeft = swarm.sdkClients.filter(({ stream, cursor }) => {
      const at = cursor === undefined ? [] : offsetsOf(cursor);
      const target = targets[`${stream}.enriched`] ?? [];
      return !target.every((offset, partition) => (at[partition] ?? 0) >= offset);
    });
    if (left.length === 0 && sdkLeft.length === 0) return [];
    if (Date.now() > deadlineMs) {
      return [
        ...left.map(({ plan, recording }) => {
          const last = recording.observations.slice(-3).map((one) => JSON.stringify(one));
          return `client ${plan.number} never came to the end (${plan.transport}, ${plan.whenBehind}, at ${recording.reached.join()}): ${last.join(" ").slice(0, 400)}`;
        }),
        ...sdkLeft.map(
          ({ stream, filter }) =>
            `the SDK's client of ${stream}, filter ${filter}, never came to the end`,
        ),
      ];
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return await response.json();
}

/** The sum of a metric's series. */
async function metric(server: ServerUnderTest, name: string): Promise<number> {
  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const lines = text.split("\n").filter((line) => new RegExp(`^${name}[ {]`).test(line));
  if (lines.length === 0) throw new Error(`the server has no metric ${name}`);
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function judge(dataDir: string, world: World, swarm: Swarm, targets: Targets) {
  await using log = await openEmbeddedLog({
    dataDir,
    options: defaultsOf(logOptions),
    now: Date.now,
  });
  const histories = new Map<string, TopicHistory>();
  for (const topic of Object.keys(targets)) histories.set(topic, await readTopic(log, topic));
  const tweets = histories.get("tweets.enriched") as TopicHistory;
  const chains = histories.get("chain-events.enriched") as TopicHistory;
  const final = histories.get("chain-events.final") as TopicHistory;
  const problems = judgeTweets(tweets, world.tweets);
  for (const chain of world.chains) {
    problems.push(...judgeChain(chains, chain), ...judgeFinal(final, chain));
  }
  const judges = new Map(
    [...histories].map(([topic, history]) => {
      const fields = naiveFields[topic.replace(/\.\w+$/, "")] ?? {};
      const { sight, filters } = swarm;
      return [topic, new Judge({ history, topic, sight, filters, fields })];
    }),
  );
  let deliveries = 0;
  let gapped = 0;
  for (const client of swarm.clients) {
    const topic = swarm.topicOf(client);
    const verdict = (judges.get(topic) as Judge).judge(
      client.recording.observations,
      targets[topic] ?? [],
    );
    deliveries += verdict.deliveries;
    gapped += verdict.gapped;
    const { number, transport, whenBehind, resumeBy } = client.plan;
    const who = `client ${number} (${transport}, by ${resumeBy}, ${whenBehind})`;
    const found = [...client.recording.problems, ...verdict.problems];
    problems.push(...found.map((problem) => `${who}: ${problem}`));
  }
  problems.push(...swarm.sight.differing);
  for (const client of swarm.sdkClients) {
    const judge = judges.get(`${client.stream}.enriched`) as Judge;
    const due = foldOf(judge.matchesOf(client.filter).flat());
    const who = `the SDK's client of ${client.stream}, filter ${client.filter}`;
    problems.push(...client.problems.map((problem) => `${who}: ${problem}`));
    for (const id of due) if (!client.held.has(id)) problems.push(`${who}: ${id} should hold`);
    for (const id of client.held) if (!due.has(id)) problems.push(`${who}: ${id} should not hold`);
  }
  return { problems, deliveries, gapped };
}

/** What holds after some entries: the ids of what was not taken back. */
function foldOf(entries: Iterable<LogEntry>): ReadonlySet<string> {
  const held = new Map<string, number>();
  for (const { id, partition, removed, isDeletion, broadcast } of entries) {
    if (removed || isDeletion) {
      if (held.get(id) === partition) held.delete(id);
    } else if (broadcast === undefined) {
      held.set(id, partition);
    }
  }
  return new Set(held.keys());
}
