/** Clients that stand where the engine has to take care: a full window, a rate, a place that is gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { parseFilters } from "../filter/index.ts";
import type { Log } from "../log/index.ts";
import { encodeEvent, type Stream } from "../streams/index.ts";
import { thingField, thingsStream, thingType } from "../streams/things-stream.ts";
import { LIMITS } from "./judged-client.ts";
import type { Subscriber } from "./subscriber.ts";
import { TestClient, TestEngine, until } from "./test-engine.ts";

const START = { offsets: [0], sources: [undefined] };

/** A stream whose events of one type reach whoever asks for their owner. */
const ownedThings = (): Stream =>
  thingsStream({
    topics: { raw: "things", enriched: "things.enriched" },
    process: { create: () => ({}), apply: () => ({ enriched: [] }), stateFrom: () => 0 },
    event_types: { made: thingType(), moved: thingType({ broadcast: { field: "owner" } }) },
    fields: { owner: thingField("exact", "owner") },
  });

const toOwner = (stream: Stream) => parseFilters(stream, { filters: { owner: "o" } }, LIMITS);

/** Publishes so many broadcasts to an owner, from a number on. */
async function broadcast(engine: TestEngine, first: number, count: number): Promise<void> {
  await publishThings(engine, "moved", "o", first, count);
}

async function publishThings(
  { log, stream }: TestEngine,
  event_type: string,
  owner: string,
  first: number,
  count: number,
): Promise<void> {
  const records = Array.from({ length: count }, (_, at) => {
    const event = { event_type, id: `m${first + at}`, noun: "thing", payload: { owner } };
    const source = { generation: 0, offset: first + at, index: 0, last: true };
    return encodeEvent(event, "k", source, 0);
  });
  await log.append(stream.topic, 0, records);
}

test("a window that has room for what is due and not for a checkpoint holds nobody up", async () => {
  let nowMs = 1_000_000;
  await using engine = await TestEngine.open({ now: () => nowMs });
  const fast = engine.attach(new TestClient());
  const slow: TestClient[] = [];
  for (let room = 150; room < 1200; room += 25) {
    const client = engine.attach(new TestClient());
    client.roomBytes = room;
    slow.push(client);
  }
  await engine.publish(1);
  await engine.settled();
  for (let round = 0; round < 5; round++) {
    // By then a checkpoint is due to everyone.
    nowMs += 2000;
    await engine.publish(3, { padding: "x".repeat(60) });
    await engine.settled();
  }
  assert.equal(fast.positions.length, 16);
  const heldBack = slow.filter(({ positions }) => positions.length < 16);
  assert.ok(heldBack.length > 5, "some windows were full");
});

test("hundreds whom one rate holds back, in a ring that turns over, stop nobody", async () => {
  const options = { ringBytes: 262_144, sliceMs: 1, behindAfterMs: 5000 };
  await using engine = await TestEngine.open({ options });
  /** Takes its time, so that a lane is written to in many slices. */
  class Busy extends TestClient {
    override write(): void {
      const start = performance.now();
      while (performance.now() - start < 0.05);
    }
  }
  const busy = Array.from({ length: 400 }, () => engine.attach(new Busy(), { rate: 40 }));
  await until("everyone", () => busy.every(({ subscriber }) => subscriber?.catchingUp === false));
  const other = engine.attach(new TestClient(), { filters: engine.filters("b") });
  for (let round = 1; round <= 60; round++) {
    await engine.publish(40, { padding: "x".repeat(200) });
    await engine.publish(1, { kind: "b" });
    await setTimeout(15);
  }
  await until("the last of the other kind", () => other.positions.length === 60);
});

