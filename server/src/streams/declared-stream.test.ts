import assert from "node:assert/strict";
import { test } from "node:test";
import { type DomainEvent, PenstockError } from "@penstock-dev/contract";
import { parse } from "yaml";
import type { LogRecord } from "../log/index.ts";
import { declaredStream } from "./declared-stream.ts";
import type { Stream, StreamEvent } from "./stream.ts";

const ORDERS = `
topic: shop.orders.v1
noun: order
event_type: $.type
id: $.order_id
fields:
  customer_ids: { path: $.customer.id, kind: exact }
  tags: { path: "$.tags[*]", kind: set }
  skus: { path: "$.lines[*].sku", kind: set }
  first_sku: { path: "$.lines[0].sku" }
  title: { path: $.title, kind: text, description: What was bought. }
  amount: { path: $.total, kind: range }
  paid: { path: $.paid }
  email: { path: $.customer.email }
  region: { header: region }
omit: [$.customer.email]
latest_by: [customer_ids]
`;

const orders = (more = ""): Stream => declaredStream("orders", parse(ORDERS + more), 4);

function record(value: unknown, headers: Record<string, string> = {}): LogRecord {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return { offset: 17, timestampMs: 1, key: null, value: Buffer.from(text), headers };
}

function eventOf(stream: Stream, value: unknown, headers?: Record<string, string>): StreamEvent {
  const decoded = stream.decode(record(value, headers));
  assert.equal(decoded.kind, "event");
  return decoded.kind === "event" ? decoded.event : assert.fail();
}

const taken = (stream: Stream, event: DomainEvent, field: string) =>
  stream.fields.get(field)?.take(event);

const ORDER = {
  type: "paid",
  order_id: "o7",
  customer: { id: "c1", email: "a@example.org" },
  tags: ["gift", "big"],
  lines: [{ sku: "s1" }, { sku: "s2" }, {}],
  title: "Two lamps",
  total: 19.9,
  paid: true,
};

test("a record becomes an event under the noun, with its type and its id", () => {
  const event = eventOf(orders(), ORDER);
  assert.equal(event.event_type, "paid");
  assert.equal(event.id, "o7");
  assert.equal(event.noun, "order");
  assert.equal(event.source, undefined);
  const { customer, ...rest } = ORDER;
  const shown = { ...rest, customer: { id: customer.id } };
  assert.deepEqual(event.payload, shown);
  assert.deepEqual(JSON.parse(`{${event.tail}`), { id: "o7", order: shown });
});

test("fields are taken by path and by header, also of what is omitted", () => {
  const stream = orders();
  const event = eventOf(stream, ORDER, { region: "eu" });
  assert.deepEqual(taken(stream, event, "customer_ids"), ["c1"]);
  assert.deepEqual(taken(stream, event, "tags"), ["gift", "big"]);
  assert.deepEqual(taken(stream, event, "skus"), ["s1", "s2"]);
  assert.deepEqual(taken(stream, event, "first_sku"), ["s1"]);
  assert.deepEqual(taken(stream, event, "amount"), ["19.9"]);
  assert.deepEqual(taken(stream, event, "paid"), ["true"]);
  assert.deepEqual(taken(stream, event, "email"), ["a@example.org"]);
  assert.equal(taken(stream, event, "region"), "eu");
  assert.equal(taken(stream, event, "event_types"), "paid");
  assert.ok(!event.tail.includes("example.org"));
});

test("what a record lacks is no value, and names of prototypes are no members", () => {
  const stream = declaredStream(
    "odd",
    {
      topic: "odd",
      fields: { a: { path: "$.a" }, c: { path: "$.constructor.name" }, h: { header: "toString" } },
    },
    1,
  );
  const event = eventOf(stream, '{"a": null, "__proto__": {"b": 1}}');
  for (const field of ["a", "c", "h"]) assert.equal(taken(stream, event, field), undefined);
});

test("a record without the path of its type has the noun as type", () => {
  assert.equal(eventOf(orders(), { order_id: "1" }).event_type, "order");
  assert.equal(eventOf(orders(), { order_id: "1", type: 7 }).event_type, "order");
});

test("types are open, unless they are listed", () => {
  assert.equal(orders().fields.get("event_types")?.values, undefined);
  const listed = orders("event_types: [paid, sent]");
  assert.deepEqual(listed.fields.get("event_types")?.values, ["paid", "sent"]);
  assert.deepEqual([...listed.eventTypes.keys()], ["paid", "sent"]);
  const constant = declaredStream("orders", { topic: "t" }, 1);
  assert.deepEqual(constant.fields.get("event_types")?.values, ["order"]);
});

test("the short form of fields is a list of the records' own members", () => {
  const stream = declaredStream("orders", { topic: "t", fields: ["customer_id", "status"] }, 1);
  const event = eventOf(stream, { customer_id: "c1", status: "paid" });
  assert.deepEqual(taken(stream, event, "customer_id"), ["c1"]);
  assert.equal(stream.fields.get("status")?.kind, "exact");
});

test("the latest is the latest of the fields that are named, whether or not there are any", () => {
  const stream = orders();
  const latest = (value: object) => stream.latestBy?.(eventOf(stream, value), 0, 0);
  assert.equal(latest({ customer: { id: "c1" } }), latest({ customer: { id: "c1" }, total: 3 }));
  assert.notEqual(latest({ customer: { id: "c1" } }), latest({ customer: { id: "c2" } }));
  assert.notEqual(latest({}), latest({ customer: { id: "null" } }));
});

test("a record that cannot be read says why, and is never thrown", () => {
  const stream = orders();
  for (const bytes of ["", "{", "nonsense", '{"a":1']) {
    assert.deepEqual(stream.decode(record(bytes)), {
      kind: "unreadable",
      reason: "the record is not JSON",
    });
  }
  for (const value of ["[1]", "7", "null", '"text"']) {
    assert.deepEqual(stream.decode(record(value)), {
      kind: "unreadable",
      reason: "the record is not a JSON object",
    });
  }
});

test("what is posted is kept as it is under its key, and has the id that the answer names", () => {
  const stream = orders("key: $.customer.id");
  const accepted = stream.ingest.accept(ORDER, { nowMs: 1 });
  assert.equal(accepted.id, "o7");
  assert.equal(accepted.key, "c1");
  assert.deepEqual(JSON.parse(Buffer.from(accepted.value).toString()), ORDER);
  const without = stream.ingest.accept({ total: 1 }, { nowMs: 1 });
  assert.equal(without.key, without.id);
  const lying = { offset: 3, timestampMs: 1, key: without.key, value: without.value };
  const decoded = stream.decode({ ...lying, headers: without.headers ?? {} });
  assert.equal(decoded.kind === "event" ? decoded.event.id : undefined, without.id);
});

test("a repeat with the same idempotency key gets the same id", () => {
  const stream = declaredStream("orders", { topic: "t" }, 1);
  const ids = [1, 2].map((nowMs) => stream.ingest.accept({}, { nowMs, idempotencyKey: "k" }).id);
  assert.equal(ids[0], ids[1]);
  assert.notEqual(stream.ingest.accept({}, { nowMs: 1, idempotencyKey: "other" }).id, ids[0]);
});

test("what is posted must be a JSON object", () => {
  for (const value of [[], 1, null, "text"]) {
    assert.throws(
      () => orders().ingest.accept(value, { nowMs: 1 }),
      (caught) => caught instanceof PenstockError && caught.code === "invalid_event",
    );
  }
});
