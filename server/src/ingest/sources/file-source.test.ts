import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tweets } from "@penstock-dev/domain-tweets";
import { temporaryLog } from "../../log/temporary-log.ts";
import { defaultsOf } from "../../option.ts";
import { ensureTopics, loadStreams } from "../../streams/index.ts";
import { Ingester } from "../ingester.ts";
import { ingestOptions } from "../options.ts";
import { startFileSource } from "./file-source.ts";

test("a file waits while too much waits for the log, and goes on afterwards", async () => {
  await using made = await temporaryLog();
  const streams = loadStreams(undefined, new Map([["tweets", tweets]]), 1);
  const ingester = new Ingester({
    streams,
    options: { ...defaultsOf(ingestOptions), inFlightBytesMax: 100 },
    log: made.log,
    now: Date.now,
  });
  const stream = ingester.stream("tweets");
  await ensureTopics(made.log, stream, {});
  const path = join(made.dataDir, "posts.jsonl");
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
    log: made.log,
    tell: (level, message) => {
      told.push(level);
      if (message === "a file is published") resolve();
    },
  });
  while (asked === 0) await new Promise((done) => setTimeout(done, 5));
  assert.deepEqual(await made.log.heads(stream.ingestTopic), [0]);
  held.release();
  await published;
  assert.deepEqual(await made.log.heads(stream.ingestTopic), [1]);
  assert.deepEqual(told, ["info"]);
});
