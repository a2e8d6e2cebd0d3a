import { logOptions, openEmbeddedLog } from "../../server/src/log/index.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { Judge } from "./judge.ts";
import type { LogEntry } from "./log-entry.ts";
import { naiveFields } from "./naive-fields.ts";
import type { Publisher } from "./publisher.ts";
import { offsetsOf } from "./recording.ts";
import type { ServerUnderTest } from "./server-under-test.ts";
import type { Swarm } from "./swarm.ts";
import { readTopic, type TopicHistory } from "./topic-history.ts";

/** Until every client must have come to the end after the last event was published. */
const SETTLE_MS = 60_000;

/** How far everyone must come, by topic. */
export type Targets = { readonly [topic: string]: readonly number[] };

/** A record that everybody can wait for. */
export interface Sentinel {
  readonly stream: string;
  readonly id: string;
  readonly raw: object;
  /** The query of `recent` that shows it. */
  readonly query: string;
}

/** Publishes what ends a world, and waits until it can be read. */
export async function finish(
  sentinels: readonly Sentinel[],
  publisher: Publisher,
  server: ServerUnderTest,
): Promise<Targets> {
  for (const { stream, raw } of sentinels) await publisher.publish(stream, [raw]);
  const ids = new Set(sentinels.map(({ id }) => id));
  const paths = new Set(sentinels.map(({ stream, query }) => `${stream}/recent?${query}`));
  const deadlineMs = Date.now() + SETTLE_MS;
  while (ids.size > 0) {
    if (Date.now() > deadlineMs) throw new Error(`${[...ids].join()} never became readable`);
    for (const path of paths) {
      for (const id of idsOf(await getJson(`${server.url}/v1/${path}`))) ids.delete(id);
    }
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
export async function settle(swarm: Swarm, targets: Targets): Promise<string[]> {
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
export async function metric(server: ServerUnderTest, name: string): Promise<number> {
  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const lines = text.split("\n").filter((line) => new RegExp(`^${name}[ {]`).test(line));
  if (lines.length === 0) throw new Error(`the server has no metric ${name}`);
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** What the judge found, and what was at stake. */
export interface Judgement {
  readonly problems: string[];
  readonly deliveries: number;
  readonly gapped: number;
  /** The topics as they are at the end. */
  readonly histories: ReadonlyMap<string, TopicHistory>;
}

/** Holds what every client saw against the log that the server left behind. */
export async function judgeSwarm(
  dataDir: string,
  swarm: Swarm,
  targets: Targets,
): Promise<Judgement> {
  await using log = await openEmbeddedLog({
    dataDir,
    options: defaultsOf(logOptions),
    now: Date.now,
  });
  const histories = new Map<string, TopicHistory>();
  for (const topic of Object.keys(targets)) histories.set(topic, await readTopic(log, topic));
  const problems: string[] = [];
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
    const seen = client.recording.observations;
    const verdict = judge.judge(seen, targets[`${client.stream}.enriched`] ?? []);
    const found = [...verdict.problems, ...client.recording.problems, ...client.problems];
    for (const one of seen) {
      // It asked to wait, and nothing that it waits for is gone.
      if (one.kind === "gap") found.push(`a gap was told: ${JSON.stringify(one.gap)}`);
    }
    problems.push(...found.map((problem) => `${who}: ${problem}`));
    for (const id of due) if (!client.held.has(id)) problems.push(`${who}: ${id} should hold`);
    for (const id of client.held) if (!due.has(id)) problems.push(`${who}: ${id} should not hold`);
  }
  return { problems, deliveries, gapped, histories };
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
