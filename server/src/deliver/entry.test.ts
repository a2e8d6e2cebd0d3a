import assert from "node:assert/strict";
import { test } from "node:test";
import type { DomainEvent } from "@penstock-dev/contract";
import { tweets } from "@penstock-dev/domain-tweets";
import { encodeEvent, loadStreams, type Stream } from "../streams/index.ts";
import type { Entry } from "./entry.ts";
import type { Encoding } from "./outlet.ts";
import { RecordDecoder } from "./record-decoder.ts";

const stream = loadStreams(undefined, new Map([["tweets", tweets]]), 1).get("tweets") as Stream;

function entryOf(event: DomainEvent): Entry {
  const record = encodeEvent(event, "key", { generation: 0, offset: 7, index: 0, last: true }, 0);
  const { key, value, headers = {} } = record;
  const read = new RecordDecoder(stream, 0, undefined).read({
    offset: 3,
    timestampMs: 1_700_000_000_000,
    key,
    value,
    headers,
  });
  return read.entry as Entry;
}

const post: DomainEvent = {
  event_type: "new_tweet",
  id: "1",
  noun: "tweet",
  payload: {
    id: "1",
    user_id: "7",
    text: 'a "quoted" ßtext 🎈',
    timestamp: "2026-01-01T00:00:00Z",
    hashtags: ["News"],
    retweet_id: null,
  },
};

test("an entry that has settled is the same event, with the same terms", () => {
  const entry = entryOf({ ...post, removed: true });
  const { event, terms } = entry;
  const body = entry.body(undefined);
  entry.settle();
  assert.notEqual(entry.terms, terms, "it did not settle");
  assert.deepEqual(entry.event, event);
  for (const field of ["hashtags", "keywords", "user_ids", "event_types"])
    assert.deepEqual(entry.terms.terms(field), terms.terms(field));
  assert.equal(entry.body(undefined), body);
});

test("what a declared stream takes from a record's headers, or leaves out, is kept", () => {
  const declared = loadStreams(
    {
      orders: {
        topic: "shop.orders",
        noun: "order",
        omit: ["$.email"],
        fields: {
          tenant: { header: "tenant-id", kind: "exact" },
          emails: { path: "$.email", kind: "exact" },
        },
      },
    },
    new Map(),
    1,
  ).get("orders") as Stream;
  const { entry } = new RecordDecoder(declared, 0, undefined).read({
    offset: 3,
    timestampMs: 1_700_000_000_000,
    key: "1",
    value: Buffer.from('{"id":"1","email":"a@b.c"}'),
    headers: { "tenant-id": "two" },
  });
  entry?.settle();
  assert.deepEqual(entry?.terms.terms("tenant"), ["two"]);
  assert.deepEqual(entry?.terms.terms("emails"), ["a@b.c"]);
});

test("what an entry's text does not say is kept", () => {
  const routes = [{ fields: { user_ids: ["abc"] } }];
  for (const event of [
    { ...post, event_type: "delete", payload: { id: "1", user_id: "7" }, routes },
    { ...post, region: "eu" },
  ]) {
    const entry = entryOf(event);
    const read = entry.event;
    entry.settle();
    assert.deepEqual(entry.event, read);
    assert.deepEqual(entry.event.routes, event.routes);
  }
});

test("frames are kept for a few sets of tags, however many clients choose", () => {
  const entry = entryOf(post);
  const encoding: Encoding = {
    name: "lines",
    slot: 0,
    event: (body) => Buffer.from(body),
    control: (_type, json) => Buffer.from(json),
  };
  const sets = Array.from({ length: 100 }, (_, at) => [`tag${at}`]);
  const first = sets.map((tags) => entry.frame(encoding, tags));
  const kept = sets.filter((tags, at) => entry.frame(encoding, tags) === first[at]);
  assert.ok(kept.length > 0 && kept.length < 10, `${kept.length} are kept`);
  for (const [at, tags] of sets.entries()) assert.deepEqual(entry.frame(encoding, tags), first[at]);
});
