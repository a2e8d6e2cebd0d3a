import assert from "node:assert/strict";
import { test } from "node:test";
import { tweets } from "@penstock-dev/domain-tweets";
import type { Log } from "../log/index.ts";
import { temporaryLog } from "../log/temporary-log.ts";
import { encodeEvent, ensureTopics, loadStreams, type Stream } from "../streams/index.ts";
import type { Entry } from "./entry.ts";
import { LiveReader } from "./live-reader.ts";
import type { ReadableLog } from "./readable-log.ts";
import { Ring } from "./ring.ts";
import type { TopicState } from "./topic-state.ts";

const RING_BYTES = 1024 * 1024;

test("what was read of one partition is read again where another's cannot be read", async () => {
  await using temporary = await temporaryLog();
  const { log } = temporary;
  const stream = loadStreams(undefined, new Map([["tweets", tweets]]), 2).get("tweets") as Stream;
  await ensureTopics(log, stream, {});
  for (const partition of [0, 1]) {
    const source = { generation: 0, offset: 0, index: 0, last: true };
    const event = { event_type: "new_tweet", id: `t${partition}`, noun: "tweet", payload: {} };
    await log.append(stream.topic, partition, [encodeEvent(event, "key", source, 0)]);
  }
  let failures = 0;
  const failing: Pick<Log, "heads" | "read" | "waitForMore"> = {
    heads: (topic) => log.heads(topic),
    waitForMore: (topic, positions, signal) => log.waitForMore(topic, positions, signal),
    read: async (topic, partition, offset, limits) => {
      if (partition === 1 && failures === 0) {
        failures += 1;
        throw new Error("the disk had a bad moment");
      }
      return await log.read(topic, partition, offset, limits);
    },
  };
  const state = {
    stream,
    topic: stream.topic,
    index: { expect: () => undefined },
    ring: new Ring(RING_BYTES, { offsets: [0, 0], sources: [undefined, undefined] }),
    options: { readRecordsMax: 100, ringBytes: RING_BYTES },
    now: Date.now,
  } as unknown as TopicState;
  const taken: string[] = [];
  const abort = new AbortController();
  const port = {
    take: (entry: Entry) => void taken.push(entry.event.id),
    taken: () => undefined,
    flushed: async () => undefined,
    overtaken: () => undefined,
    roomInRing: async () => {
      if (taken.length >= 2) abort.abort();
    },
  };
  const readable = { stream } as unknown as ReadableLog;
  const ending = AbortSignal.any([abort.signal, AbortSignal.timeout(5000)]);
  await new LiveReader(state, failing as Log, port, readable).run(ending);
  assert.equal(failures, 1);
  assert.deepEqual(taken.sort(), ["t0", "t1"]);
});
