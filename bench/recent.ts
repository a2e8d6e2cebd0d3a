/**
 * What a query of the recent window costs, in memory and read from the archive: CPU, latency, and
 * the longest turn of the event loop, with many events in the window. Each answer is checked against
 * the other's before a figure counts.
 *
 * `node bench/recent.ts [--events 100000]`
 */

import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { tweets } from "@penstock-dev/domain-tweets";
import { openGrant } from "../server/src/access/index.ts";
import { accessOptions } from "../server/src/access/options.ts";
import { parseFilters } from "../server/src/filter/index.ts";
import { temporaryLog } from "../server/src/log/index.ts";
import { defaultsOf } from "../server/src/option.ts";
import { Archive, ArchiveRecent, type Recent, RecentWindow } from "../server/src/store/index.ts";
import { storeOptions } from "../server/src/store/options.ts";
import {
  encodeEvent,
  ensureTopics,
  loadStreams,
  type Stream,
} from "../server/src/streams/index.ts";
import { machineLine } from "./harness/machine.ts";

const { values } = parseArgs({ options: { events: { type: "string", default: "100000" } } });
const EVENTS = Number(values.events);
const PARTITIONS = 4;
const BATCH = 200;
const RARE = 1000;
const SECONDS = 1.5;
const WORDS =
  "the market moves again today and nobody knows why it does so or what comes next".split(" ");

await using temporary = await temporaryLog();
const { log, dataDir } = temporary;
const stream = loadStreams(undefined, new Map([["tweets", tweets]]), PARTITIONS).get(
  "tweets",
) as Stream;
await ensureTopics(log, stream, {});
const { limits } = openGrant(defaultsOf(accessOptions));
// Both hold all of the events, whatever they weigh.
const options = { ...defaultsOf(storeOptions), recentBytes: 2 ** 40, recentMs: 3_600_000 };

function event(number: number) {
  const id = `t${number}`;
  const tags = ["#common", ...(number % RARE === 0 ? ["#rare"] : [])];
  const text = `${number} ${WORDS.map((_, at) => WORDS[(number * 7 + at * at) % WORDS.length]).join(" ")} ${tags.join(" ")}`;
  const timestamp = new Date(0).toISOString();
  const payload = {
    id,
    user_id: `author${number % 5000}`,
    text,
    timestamp,
    hashtags: tags,
    retweet_id: null,
  };
  return { event_type: "new_tweet", id, noun: "tweet", payload };
}

for (let first = 0; first < EVENTS; first += BATCH) {
  const partition = (first / BATCH) % PARTITIONS;
  const records = Array.from({ length: Math.min(BATCH, EVENTS - first) }, (_, at) =>
    encodeEvent(
      event(first + at),
      `author${(first + at) % 5000}`,
      { generation: 0, offset: first + at, index: 0, last: true },
      0,
    ),
  );
  await log.append(stream.topic, partition, records);
}

const failed = (caught: unknown) => {
  throw caught;
};
const init = { stream, log, options, now: Date.now };
const cpuMs = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};
let began = process.cpuUsage();
const memory = await RecentWindow.open({ ...init, failed });
const memoryMicros = (cpuMs(began) * 1000) / EVENTS;
began = process.cpuUsage();
const archive = new Archive({ dataDir, ...init });
await archive.follow(stream, failed);
await archive.files.reach(
  stream.topic,
  await log.heads(stream.topic),
  AbortSignal.timeout(120_000),
);
const archiveMicros = (cpuMs(began) * 1000) / EVENTS;
const read = ArchiveRecent.open({ ...init, files: archive.files });

type Query = (recent: Recent) => Promise<unknown>;
const filters = (fields: object) => parseFilters(stream, { filters: fields }, limits);
const [common, rare, none] = [
  filters({ hashtags: "common" }),
  filters({ hashtags: "rare" }),
  filters({ keywords: "nowhere", hashtags: "common" }),
];
const everything = filters({});
const queries: Readonly<Record<string, Query>> = {
  "newest 100, matches all": (recent) => recent.newest(everything, 100),
  "newest 100, a common hashtag": (recent) => recent.newest(common, 100),
  "newest 1000, a common hashtag": (recent) => recent.newest(common, 1000),
  "newest 100, one of a thousand": (recent) => recent.newest(rare, 100),
  "newest 100, matches nothing": (recent) => recent.newest(none, 100),
  "preview, one of a thousand": (recent) => recent.preview(rare, 5),
  "preview, a common hashtag": (recent) => recent.preview(common, 5),
};

interface Figures {
  readonly cpuMs: number;
  readonly p50: number;
  readonly p99: number;
  readonly turnMs: number;
}

async function measure(recent: Recent, query: Query): Promise<Figures> {
  for (let warm = 0; warm < 3; warm++) await query(recent);
  const turns = monitorEventLoopDelay({ resolution: 1 });
  turns.enable();
  const cpu = process.cpuUsage();
  const times: number[] = [];
  const endMs = performance.now() + SECONDS * 1000;
  for (let nowMs = performance.now(); nowMs < endMs; ) {
    await query(recent);
    const doneMs = performance.now();
    times.push(doneMs - nowMs);
    nowMs = doneMs;
    // A server turns between requests.
    if (times.length % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const used = cpuMs(cpu) / times.length;
  turns.disable();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)] as number;
  return { cpuMs: used, p50: at(0.5), p99: at(0.99), turnMs: turns.max / 1e6 };
}

const show = ({ cpuMs: cpu, p50, p99, turnMs }: Figures): string =>
  `${cpu.toFixed(2)} ms CPU, p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(2)}, longest turn ${turnMs.toFixed(1)} ms`;

console.log(machineLine());
console.log(`${EVENTS} events in ${PARTITIONS} partitions`);
console.log(
  `taking one: ${memoryMicros.toFixed(1)} µs of CPU in memory, ${archiveMicros.toFixed(1)} µs in the archive`,
);
for (const [name, query] of Object.entries(queries)) {
  const [expected, got] = [await query(memory), await query(read)];
  const whole = !name.startsWith("preview");
  if (whole && JSON.stringify(expected) !== JSON.stringify(got))
    throw new Error(`${name}: the two answer differently`);
  const inMemory = await measure(memory, query);
  const fromDisk = await measure(read, query);
  console.log(`${name}`);
  console.log(`  memory   ${show(inMemory)}`);
  console.log(`  archive  ${show(fromDisk)}  (${(fromDisk.cpuMs / inMemory.cpuMs).toFixed(2)} x)`);
}
await read[Symbol.asyncDispose]();
await archive[Symbol.asyncDispose]();
await memory[Symbol.asyncDispose]();
