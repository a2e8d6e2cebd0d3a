/**
 * The engine of one topic with lanes of more members than a slice writes to, whose sockets refuse,
 * and whose clients leave, come back and change their filters while they are written to.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { parseFilters } from "../filter/index.ts";
import { temporaryLog } from "../log/temporary-log.ts";
import { defaultsOf } from "../option.ts";
import { ensureTopics, loadStreams } from "../streams/index.ts";
import { Fanout } from "./fanout.ts";
import { makeFlow } from "./flow.ts";
import { JudgedClient, LIMITS, lines } from "./judged-client.ts";
import { deliverOptions } from "./options.ts";
import type { Subscriber } from "./subscriber.ts";
import { Tombstones } from "./tombstones.ts";
import type { DeliverOptions } from "./topic-state.ts";

const PARTITIONS = 2;

/** A small generator of numbers in [0, 1): the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** An engine over a topic of its own, with slices as short as they can be. */
async function openEngine(log: Awaited<ReturnType<typeof temporaryLog>>["log"]) {
  const streams = loadStreams(
    { orders: { topic: "orders", noun: "order", fields: ["kind"] } },
    new Map(),
    PARTITIONS,
  );
  const stream = streams.get("orders");
  assert.ok(stream !== undefined);
  await ensureTopics(log, stream, {});
  const options: DeliverOptions = {
    ...defaultsOf(deliverOptions),
    sliceMs: 0,
    ringBytes: 300_000,
    behindAfterMs: 20,
    heartbeatIntervalMs: 300,
  };
  const fanout = await Fanout.open({
    stream,
    topic: stream.topic,
    log,
    history: undefined,
    options,
    now: Date.now,
    tombstones: new Tombstones(),
    from: await log.heads(stream.topic),
  });
  return { stream, fanout, options };
}

for (const seed of [1, 2, 3]) {
  test(`large lanes lose nothing, whoever comes and goes in the middle of a write (seed ${seed})`, async () => {
    const random = randomOf(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    await using temporary = await temporaryLog();
    const { log } = temporary;
    const { stream, fanout, options } = await openEngine(log);
    const published: string[][] = Array.from({ length: PARTITIONS }, () => []);
    const kindOf = (partition: number, offset: number) => published[partition]?.[offset] ?? "";
    const clients = new Set<JudgedClient>();
    const judged: JudgedClient[] = [];

    const attach = (kinds: readonly string[]): JudgedClient => {
      const client = new JudgedClient(kinds, kindOf);
      const place = fanout.head();
      client.next.push(...place.offsets);
      const rate = random() < 0.2 ? 1000 : undefined;
      client.subscriber = fanout.attach({
        outlet: client,
        clientId: "test",
        filters: parseFilters(stream, { filters: { kind: [...kinds] } }, LIMITS),
        flow: makeFlow({
          encoding: lines,
          whenBehind: random() < 0.5 ? "skip" : "wait",
          behindAfterMs: options.behindAfterMs,
          maxEventsPerSecond: rate,
        }),
        place,
        until: undefined,
        ended: () => client.problems.push("was ended"),
      });
      const { subscriber } = client;
      client.drained = () => fanout.ready(subscriber);
      clients.add(client);
      judged.push(client);
      return client;
    };
    const detach = (client: JudgedClient): void => {
      const { subscriber } = client;
      if (subscriber === undefined) return;
      const place = fanout.placeOf(subscriber);
      for (const [partition, offset] of place.offsets.entries())
        client.accountTo(partition, offset);
      fanout.detach(subscriber);
      clients.delete(client);
    };

    for (let made = 0; made < 1200; made++) attach(made % 40 === 0 ? ["b"] : ["a"]);
    for (let round = 0; round < 60; round++) {
      const partition = Math.floor(random() * PARTITIONS);
      const kinds = Array.from({ length: 1 + Math.floor(random() * 30) }, () => pick(["a", "b"]));
      published[partition]?.push(...kinds);
      await log.append(
        "orders",
        partition,
        kinds.map((kind) => ({
          key: null,
          value: Buffer.from(JSON.stringify({ kind, padding: "x".repeat(200) })),
        })),
      );
      for (let step = 0; step < 12; step++) {
        await turn();
        const some = [...clients];
        const chosen = pick(some);
        const what = random();
        if (what < 0.2) detach(chosen);
        else if (what < 0.5) attach([pick(["a", "a", "a", "b"])]);
        else if (what < 0.8) chosen.isOpen = false;
        else {
          chosen.isOpen = true;
          if (chosen.subscriber !== undefined) fanout.ready(chosen.subscriber);
        }
      }
    }
    for (const client of clients) {
      client.isOpen = true;
      if (client.subscriber !== undefined) fanout.ready(client.subscriber);
    }
    const behind = () =>
      [...clients].filter(({ subscriber }) =>
        fanout
          .placeOf(subscriber as Subscriber)
          .offsets.some((offset, partition) => offset < (published[partition]?.length ?? 0)),
      );
    for (let wait = 0; behind().length > 0 && wait < 2400; wait++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    assert.equal(behind().length, 0, "everyone arrives at the head");
    for (const client of [...clients]) detach(client);
    await fanout[Symbol.asyncDispose]();
    assert.deepEqual(judged.flatMap(({ problems }) => problems).slice(0, 10), []);
    assert.equal(fanout.movements.silentSkips, 0);
    const events = judged.reduce((total, client) => total + client.events, 0);
    assert.ok(
      judged.some(({ gaps }) => gaps > 0),
      "somebody fell behind",
    );
    assert.ok(events > 100_000, `${events} events were delivered`);
  });
}
