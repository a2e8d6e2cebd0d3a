/** A process that lags behind what others have told their clients. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessOptions, openGrant } from "../access/index.ts";
import type { Log } from "../log/index.ts";
import { temporaryLog } from "../log/temporary-log.ts";
import { defaultsOf } from "../option.ts";
import { ensureTopics, loadStreams } from "../streams/index.ts";
import { Delivery } from "./delivery.ts";
import { deliverOptions } from "./options.ts";
import { noPeers } from "./peers.ts";
import type { SessionStore } from "./session.ts";

const PARTITIONS = 1;

const noSessions: SessionStore = {
  get: async () => undefined,
  create: async () => undefined,
  put: async () => [],
  claim: async () => undefined,
  delete: async () => undefined,
  list: async () => [],
  [Symbol.asyncDispose]: async () => undefined,
};

test("who wants what was before waits for a process that lags, or is sent away", async () => {
  await using temporary = await temporaryLog();
  const streams = loadStreams(
    { orders: { topic: "orders", noun: "order", fields: ["kind"] } },
    new Map(),
    PARTITIONS,
  );
  const stream = streams.get("orders");
  assert.ok(stream !== undefined);
  await ensureTopics(temporary.log, stream, {});
  const stalled = Promise.withResolvers<void>();
  // Reads of the log wait until the test lets them go.
  const log = new Proxy(temporary.log, {
    get: (target, name) => {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      if (name !== "read") return member.bind(target);
      return async (...args: Parameters<Log["read"]>) => {
        await stalled.promise;
        return await target.read(...args);
      };
    },
  });
  const delivery = await Delivery.open({
    options: { ...defaultsOf(deliverOptions), catchUpMs: 50 },
    streams,
    store: noSessions,
    now: Date.now,
    log,
    peers: noPeers("one"),
  });
  const grant = openGrant(defaultsOf(accessOptions));
  const from = (start: "now" | "earliest") =>
    delivery.subscribe({ stream: "orders", start }, grant);
  await from("earliest");

  // Another process has taken this, and may have told of it: here it is not known yet.
  await temporary.log.append(stream.topic, 0, [{ key: null, value: Buffer.from("{}") }]);
  await assert.rejects(from("earliest"), { code: "overloaded", retryAfterMs: 1000 });
  await from("now");
  stalled.resolve();
  await from("earliest");
  await delivery[Symbol.asyncDispose]();
});