test("who comes to those that a slow one held back gets all, and no gap of theirs", async () => {
  for (const whenBehind of ["latest", "skip"] as const) {
    let nowMs = Date.now();
    let isHeld = false;
    const held = Promise.withResolvers<void>();
    const through = (log: Log): Log =>
      new Proxy(log, {
        get: (target, name) => {
          const member = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          if (name !== "read") return member.bind(target);
          return async (...given: Parameters<Log["read"]>) => {
            if (isHeld && given[2] < 300) await held.promise;
            return await target.read(...given);
          };
        },
      });
    const options = { behindAfterMs: 500 };
    await using engine = await TestEngine.open({ options, through, now: () => nowMs });
    await engine.publish(300, { kind: "b" });
    await engine.settled();
    const slow = new TestClient();
    slow.takesOne = true;
    engine.attach(slow, { whenBehind });
    engine.ready(slow, 0);
    isHeld = true;
    const fast = engine.attach(new TestClient(), { whenBehind, place: START });
    for (let at = 0; at < 10; at++) await engine.publish(1, { k: "same" });
    await engine.settled();
    nowMs += 1000;
    engine.ready(slow, 1000);
    await until("the slow one's gap", () => slow.gaps.length > 0);
    held.resolve();
    const last = () => fast.positions.at(-1) === "0:309";
    await until("the last event", last);
    assert.equal(fast.positions.length, 10, whenBehind);
    assert.deepEqual(fast.gaps, [], whenBehind);
  }
});

test("what the log lets go of before it was read is told as a gap, and reading goes on", async () => {
  let hold: Promise<void> | undefined;
  const through = (log: Log): Log =>
    new Proxy(log, {
      get: (target, name) => {
        const member = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        if (name !== "heads" && name !== "read") return member.bind(target);
        return async (...given: unknown[]) => {
          await hold;
          return await member.apply(target, given);
        };
      },
    });
  await using engine = await TestEngine.open({ through });
  const client = engine.attach(new TestClient());
  await engine.publish(3);
  await until("the first events", () => client.positions.length === 3);
  const released = Promise.withResolvers<void>();
  hold = released.promise;
  await engine.publish(5);
  await engine.log.createTopic("orders", { partitions: 1, retentionBytes: 1 });
  await (engine.log as Log & { retain(nowMs: number): Promise<void> }).retain(Date.now());
  assert.deepEqual(await engine.log.floors("orders"), [8]);
  await engine.log.createTopic("orders", { partitions: 1 });
  hold = undefined;
  released.resolve();
  await until("the gap", () => client.gaps.length > 0);
  await engine.publish(2);
  await until("what comes behind it", () => client.positions.length === 5);
  assert.deepEqual(client.positions.slice(3), ["0:8", "0:9"]);
  assert.deepEqual(
    client.gaps.map(({ reason, from, to }) => [reason, from, to]),
    [["retention", { "0": 3 }, { "0": 8 }]],
  );
  assert.equal(engine.fanout.movements.silentSkips, 0);
});

test("whoever changes filters again and again gets no more than its rate", async () => {
  const nowMs = 1_000_000;
  await using engine = await TestEngine.open({ now: () => nowMs });
  const client = engine.attach(new TestClient(), { rate: 10, whenBehind: "wait" });
  const subscriber = client.subscriber as Subscriber;
  await engine.publish(200);
  await engine.settled();
  const burst = client.positions.length;
  assert.ok(burst > 0 && burst <= 11, `${burst} came at once`);
  for (let change = 0; change < 20; change++) {
    const place = engine.fanout.change(
      subscriber,
      engine.filters("a", `other${change}`),
      subscriber.flow,
    );
    engine.fanout.resume(subscriber, place);
    await engine.publish(1);
    await engine.settled();
  }
  assert.equal(client.positions.length, burst);
});

test("who has caught up falls behind as anyone does, however old what it began with was", async () => {
  let nowMs = Date.now() + 3_600_000;
  await using engine = await TestEngine.open({ now: () => nowMs });
  await engine.publish(3);
  await engine.settled();
  const client = engine.attach(new TestClient(), { place: START });
  await until("the past", () => client.positions.length === 3);
  await until("the present", () => client.subscriber?.catchingUp === false);
  nowMs = Date.now();
  assert.equal(client.subscriber?.startLagMs, 0);
});

