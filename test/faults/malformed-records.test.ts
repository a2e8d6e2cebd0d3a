/** F17: records in the log that nobody could have ingested: the stream goes on, and says so. */
import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Log } from "../../server/src/log/index.ts";
import { logOptions, openEmbeddedLog } from "../../server/src/log/index.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { serveHere } from "../serve-here.ts";
import { ndjsonDriver } from "../transports/drivers.ts";
import { type Frame, isEvent } from "../transports/transport-driver.ts";

const MIB = 1024 * 1024;
const YAML = `
streams:
  orders:
    topic: shop.orders
    noun: order
    id: $.order_id
    fields:
      customer_id: { path: $.customer.id, kind: exact }
`;

const badUtf8 = (text: string): Buffer => Buffer.from(text.replace("?", "\xff\xfe"), "latin1");

/** What is no JSON object in UTF-8, each in its own way. */
const MALFORMED: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from("{"),
  Buffer.from('"text"'),
  Buffer.from("null"),
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  badUtf8('{"order_id":"bad ?","user_id":"u","text":"bad ?"}'),
  Buffer.from("[".repeat(100_000)),
  Buffer.alloc(10 * MIB, "garbage "),
];

async function append(log: Log, topic: string, values: readonly (Buffer | object)[]) {
  const records = values.map((value) => ({
    key: "k",
    value: Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)),
  }));
  await log.append(topic, 0, records);
}

/** One process for all, or several that serve the clients. */
const WORKERS = [0, 4];

async function withServer(
  workers: number,
  yaml: string | undefined,
  act: (server: {
    readonly url: string;
    readonly log: Log;
    metric(name: string): Promise<number>;
    /** Waits until each process that serves clients has counted what is malformed, and has said so. */
    toldOf(topic: string): Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-malformed-"));
  const said: string[] = [];
  const listen = (message: unknown): void => void said.push(JSON.stringify(message));
  channel("penstock.log").subscribe(listen);
  const flags = { "topics-partitions": "1", workers: String(workers) };
  const server = await serveHere(dataDir, flags, yaml);
  const log = await openEmbeddedLog({ dataDir, options: defaultsOf(logOptions), now: Date.now });
  try {
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
      const values = text.split("\n").filter((line) => line.startsWith(`${name}{`));
      return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    };
    const toldOf = async (topic: string): Promise<void> => {
      const due = MALFORMED.length * Math.max(1, workers);
      while ((await metric("penstock_unreadable_records_total")) < due)
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(await metric("penstock_unreadable_records_total"), due);
      // What a worker says, only its own process hears.
      if (workers > 0) return;
      assert.ok(said.some((line) => line.includes("cannot be read") && line.includes(topic)));
    };
    await act({ url: server.url, log, metric, toldOf });
  } finally {
    await log[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    channel("penstock.log").unsubscribe(listen);
    await rm(dataDir, { recursive: true, force: true });
  }
}

const EVERYTHING = { since: "earliest", when_behind: "wait" };
const idIs = (id: string) => (frame: Frame) => frame.id === id;

for (const workers of WORKERS)
  test(`F17: a topic that is served as it lies goes on past what is malformed (${workers} workers)`, () =>
    withServer(workers, YAML, async ({ url, log, toldOf }) => {
      const live = ndjsonDriver.connect(url, { live: "orders", query: EVERYTHING });
      const filtered = ndjsonDriver.connect(url, {
        live: "orders",
        query: { ...EVERYTHING, customer_id: "c" },
      });
      await append(log, "shop.orders", [{ order_id: "first", customer: { id: "c" } }]);
      for (const value of MALFORMED) await append(log, "shop.orders", [value]);
      const big = { order_id: "big", customer: { id: "c" }, blob: "x".repeat(10 * MIB) };
      await append(log, "shop.orders", [big, { order_id: "last", customer: { id: "c" } }]);
      for (const connection of [live, filtered]) {
        await connection.next(idIs("last"));
        const events = connection.frames.filter(isEvent);
        assert.deepEqual(
          events.map(({ id }) => id),
          ["first", "big", "last"],
        );
        const { blob } = Object(events[1]?.order) as Partial<typeof big>;
        assert.equal(blob?.length, 10 * MIB);
      }
      // Again, read cold.
      const again = ndjsonDriver.connect(url, { live: "orders", query: EVERYTHING });
      await again.next(idIs("last"));
      assert.equal(again.frames.filter(isEvent).length, 3);
      await toldOf("shop.orders");
      for (const connection of [live, filtered, again]) connection.destroy();
    }));

for (const workers of WORKERS)
  test(`F17: processing goes on past what is malformed, and keeps it with the reason (${workers} workers)`, () =>
    withServer(workers, undefined, async ({ url, log, metric, toldOf }) => {
      const live = ndjsonDriver.connect(url, { live: "tweets", query: EVERYTHING });
      const strangers = [
        ...MALFORMED,
        Buffer.from(JSON.stringify({ user_id: 7, text: "x" })),
        Buffer.from(JSON.stringify({ id: "long", user_id: "u", text: "x".repeat(10 * MIB) })),
      ];
      await append(log, "raw_tweets", strangers);
      const post = await fetch(`${url}/v1/ingest/tweets`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id: "after", user_id: "u", text: "after all that" }),
      });
      assert.equal(post.status, 202);
      await live.next(idIs("after"));
      assert.equal(live.frames.filter(isEvent).length, 1);
      const letters = await log.read("raw_tweets.dead", 0, 0, {
        recordsMax: 100,
        bytesMax: 100 * MIB,
      });
      assert.equal(letters.records.length, strangers.length);
      for (const [at, { value, headers }] of letters.records.entries()) {
        assert.ok(strangers[at]?.equals(value), "a dead letter is what was there, to the byte");
        assert.equal(headers.position, `0:${at}`);
        assert.ok((headers.reason ?? "").length > 0 && (headers.reason ?? "").length <= 1000);
      }
      assert.match(letters.records[5]?.headers.reason ?? "", /UTF-8/);
      assert.equal(await metric("penstock_dead_letters_total"), strangers.length);
      live.destroy();

      // What is malformed in the topic that is served, where only processing writes.
      const served = ndjsonDriver.connect(url, { live: "tweets", query: EVERYTHING });
      await served.next(idIs("after"));
      await append(log, "tweets.enriched", MALFORMED);
      await fetch(`${url}/v1/ingest/tweets`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id: "at last", user_id: "u", text: "still there" }),
      });
      await served.next(idIs("at last"));
      await toldOf("tweets.enriched");
      served.destroy();
    }));
