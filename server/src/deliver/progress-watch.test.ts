import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFilters } from "../filter/index.ts";
import type { Log } from "../log/index.ts";
import { temporaryLog } from "../log/temporary-log.ts";
import { defaultsOf } from "../option.ts";
import { ensureTopics, loadStreams, type Stream } from "../streams/index.ts";
import { Fanout } from "./fanout.ts";
import { makeFlow } from "./flow.ts";
import { LIMITS, lines } from "./judged-client.ts";
import { deliverOptions } from "./options.ts";
import type { Outlet } from "./outlet.ts";
import type { Ending } from "./subscriber.ts";
import { Tombstones } from "./tombstones.ts";

/** A log whose past nobody can read any more, though it says that it holds it. */
function stuck(log: Log, from: number): Log {
  const read: Log["read"] = async (topic, partition, offset, limits) =>
    offset < from
      ? await new Promise<never>(() => undefined)
      : await log.read(topic, partition, offset, limits);
  return new Proxy(log, {
    get: (target, name) => {
      if (name === "read") return read;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

test("a client for whom the log is not read on is sent away, and one at the head is not", async () => {
  await using temporary = await temporaryLog();
  const { log } = temporary;
  const config = { orders: { topic: "orders", noun: "order", fields: ["kind"] } };
  const stream = loadStreams(config, new Map(), 1).get("orders") as Stream;
  await ensureTopics(log, stream, {});
  const record = { key: null, value: Buffer.from('{"kind":"a"}') };
  await log.append("orders", 0, [record, record]);
  const fanout = await Fanout.open({
    stream,
    topic: stream.topic,
    log: stuck(log, 2),
    history: undefined,
    options: { ...defaultsOf(deliverOptions), heartbeatIntervalMs: 100, noProgressTimeoutMs: 200 },
    now: Date.now,
    tombstones: new Tombstones(),
    from: await log.heads(stream.topic),
  });
  const attach = (offset: number) => {
    const ended = Promise.withResolvers<Ending>();
    const got = Promise.withResolvers<void>();
    let heartbeats = 0;
    const outlet: Outlet = {
      encoding: lines,
      room: () => 100_000,
      unreadMs: () => 0,
      close: () => undefined,
      write: (bytes) => {
        if (Buffer.from(bytes).includes('"heartbeat"')) heartbeats += 1;
        if (heartbeats > 5) got.resolve();
      },
    };
    fanout.attach({
      outlet,
      clientId: "test",
      filters: parseFilters(stream, {}, LIMITS),
      flow: makeFlow({
        encoding: lines,
        whenBehind: "skip",
        behindAfterMs: 5000,
        maxEventsPerSecond: undefined,
      }),
      place: { offsets: [offset], sources: [undefined] },
      until: undefined,
      ended: ended.resolve,
    });
    return { ended: ended.promise, heard: got.promise };
  };
  const atHead = attach(2);
  const behind = attach(0);
  assert.equal((await behind.ended).error, "no_progress");
  await Promise.race([
    atHead.heard,
    atHead.ended.then(({ error }) => assert.fail(`ended with ${error}`)),
  ]);
  await fanout[Symbol.asyncDispose]();
});
