import assert from "node:assert/strict";
import { test } from "node:test";
import { hashTerm } from "@penstock-dev/contract";
import fc from "fast-check";
import { directMessages } from "./index.ts";
import { apply, createState, stateFrom, WINDOW_RECORDS } from "./process.ts";
import type { RawRecord } from "./raw-record.ts";

const message: RawRecord = { id: "m1", from: "ann", to: "bob", text: "hello" };
const read: RawRecord = { type: "read", id: "m1", from: "ann", to: "bob" };
const deletion: RawRecord = { type: "delete", id: "m1", from: "ann", to: "bob" };

/** What records give, one after the other; each as its event types. */
function told(records: readonly RawRecord[]): string[] {
  const state = createState();
  return records.map((raw, offset) =>
    apply(raw, state, offset)
      .enriched.map(({ event_type }) => event_type)
      .join(),
  );
}

test("each record is an event once, and nothing comes of what was deleted", () => {
  assert.deepEqual(told([message, read, message, deletion, deletion, read, message]), [
    ...["message", "read", "", "delete", "", "", ""],
  ]);
});

test("a deletion that is before its message keeps it from coming", () => {
  assert.deepEqual(told([deletion, message]), ["delete", ""]);
});

test("nobody deletes what another wrote", () => {
  const state = createState();
  const theirs = { ...message, from: "bob", to: "ann" };
  const [hidden] = apply(deletion, state, 0).tombstones ?? [];
  const [event] = apply(theirs, state, 1).enriched;
  assert.ok(event !== undefined);
  assert.notEqual(directMessages.contentKey?.(event), hidden);
});

test("a deletion takes along whom its message could reach, as long as the window holds it", () => {
  const state = createState();
  apply(message, state, 0);
  const [near] = apply(deletion, state, WINDOW_RECORDS - 1).enriched;
  assert.deepEqual(near?.routes?.[0]?.fields.keywords, [hashTerm("hello")]);
  assert.equal(near?.routes?.[0]?.partial, undefined);

  const other = createState();
  apply(message, other, 0);
  const [far] = apply(deletion, other, WINDOW_RECORDS).enriched;
  assert.equal(far?.routes?.[0]?.partial, true);
  assert.deepEqual(far?.routes?.[0]?.fields.participants, [hashTerm("ann"), hashTerm("bob")]);
});

test("both directions of a conversation have one key, and no others", () => {
  const key = (from: string, to: string) => directMessages.ingest.key({ from, to, text: "x" });
  assert.equal(key("ann", "bob"), key("bob", "ann"));
  assert.notEqual(key("a", "b,c"), key("a,b", "c"));
});

test("after any records the state is that of the window from stateFrom on", () => {
  const records = fc.array(
    fc.record({
      after: fc.integer({ min: 1, max: WINDOW_RECORDS / 2 }),
      id: fc.constantFrom("m1", "m2"),
      type: fc.constantFrom(undefined, "read", "delete"),
    }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(records, (drawn) => {
      let offset = 0;
      const world = drawn.map(({ after, id, type }) => {
        offset += after;
        const raw = { ...(type === undefined ? message : { ...read, type }), id } as RawRecord;
        return { offset, raw };
      });
      const whole = createState();
      for (const { raw, offset } of world) apply(raw, whole, offset);
      const rebuilt = createState();
      for (const { raw, offset } of world) {
        if (offset >= stateFrom(whole)) apply(raw, rebuilt, offset);
      }
      assert.deepEqual(rebuilt, whole);
    }),
  );
});

test("the demonstration world is made of records that are taken, the same for the same seed", () => {
  const first = (count: number, seed: number) => {
    const records = [];
    for (const record of directMessages.demo?.(seed, 1_767_225_600_000) ?? []) {
      records.push(record);
      if (records.length === count) break;
    }
    return records;
  };
  for (const { raw, afterMs } of first(500, 1)) {
    assert.ok(directMessages.ingest.parse(raw).ok, JSON.stringify(raw));
    assert.ok(afterMs > 0);
  }
  assert.deepEqual(first(50, 1), first(50, 1));
  assert.notDeepEqual(first(50, 1), first(50, 2));
});
