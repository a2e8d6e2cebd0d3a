/** A process that starts while others write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tweets } from "@penstock-dev/domain-tweets";
import { parseFilters } from "../filter/index.ts";
import { type Log, temporaryLog } from "../log/index.ts";
import { defaultsOf } from "../option.ts";
import { processOptions, startProcessor } from "../process/index.ts";
import { ensureTopics, loadStreams, type Stream } from "../streams/index.ts";
import { Delivery } from "./delivery.ts";
import { openSessionStore } from "./embedded-session-store.ts";
import { LIMITS } from "./judged-client.ts";
import { deliverOptions } from "./options.ts";
import { noPeers } from "./peers.ts";
import { attachTo, TestClient, until } from "./test-engine.ts";

test("what is deleted while the deletions so far are read is served to nobody", async () => {
  await using temporary = await temporaryLog();
  const { log, dataDir } = temporary;
  const streams = loadStreams(undefined, new Map([["tweets", tweets]]), 1);
  const stream = streams.get("tweets") as Stream;
  await ensureTopics(log, stream, {});
  const publish = async (raw: object, outcome: number): Promise<void> => {
    const record = stream.ingest.accept(raw, { nowMs: Date.now() });
    await log.append(stream.ingestTopic, 0, [record]);
    while (((await log.heads(stream.topic))[0] ?? 0) < outcome)
      await log.waitForMore(stream.topic, await log.heads(stream.topic), AbortSignal.timeout(50));
  };
  const options = defaultsOf(processOptions);
  await using _processor = startProcessor({
    log,
    stream,
    options,
    now: Date.now,
    report: (told) => assert.fail(JSON.stringify(told)),
  });
  await publish({ id: "t1", user_id: "u1", text: "deleted" }, 1);
  let isDeleted = false;
  const racing = new Proxy(log as Log, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      if (name !== "heads") return member.bind(target);
      return async (topic: string) => {
        const heads = await target.heads(topic);
        if (topic === stream.tombstoneTopic && !isDeleted) {
          isDeleted = true;
          await publish({ type: "delete", id: "t1", user_id: "u1" }, 2);
        }
        return heads;
      };
    },
  });
  await using delivery = await Delivery.open({
    options: defaultsOf(deliverOptions),
    streams,
    store: openSessionStore(dataDir, Date.now),
    now: Date.now,
    log: racing,
    peers: noPeers("one"),
  });
  assert.ok(isDeleted);
  const fanout = delivery.fanout(stream, "all");
  await fanout.refresh();
  const client = attachTo(fanout, new TestClient(), parseFilters(stream, {}, LIMITS), {
    behindAfterMs: 5000,
    place: { offsets: [0], sources: [undefined] },
  });
  await until("the present", () => client.subscriber?.catchingUp === false);
  assert.deepEqual(client.positions, ["0:1"], "the deletion alone");
});
