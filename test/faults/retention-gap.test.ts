/** F12: retention passes the place of a client that is away, and of one that is there and slow. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { decodeCursor } from "@penstock-dev/contract";
import { logOptions, openEmbeddedLog } from "../../server/src/log/index.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { ArchiveStore } from "../../server/src/store/archive-store.ts";
import { drivers, websocketDriver } from "../transports/drivers.ts";
import { RawConnection } from "../transports/raw-connection.ts";
import { TestServer } from "../transports/test-server.ts";
import {
  type Frame,
  isEvent,
  ofType,
  placeOf,
  type TransportConnection,
} from "../transports/transport-driver.ts";

const TOPIC = "tweets.enriched";
/** One process for all, or several that serve the clients. */
const WORKERS = ["0", "4"];

/** Checkpoints of a stream that is silent come with its heartbeats. */
const FLAGS = { "topics-partitions": "2", "deliver-heartbeat-interval": "200ms" };

/** Lets the log and the archive forget all that is older than a time. @returns where they begin */
async function forget(dataDir: string, beforeMs: number): Promise<readonly number[]> {
  const options = defaultsOf(logOptions);
  await using log = await openEmbeddedLog({ dataDir, options, now: Date.now });
  const { partitions } = await log.describe(TOPIC);
  await log.createTopic(TOPIC, { partitions, retentionMs: 1 });
  await log.retain(beforeMs + 1);
  await log.createTopic(TOPIC, { partitions, retentionMs: options.retentionMs });
  const floors = await log.floors(TOPIC);
  const archive = new ArchiveStore(join(dataDir, "archive"), Date.now);
  for (const [partition, floor] of floors.entries()) await archive.drop(TOPIC, partition, floor);
  await archive.close();
  return floors;
}

