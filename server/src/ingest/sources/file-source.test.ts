import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { tweets } from "@penstock-dev/domain-tweets";
import type { Log } from "../../log/index.ts";
import { temporaryLog } from "../../log/temporary-log.ts";
import { defaultsOf } from "../../option.ts";
import { ensureTopics, loadStreams } from "../../streams/index.ts";
import { Ingester } from "../ingester.ts";
import { ingestOptions } from "../options.ts";
import { type FileSourceInit, startFileSource } from "./file-source.ts";
import type { Tell } from "./source.ts";
import { watchedLog } from "./watched-log.ts";

/** A stream on a log of its own, and what a file source of it needs besides. */
async function setUp(t: TestContext, own: { partitions?: number; inFlightBytesMax?: number } = {}) {
  const made = await temporaryLog();
  t.after(() => made[Symbol.asyncDispose]());
  const { partitions = 1, ...given } = own;
  const streams = loadStreams(undefined, new Map([["tweets", tweets]]), partitions);
  const options = { ...defaultsOf(ingestOptions), ...given };
  const ingester = new Ingester({ streams, options, log: made.log, now: Date.now });
  const stream = ingester.stream("tweets");
  await ensureTopics(made.log, stream, {});
  return { ...made, ingester, stream, path: join(made.dataDir, "posts.jsonl") };
}

/** Publishes a file, and says how much of it was there before. */
async function publishAll(
  { path, stream, ingester, log }: Omit<FileSourceInit, "perSecond" | "tell">,
  perSecond = Number.POSITIVE_INFINITY,
): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const tell: Tell = (_level, message, { published, before } = {}) =>
    resolve([message, published, before]);
  await using _source = startFileSource({ path, perSecond, stream, ingester, log, tell });
  return await promise;
}

function linesOf(count: number, authors = 7): string {
  const lines = Array.from({ length: count }, (_, at) =>
    JSON.stringify({ user_id: `author${at % authors}`, text: `post ${at}` }),
  );
  return `${lines.join("\n")}\n`;
}

for (const partitions of [1, 4]) {
  test(`a file goes on behind its lines, however much came behind them in ${partitions}`, async (t) => {
    const made = await setUp(t, { partitions });
    const { path, log, ingester, stream } = made;
    await writeFile(path, linesOf(1100));
    assert.deepEqual(await publishAll(made), ["a file is published", 1100, 0]);
    const value = Buffer.from("{}");
    for (let partition = 0; partition < partitions; partition++) {
      const others = Array(11_000).fill({ key: null, value, headers: { origin: "posts.csv:3:0" } });
      await log.append(stream.ingestTopic, partition, others);
    }
    assert.deepEqual(await publishAll(made), ["a file is published", 0, 1100]);
    await writeFile(path, linesOf(1200));
    assert.deepEqual(await publishAll(made), ["a file is published", 100, 1100]);
    assert.equal(ingester.ingested.get("tweets"), 1200);
  });
}

test("a file is looked for no further back than it has to be", async (t) => {
  const made = await setUp(t, { partitions: 2 });
  const { path, log, stream } = made;
  for (const partition of [0, 1]) {
    const others = Array(20_000).fill({ key: null, value: Buffer.from("{}") });
    await log.append(stream.ingestTopic, partition, others);
  }
  await writeFile(path, linesOf(3000));
  await publishAll(made);
  const { log: watched, readFrom: asked } = watchedLog(log);
  const again = await publishAll({ ...made, log: watched });
  assert.deepEqual(again, ["a file is published", 0, 3000]);
  assert.ok(Math.min(...asked) > 15_000, `it was read back to ${Math.min(...asked)}`);
});

test("a file source stops while it looks for its lines, and while it passes over them", async (t) => {
  const made = await setUp(t);
  const { path, log, ingester, stream } = made;
  await writeFile(path, linesOf(20_000));
  await publishAll(made);
  for (const reads of [3, Number.POSITIVE_INFINITY]) {
    const told: unknown[] = [];
    const stopped = Promise.withResolvers<void>();
    let count = 0;
    const stopping = {
      heads: (topic: string) => log.heads(topic),
      floors: (topic: string) => log.floors(topic),
      read: (...args: Parameters<Log["read"]>) => {
        count += 1;
        const isLast = args[2] + args[3].recordsMax >= 20_000;
        if (count === reads || (isLast && reads > 3)) {
          stopped.resolve(source[Symbol.asyncDispose]());
        }
        return log.read(...args);
      },
    } as Log;
    const tell: Tell = (...line) => told.push(line);
    const source = startFileSource({ path, perSecond: 1, stream, ingester, log: stopping, tell });
    await stopped.promise;
    assert.deepEqual(told, []);
  }
});

test("a file waits while too much waits for the log, and goes on afterwards", async (t) => {
  const { log, ingester, stream, path } = await setUp(t, { inFlightBytesMax: 100 });
  await writeFile(path, `${JSON.stringify({ user_id: "a", text: "the only one" })}\n`);
  const held = ingester.holding();
  held.add(90);
  let asked = 0;
  const watched = new Proxy(ingester, {
    get: (target, name) => {
      if (name === "append") asked += 1;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const told: string[] = [];
  const { promise: published, resolve } = Promise.withResolvers<void>();
  await using _source = startFileSource({
    path,
    perSecond: Number.POSITIVE_INFINITY,
    stream,
    ingester: watched,
    log,
    tell: (level, message) => {
      told.push(level);
      if (message === "a file is published") resolve();
    },
  });
  while (asked === 0) await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual(await log.heads(stream.ingestTopic), [0]);
  held.release();
  await published;
  assert.deepEqual(await log.heads(stream.ingestTopic), [1]);
  assert.deepEqual(told, ["info"]);
});
