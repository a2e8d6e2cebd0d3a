import assert from "node:assert/strict";
import { test } from "node:test";
import { asDomain, type Domain, PenstockError } from "@penstock-dev/contract";
import { tweets } from "@penstock-dev/domain-tweets";
import type { LogRecord, NewRecord } from "../log/index.ts";
import { encodeEvent, encodeProgress, sourceOf, stateFromOf } from "./record-codec.ts";
import { typedStream } from "./typed-stream.ts";

const stream = typedStream("tweets", tweets, { partitions: 4 });

const lying = ({ key, value, headers = {} }: NewRecord): LogRecord => ({
  offset: 5,
  timestampMs: 1,
  key,
  value,
  headers,
});

const EVENT = {
  event_type: "new_tweet",
  id: "t1",
  noun: "tweet",
  payload: { id: "t1", user_id: "u1", text: 'ẞ \u2028 "quoted"', hashtags: ["a"] },
};
const SOURCE = { generation: 0, offset: 12, index: 0, last: true };

test("an enriched record is read as the event that was written, with its source", () => {
  const record = lying(encodeEvent(EVENT, "u1", SOURCE, 3));
  assert.deepEqual(sourceOf(record), SOURCE);
  assert.equal(stateFromOf(record), 3);
  const decoded = stream.decode(record);
  assert.equal(decoded.kind, "event");
  if (decoded.kind !== "event") return;
  const { source, contentKey, tail, isAllInTail, ...event } = decoded.event;
  assert.deepEqual(event, EVENT);
  assert.equal(isAllInTail, true);
  assert.deepEqual(source, SOURCE);
  assert.equal(contentKey, '["u1","t1"]');
  assert.deepEqual(JSON.parse(`{${tail}`), { id: "t1", tweet: EVENT.payload });
});

test("an undo keeps its mark, and a deletion its routes", () => {
  const routes = [{ fields: { user_ids: ["hash"] }, partial: true as const }];
  const decoded = stream.decode(
    lying(encodeEvent({ ...EVENT, removed: true, routes }, "u1", SOURCE, 3)),
  );
  assert.equal(decoded.kind === "event" && decoded.event.removed, true);
  assert.equal(decoded.kind === "event" && decoded.event.isAllInTail, false);
  assert.deepEqual(decoded.kind === "event" && decoded.event.routes, routes);
  assert.ok(decoded.kind === "event" && decoded.event.tail.startsWith('"id":"t1","removed":true,'));
});

test("a progress record holds nothing for anyone, and names its source", () => {
  assert.deepEqual(stream.decode(lying(encodeProgress(SOURCE, 3))), {
    kind: "control",
    source: SOURCE,
  });
});

test("a record of the enriched topic that is no event of the stream is unreadable", () => {
  const wrong = [
    "{",
    "null",
    "[]",
    "7",
    '{"event_type":"new_tweet","id":7,"tweet":{}}',
    '{"event_type":"other","id":"1","tweet":{}}',
    '{"event_type":"new_tweet","id":"1","tweet":[]}',
    '{"event_type":"new_tweet","id":"1"}',
  ];
  for (const text of wrong) {
    const decoded = stream.decode(lying({ key: "k", value: Buffer.from(text) }));
    assert.equal(decoded.kind, "unreadable", text);
  }
});

test("what is posted is checked, completed and keyed by the domain", () => {
  const accepted = stream.ingest.accept({ user_id: "u1", text: "a #b" }, { nowMs: 0 });
  assert.equal(accepted.key, "u1");
  const raw = JSON.parse(Buffer.from(accepted.value).toString()) as Record<string, unknown>;
  assert.equal(raw.id, accepted.id);
  assert.equal(raw.timestamp, "1970-01-01T00:00:00.000Z");
  assert.throws(
    () => stream.ingest.accept({ user_id: "u1", txt: "a" }, { nowMs: 0 }),
    (caught) =>
      caught instanceof PenstockError &&
      caught.code === "invalid_event" &&
      caught.errors.some(({ path, did_you_mean }) => path === "/txt" && did_you_mean === "text"),
  );
});

test("a domain without a process serves its raw records, and names what it cannot read", () => {
  interface Note {
    readonly id: string;
    readonly text: string;
  }
  const notes: Domain<Note> = {
    name: "notes",
    description: "Notes.",
    topics: { raw: "notes", enriched: "notes" },
    ingest: {
      schema: {},
      parse: (value) => {
        const note = value as Partial<Note>;
        return typeof note.id === "string" && typeof note.text === "string"
          ? { ok: true, value: { id: note.id, text: note.text } }
          : { ok: false, errors: [{ path: "/text", message: "must be a text" }] };
      },
      complete: (raw) => raw,
      key: ({ id }) => id,
      id: ({ id }) => id,
    },
    event_types: { note: { noun: "note", description: "A note.", schema: {} } },
    fields: {},
  };
  const served = typedStream("notes", asDomain(notes), { partitions: 1 });
  assert.equal(served.topic, served.ingestTopic);
  const decode = (text: string) => served.decode(lying({ key: null, value: Buffer.from(text) }));
  const decoded = decode('{"id":"n1","text":"hello"}');
  assert.equal(decoded.kind === "event" && decoded.event.event_type, "note");
  assert.deepEqual(decoded.kind === "event" && decoded.event.payload, { id: "n1", text: "hello" });
  assert.deepEqual(decode('{"id":"n1"}'), { kind: "unreadable", reason: "/text must be a text" });
  assert.deepEqual(decode("{"), { kind: "unreadable", reason: "the record is not JSON" });
});
