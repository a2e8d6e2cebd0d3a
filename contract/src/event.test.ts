import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatPosition, parsePosition } from "./event.ts";
import { isEvent } from "./frames.ts";

test("a position's text means it", () => {
  fc.assert(
    fc.property(fc.nat({ max: 999_999_999 }), fc.maxSafeNat(), (partition, offset) => {
      assert.deepEqual(parsePosition(formatPosition(partition, offset)), { partition, offset });
    }),
  );
  for (const text of ["", ":", "1:", ":1", "1:2:3", "-1:2", "1:-2", "1: 2", "a:b", "1.0:2"])
    assert.equal(parsePosition(text), undefined, text);
});

test("an event is told from a control frame, whatever its noun", () => {
  const event = { event_type: "t", position: "0:1", at: 1, id: "x", type_of: {} };
  assert.equal(isEvent(event), true);
  assert.equal(isEvent({ type: "heartbeat" }), false);
});