test("a gap that counts no matches counts offsets", async () => {
  let nowMs = Date.now();
  const options = { ringBytes: 262_144, behindAfterMs: 200 };
  await using engine = await TestEngine.open({ options, now: () => nowMs });
  const client = new TestClient();
  client.takesOne = true;
  engine.attach(client, { whenBehind: "latest" });
  engine.ready(client, 0);
  for (let at = 0; at < 10; at++) {
    await engine.publish(1, { k: `k${at % 3}` });
    await engine.publish(4, { kind: "b" });
  }
  await engine.settled();
  nowMs += 1000;
  engine.ready(client, 1);
  await until("the conflated gap", () => client.gaps.length === 1);
  // What is left of it leaves the ring.
  for (let round = 0; round < 60; round++)
    await engine.publish(10, { kind: "b", padding: "x".repeat(200) });
  await engine.settled();
  engine.ready(client, 1);
  await until("the gap of what has left", () => client.gaps.length === 2);
  const [conflated, behind] = client.gaps;
  assert.deepEqual([conflated?.reason, conflated?.count, conflated?.exact], ["conflated", 7, true]);
  assert.equal(behind?.exact, false);
  assert.equal(behind?.count, (behind?.to["0"] ?? 0) - (behind?.from["0"] ?? 0));
});

test("conflation takes an event's key once, whoever falls behind", async () => {
  let nowMs = Date.now();
  await using engine = await TestEngine.open({
    options: { behindAfterMs: 200 },
    now: () => nowMs,
  });
  const { stream } = engine;
  let taken = 0;
  const latestBy = stream.latestBy;
  Object.assign(stream, {
    latestBy: (...given: Parameters<NonNullable<typeof latestBy>>) => {
      taken += 1;
      return latestBy?.(...given);
    },
  });
  const clients = Array.from({ length: 5 }, () => {
    const client = new TestClient();
    client.takesOne = true;
    engine.attach(client, { whenBehind: "latest" });
    engine.ready(client, 0);
    return client;
  });
  for (let at = 0; at < 50; at++) await engine.publish(1, { k: `k${at % 20}` });
  await engine.settled();
  nowMs += 1000;
  for (const client of clients) {
    for (let write = 0; client.positions.length < 20; write++) {
      assert.ok(write < 60);
      engine.ready(client, 1);
      await engine.settled();
    }
    assert.deepEqual(
      client.gaps.map(({ count }) => count),
      [30],
    );
  }
  assert.equal(taken, 50);
});

test("broadcasts that the ring holds are owed, however many they are", async () => {
  const stream = ownedThings();
  await using engine = await TestEngine.open({ stream });
  const client = new TestClient();
  engine.attach(client, { filters: toOwner(stream), whenBehind: "wait" });
  engine.ready(client, 0);
  const count = 5000;
  for (let first = 0; first < count; first += 500) await broadcast(engine, first, 500);
  await engine.settled();
  engine.ready(client, Number.POSITIVE_INFINITY);
  await until("all broadcasts", () => client.positions.length === count);
});

test("a gap counts the broadcasts that have left the ring", async () => {
  const stream = ownedThings();
  await using engine = await TestEngine.open({ stream, options: { ringBytes: 262_144 } });
  const client = engine.attach(new TestClient(), { filters: toOwner(stream) });
  engine.ready(client, 0);
  await broadcast(engine, 0, 200);
  await engine.settled();
  for (let first = 200; first < 2200; first += 100) {
    await publishThings(engine, "made", "other", first, 100);
    await engine.settled();
  }
  engine.ready(client, Number.POSITIVE_INFINITY);
  await until("the gap", () => client.gaps.length === 1);
  assert.deepEqual([client.gaps[0]?.count, client.gaps[0]?.exact], [200, true]);
  assert.deepEqual(client.positions, []);
});