const texts = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${name} ${at} ${"and so on ".repeat(20)}`);

/** Posts of several authors, so that every partition gets some. */
async function publish(server: TestServer, name: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let author = 0; author < 5; author++)
    ids.push(...(await server.publish(texts(name, count / 5), `author ${author}`)));
  return ids;
}

async function elapsed(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 10));
  const nowMs = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 10));
  return nowMs;
}

const offsetsOf = (cursor: string): number[] => {
  const offsets: number[] = [];
  for (const [partition, { offset }] of decodeCursor(cursor).partitions)
    offsets[partition] = offset;
  return offsets;
};

/** Offsets by partition, as frames name them. */
const vectorOf = (map: unknown): number[] =>
  Object.entries(map as Record<string, number>).reduce<number[]>((vector, [partition, offset]) => {
    vector[Number(partition)] = offset;
    return vector;
  }, []);

/** How many offsets lie between two places. */
const between = (from: readonly number[], to: readonly number[]): number =>
  to.reduce((sum, offset, partition) => sum + Math.max(0, offset - (from[partition] ?? 0)), 0);

for (const workers of WORKERS)
  test(`F12: a client that was away for too long is told, or gets a gap of just what it missed (${workers} workers)`, async () => {
    await using server = await TestServer.start({ ...FLAGS, workers });
    const old = await publish(server, "old", 30);
    const first = websocketDriver.connect(server.url, {
      live: "tweets",
      query: { since: "earliest", when_behind: "wait" },
    });
    await first.next(ofType("caught_up"));
    const cursor = String((await first.next(ofType("checkpoint"))).cursor);
    first.destroy();
    const missed = await publish(server, "missed", 25);
    const floors = await (async () => {
      const boundaryMs = await elapsed();
      const young = await publish(server, "young", 20);
      const found = await forget(server.dataDir, boundaryMs);
      return { offsets: found, young };
    })();
    const from = offsetsOf(cursor);
    assert.ok(between(from, floors.offsets) >= missed.length, "retention did not pass the cursor");
    assert.equal(old.length, 30);

    for (const driver of drivers) {
      const body = { stream: "tweets", start: { cursor }, when_behind: "wait" };
      const refused = await server.request("POST", "/v1/stream/subscribe", body);
      assert.equal(refused.status, 410, JSON.stringify(refused.body));
      assert.equal(refused.body.code, "cursor_too_old");
      const oldest = floors.offsets.map((offset, partition) => `${partition}:${offset}`).join(", ");
      assert.ok(String(refused.body.detail).includes(oldest), String(refused.body.detail));

      const session = await server.subscribe({ ...body, clamp: true });
      const clamped = driver.connect(server.url, { session });
      await clamped.next(ofType("caught_up"));
      const gaps = clamped.frames.filter(ofType("gap"));
      assert.equal(gaps.length, 1);
      const [gap] = gaps;
      assert.deepEqual(vectorOf(gap?.from), from);
      assert.deepEqual(vectorOf(gap?.to), floors.offsets);
      assert.equal(gap?.count, between(from, floors.offsets));
      assert.equal(gap?.recover, null);
      assert.equal(gap?.cancels, true);
      const got = clamped.frames.filter(isEvent).map(({ id }) => id);
      assert.deepEqual([...got].sort(), [...floors.young].sort(), driver.name);
      clamped.destroy();
      await clamped.over;
    }
    assert.equal(await server.metric("penstock_silent_skips_total"), 0);
  });

/** Every offset of a span is an event that came, or lies in a gap; and none is both. */
function account(connection: TransportConnection, heads: readonly number[]) {
  const next = heads.map(() => 0);
  let gaps = 0;
  let counted = 0;
  for (const frame of connection.frames) {
    if (isEvent(frame)) {
      const { partition, offset } = placeOf(frame);
      assert.ok(offset >= (next[partition] ?? 0), `${frame.position} came again`);
      assert.equal(offset, next[partition], `what lies before ${frame.position} was passed over`);
      next[partition] = offset + 1;
    } else if (frame.type === "gap") {
      const [from, to] = [vectorOf(frame.from), vectorOf(frame.to)];
      assert.equal(frame.reason, "retention");
      assert.equal(frame.count, between(from, to));
      for (const [partition, offset] of from.entries())
        if ((to[partition] ?? 0) > offset)
          assert.equal(offset, next[partition], "a gap's beginning");
      for (const [partition, offset] of to.entries())
        next[partition] = Math.max(next[partition] ?? 0, offset);
      gaps += 1;
      counted += Number(frame.count);
    }
  }
  assert.deepEqual(next, heads);
  return { gaps, counted };
}

for (const workers of WORKERS)
  test(`F12: a client that is there, and slow, and waits, gets a gap of just what left the log (${workers} workers)`, async (t) => {
    await using server = await TestServer.start({
      ...FLAGS,
      workers,
      "deliver-ring-bytes": "256KiB",
      "deliver-region-cache-bytes": "1MiB",
      "transports-unacked-bytes-min": "4KiB",
      "transports-unacked-bytes-max": "4KiB",
    });
    const slow = websocketDriver.connect(server.url, {
      live: "tweets",
      query: { since: "earliest", when_behind: "wait" },
    });
    assert.ok(slow instanceof RawConnection);
    await slow.next(ofType("caught_up"));
    await publish(server, "read", 20);
    slow.socket.pause();
    const unread = await publish(server, "unread", 2000);
    const boundaryMs = await elapsed();
    await publish(server, "young", 1000);
    const floors = await forget(server.dataDir, boundaryMs);
    const before = slow.frames.filter(isEvent).length;
    assert.ok(before < unread.length / 2, `the client had ${before} events before it paused`);
    slow.socket.resume();
    const [last = ""] = await publish(server, "last", 5);
    const log = await openEmbeddedLog({
      dataDir: server.dataDir,
      options: defaultsOf(logOptions),
      now: Date.now,
    });
    const heads = await log.heads(TOPIC);
    await log[Symbol.asyncDispose]();
    await slow.next(({ id }) => id === last);
    const reached = (frame: Frame): boolean =>
      frame.type === "checkpoint" && between(offsetsOf(String(frame.cursor)), heads) === 0;
    await slow.next(reached);
    const { gaps, counted } = account(slow, heads);
    assert.ok(gaps >= 1, "retention did not pass the client");
    assert.ok(between([], floors) > counted, "the gap covers what was delivered");
    assert.equal(await server.metric("penstock_silent_skips_total"), 0);
    t.diagnostic(`${gaps} gap of ${counted} offsets`);
    slow.destroy();
  });
