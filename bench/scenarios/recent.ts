/**
 * What a query of the recent window costs, in memory and read from the archive: CPU, latency, and the
 * longest turn of the event loop, with many events in the window. An answer of one is checked against
 * the other's before a figure counts.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { tweets } from "@penstock-dev/domain-tweets";
import { openGrant } from "../../server/src/access/index.ts";
import { accessOptions } from "../../server/src/access/options.ts";
import { parseFilters } from "../../server/src/filter/index.ts";
import { type Log, temporaryLog } from "../../server/src/log/index.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { Archive, ArchiveRecent, type Recent, RecentWindow } from "../../server/src/store/index.ts";
import { storeOptions } from "../../server/src/store/options.ts";
import {
  encodeEvent,
  ensureTopics,
  loadStreams,
  type Stream,
} from "../../server/src/streams/index.ts";
import type { Bench, Figure, Outcome, Scenario } from "../harness/scenario.ts";
import { figure } from "../harness/scenario.ts";
import { quantile } from "../harness/statistics.ts";

const PARTITIONS = 4;
const BATCH = 200;
const RARE = 1000;
const RESOLUTION_MS = 1;
const WORDS =
  "the market moves again today and nobody knows why it does so or what comes next".split(" ");

function eventOf(number: number) {
  const id = `t${number}`;
  const tags = ["#common", ...(number % RARE === 0 ? ["#rare"] : [])];
  const words = WORDS.map((_, at) => WORDS[(number * 7 + at * at) % WORDS.length]).join(" ");
  const payload = {
    id,
    user_id: `author${number % 5000}`,
    text: `${number} ${words} ${tags.join(" ")}`,
    timestamp: new Date(0).toISOString(),
    hashtags: tags,
    retweet_id: null,
  };
  return { event_type: "new_tweet", id, noun: "tweet", payload };
}

async function fill(log: Log, stream: Stream, events: number): Promise<void> {
  for (let first = 0; first < events; first += BATCH) {
    const partition = (first / BATCH) % PARTITIONS;
    const records = Array.from({ length: Math.min(BATCH, events - first) }, (_, at) =>
      encodeEvent(
        eventOf(first + at),
        `author${(first + at) % 5000}`,
        { generation: 0, offset: first + at, index: 0, last: true },
        0,
      ),
    );
    await log.append(stream.topic, partition, records);
  }
}

type Query = (recent: Recent) => Promise<unknown>;

function queriesOf(stream: Stream): Readonly<Record<string, Query>> {
  const { limits } = openGrant(defaultsOf(accessOptions));
  const filters = (fields: object) => parseFilters(stream, { filters: fields }, limits);
  const everything = filters({});
  const common = filters({ hashtags: "common" });
  const rare = filters({ hashtags: "rare" });
  const none = filters({ keywords: "nowhere", hashtags: "common" });
  return {
    "newest 100, matches all": (recent) => recent.newest(everything, 100),
    "newest 100, a common hashtag": (recent) => recent.newest(common, 100),
    "newest 1000, a common hashtag": (recent) => recent.newest(common, 1000),
    "newest 100, one of a thousand": (recent) => recent.newest(rare, 100),
    "newest 100, matches nothing": (recent) => recent.newest(none, 100),
    "preview, one of a thousand": (recent) => recent.preview(rare, 5),
    "preview, a common hashtag": (recent) => recent.preview(common, 5),
  };
}

async function measure(recent: Recent, query: Query, spendMs: number) {
  for (let warm = 0; warm < 3; warm++) await query(recent);
  const turns = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  turns.enable();
  const cpu = process.cpuUsage();
  const times: number[] = [];
  const endMs = performance.now() + spendMs;
  for (let nowMs = performance.now(); nowMs < endMs; ) {
    await query(recent);
    const doneMs = performance.now();
    times.push(doneMs - nowMs);
    nowMs = doneMs;
    // A server turns between requests.
    if (times.length % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const { user, system } = process.cpuUsage(cpu);
  turns.disable();
  return {
    cpuMs: (user + system) / 1000 / times.length,
    p99: quantile(times, 0.99),
    turnMs: Math.max(0, turns.max / 1e6 - RESOLUTION_MS),
  };
}

async function run(bench: Bench): Promise<Outcome> {
  const events = bench.pick(100_000, 5000);
  const { log, dataDir } = bench.stack.use(await temporaryLog());
  const domains = new Map([["tweets", tweets]]);
  const stream = loadStreams(undefined, domains, PARTITIONS).get("tweets");
  if (stream === undefined) throw new Error("there is no stream of posts");
  await ensureTopics(log, stream, {});
  await fill(log, stream, events);
  const failed = (caught: unknown) => {
    throw caught;
  };
  // Both hold all of the events, whatever they weigh.
  const options = { ...defaultsOf(storeOptions), recentBytes: 2 ** 40, recentMs: 3_600_000 };
  const init = { stream, log, options, now: Date.now };
  const micros = async (work: () => Promise<void>): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / events;
  };
  let memory: Recent | undefined;
  const memoryMicros = await micros(async () => {
    memory = bench.stack.use(await RecentWindow.open({ ...init, failed }));
  });
  const archive = bench.stack.use(new Archive({ dataDir, ...init }));
  const archiveMicros = await micros(async () => {
    await archive.follow(stream, failed);
    const heads = await log.heads(stream.topic);
    await archive.files.reach(stream.topic, heads, AbortSignal.timeout(120_000));
  });
  const read = bench.stack.use(ArchiveRecent.open({ ...init, files: archive.files }));
  if (memory === undefined) throw new Error("the window did not open");
  const figures: Figure[] = [
    figure("events in the window", events, ""),
    figure("taking an event, in memory", memoryMicros, "µs"),
    figure("taking an event, in the archive", archiveMicros, "µs"),
  ];
  for (const [name, query] of Object.entries(queriesOf(stream))) {
    const [expected, got] = [await query(memory), await query(read)];
    if (!name.startsWith("preview") && JSON.stringify(expected) !== JSON.stringify(got))
      throw new Error(`${name}: the two answer differently`);
    const spendMs = bench.pick(1500, 100);
    const inMemory = await measure(memory, query, spendMs);
    const fromDisk = await measure(read, query, spendMs);
    for (const [where, found] of [
      ["memory", inMemory],
      ["archive", fromDisk],
    ] as const)
      figures.push(
        figure(`${name}, ${where}: CPU`, found.cpuMs, "ms"),
        figure(`${name}, ${where}: p99`, found.p99, "ms"),
        figure(`${name}, ${where}: longest turn`, found.turnMs, "ms"),
      );
    figures.push(
      figure(`${name}: archive against memory, CPU`, fromDisk.cpuMs / inMemory.cpuMs, "x"),
    );
  }
  return { figures, goals: [] };
}

export const recent: Scenario = {
  name: "recent",
  title: "queries of the recent window, in memory and from the archive",
  run,
};
