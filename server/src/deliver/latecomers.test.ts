/**
 * Clients that replay a long log and come one after the other: those who come just behind the scan
 * that is under way catch up with it, and nobody loses anything or gets it twice.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { parseFilters } from "../filter/index.ts";
import type { EmbeddedLog } from "../log/embedded/embedded-log.ts";
import { temporaryLog } from "../log/temporary-log.ts";
import { defaultsOf } from "../option.ts";
import { ensureTopics, loadStreams } from "../streams/index.ts";
import { Fanout } from "./fanout.ts";
import { makeFlow } from "./flow.ts";
import { JudgedClient, LIMITS, lines } from "./judged-client.ts";
import { deliverOptions } from "./options.ts";
import type { Place } from "./place.ts";
import { Tombstones } from "./tombstones.ts";

const PARTITIONS = 2;
/** Of a partition: far more than a scan may be ahead of those who catch up with it. */
const RECORDS = 25_000;
/** Kinds of the entries, of which each client asks for one. */
const KINDS = 20;

const kindOf = (_partition: number, offset: number): string => `k${offset % KINDS}`;

/** A log that counts the records that are read of it. */
function counted(log: EmbeddedLog): { readonly log: EmbeddedLog; records: number } {
  const counting = { log, records: 0 };
  const read: EmbeddedLog["read"] = async (...args) => {
    const result = await log.read(...args);
    counting.records += result.records.length;
    return result;
  };
  const get = (target: EmbeddedLog, name: keyof EmbeddedLog): unknown => {
    if (name === "read") return read;
    const member = target[name];
    return typeof member === "function" ? member.bind(target) : member;
  };
  return Object.assign(counting, { log: new Proxy(log, { get: get as never }) });
}

async function fill(log: EmbeddedLog, topic: string): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let from = 0; from < RECORDS; from += 1000) {
      const records = Array.from({ length: 1000 }, (_, at) => ({
        key: null,
        value: Buffer.from(`{"kind":"${kindOf(partition, from + at)}"}`),
      }));
      await log.append(topic, partition, records);
    }
  }
}

async function openEngine(temporary: EmbeddedLog) {
  const settings = { orders: { topic: "orders", noun: "order", fields: ["kind"] } };
  const stream = loadStreams(settings, new Map(), PARTITIONS).get("orders");
  assert.ok(stream !== undefined);
  await ensureTopics(temporary, stream, {});
  await fill(temporary, stream.topic);
  const counting = counted(temporary);
  const fanout = await Fanout.open({
    stream,
    topic: stream.topic,
    log: counting.log,
    history: undefined,
    options: defaultsOf(deliverOptions),
    now: Date.now,
    tombstones: new Tombstones(),
    from: await temporary.heads(stream.topic),
  });
  return { stream, fanout, counting };
}

type Engine = Awaited<ReturnType<typeof openEngine>>;

function attach({ fanout, stream }: Engine, kind: string, offsets: readonly number[]) {
  const client = new JudgedClient([kind], kindOf);
  client.next.push(...offsets);
  const place: Place = { offsets, sources: [] };
  client.subscriber = fanout.attach({
    outlet: client,
    clientId: "test",
    filters: parseFilters(stream, { filters: { kind: [kind] } }, LIMITS),
    flow: makeFlow({
      encoding: lines,
      whenBehind: "wait",
      behindAfterMs: 1000,
      maxEventsPerSecond: undefined,
    }),
    place,
    until: undefined,
    ended: () => client.problems.push("was ended"),
  });
  const { subscriber } = client;
  client.drained = () => fanout.ready(subscriber);
  return client;
}

function detach({ fanout }: Engine, client: JudgedClient): void {
  if (client.subscriber === undefined) return;
  const { offsets } = fanout.placeOf(client.subscriber);
  for (const [partition, offset] of offsets.entries()) client.accountTo(partition, offset);
  fanout.detach(client.subscriber);
}

/** The offsets of all partitions before a client. */
function progress({ fanout }: Engine, { subscriber }: JudgedClient): number {
  const { offsets } = fanout.placeOf(subscriber as NonNullable<typeof subscriber>);
  return offsets.reduce((sum, offset) => sum + offset, 0);
}

async function until(isSo: () => boolean): Promise<void> {
  for (let waits = 0; !isSo(); waits++) {
    assert.ok(waits < 6000, "everybody comes to the end of the log");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (const seed of [0, 1, 2]) {
  test(`who comes behind a scan catches up with it (${seed})`, async () => {
    await using temporary = await temporaryLog();
    const engine = await openEngine(temporary.log);
    const first = attach(engine, "k0", [0, 0]);
    const clients = [first];
    const judged = [first];
    while (progress(engine, first) === 0) await turn();
    const readAlone = engine.counting.records;
    const ahead = progress(engine, first);
    for (let came = 1; came < 60; came++) {
      // Some begin where the scan has been, some where it comes to.
      const from = came % 3 === 0 ? (came * 37) % (ahead * 2) : came % 3;
      const client = attach(engine, `k${came % KINDS}`, [from, came % 2 === 0 ? 0 : from]);
      clients.push(client);
      judged.push(client);
      if (came % 7 === seed) client.isOpen = false;
      if (came % 5 === seed) await new Promise((resolve) => setTimeout(resolve, 10));
      if (came % 11 === seed) detach(engine, clients.splice(came % clients.length, 1)[0] ?? first);
    }
    await turn();
    for (const client of clients) {
      client.isOpen = true;
      if (client.subscriber !== undefined) engine.fanout.ready(client.subscriber);
    }
    await until(() => clients.every((one) => progress(engine, one) === PARTITIONS * RECORDS));
    for (const client of clients) detach(engine, client);
    await engine.fanout[Symbol.asyncDispose]();
    assert.deepEqual(judged.flatMap(({ problems }) => problems).slice(0, 10), []);
    assert.equal(engine.fanout.movements.silentSkips, 0);
    const again = engine.counting.records - PARTITIONS * RECORDS;
    assert.ok(
      again < PARTITIONS * RECORDS * 0.5,
      `${again} of ${PARTITIONS * RECORDS} records were read again; ${readAlone} before anybody came`,
    );
  });
}
