import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import type { LogRecord } from "../log/index.ts";
import { inferStream } from "./infer.ts";
import { loadStreams } from "./load-streams.ts";

function records(values: readonly unknown[]): LogRecord[] {
  return values.map((value, offset) => ({
    offset,
    timestampMs: offset,
    key: null,
    value: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
    headers: {},
  }));
}

interface Inferred {
  readonly streams: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const infer = (topic: string, values: readonly unknown[]): Inferred["streams"] =>
  (parse(inferStream(topic, records(values))) as Inferred).streams;

test("orders are inferred with their id, time, types and the kinds of their fields", () => {
  const values = Array.from({ length: 50 }, (_, number) => ({
    type: number % 3 === 0 ? "paid" : "sent",
    order_id: `o${number}`,
    created_at: "2026-01-01T00:00:00Z",
    customer: { id: `c${number % 5}`, displayName: "Ada of London" },
    tags: ["gift", "big"],
    total: 19.9 + number,
    comment: `please leave number ${number} at the door`,
  }));
  assert.deepEqual(infer("shop.orders.v1", values), {
    orders: {
      topic: "shop.orders.v1",
      noun: "order",
      event_type: "$.type",
      event_types: ["paid", "sent"],
      id: "$.order_id",
      time: "$.created_at",
      fields: {
        order_id: { path: "$.order_id", kind: "exact" },
        customer_id: { path: "$.customer.id", kind: "exact" },
        customer_display_name: { path: "$.customer.displayName", kind: "text" },
        tags: { path: "$.tags[*]", kind: "set" },
        total: { path: "$.total", kind: "range" },
        comment: { path: "$.comment", kind: "text" },
      },
    },
  });
});

test("what stands in an envelope is named without it, and has its type, id and time", () => {
  const values = Array.from({ length: 40 }, (_, number) => ({
    received: 1_700_000_000 + number,
    body: {
      type: "match",
      trade_id: number,
      price: `${number}.5`,
      side: number % 2 === 0 ? "buy" : "sell",
      time: "2026-01-01T00:00:00Z",
    },
  }));
  assert.deepEqual(infer("market.trades", values).trades, {
    topic: "market.trades",
    noun: "trade",
    event_type: "$.body.type",
    event_types: ["match"],
    id: "$.body.trade_id",
    time: "$.body.time",
    fields: {
      received: { path: "$.received", kind: "range" },
      trade_id: { path: "$.body.trade_id", kind: "exact" },
      price: { path: "$.body.price", kind: "range" },
      side: { path: "$.body.side", kind: "exact" },
    },
  });
});

test("it reads as a person would write it: a field in a line", () => {
  const text = inferStream("orders", records([{ tags: ["a"], total: 1 }]));
  assert.match(text, /^ {6}tags: \{ path: .*tags\[\*\].*, kind: set \}$/m);
});

test("decimal texts are ranges, since amounts are often texts", () => {
  const values = Array.from({ length: 20 }, (_, number) => ({
    price: `${number}.50`,
    zip: "0815",
  }));
  const { fields } = infer("ticks", values).ticks ?? {};
  assert.deepEqual(fields, {
    price: { path: "$.price", kind: "range" },
    zip: { path: "$.zip", kind: "exact" },
  });
});

test("records that cannot be read are counted, and the others inferred from", () => {
  const text = inferStream("t", records(["{", "nonsense", { a: "x" }, "[1]"]));
  assert.match(text, /^# 1 of 4 records could be read\.$/m);
  assert.deepEqual(Object.keys(infer("t", ["{", { a: "x" }]).t?.fields as object), ["a"]);
});

test("an id that only some records have, or that repeats, is none", () => {
  const some = [{ id: "1" }, { a: "x" }, { a: "y" }];
  assert.equal(infer("t", some).t?.id, undefined);
});

test("whatever a topic holds, what is inferred can be loaded", () => {
  const member = fc.oneof(
    fc.constantFrom("id", "type", "time", "min_a", "a", "event_types", "limit", "aB", "a_b", "x-y"),
    fc.string({ maxLength: 8 }),
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.string({ maxLength: 12 }),
      fc.double({ noNaN: true }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(member, tie("any"), { maxKeys: 5 }),
    ),
  })).any;
  const topic = fc.oneof(
    fc.constantFrom("shop.streams", "types", "ids.v2", "x.ingest", "9lives", "a..v1", "Ä.Ö"),
    fc.string({ minLength: 1, maxLength: 90 }),
  );
  fc.assert(
    fc.property(topic, fc.array(value, { minLength: 1, maxLength: 8 }), (name, values) => {
      const streams = loadStreams(infer(name, values), new Map(), 4);
      assert.equal(streams.size, 1);
      const [stream] = streams.values();
      assert.equal(stream?.topic, name);
    }),
    { numRuns: 400 },
  );
});
