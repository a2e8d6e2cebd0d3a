import assert from "node:assert/strict";
import { test } from "node:test";
import { Tombstones } from "./tombstones.ts";

const source = (offset: number) => ({ generation: 0, offset, index: 0, last: true });

test("content is hidden that came before its deletion, and no other", () => {
  const tombstones = new Tombstones();
  tombstones.add("a", source(5), 0);
  tombstones.add("a", source(3), 0);
  assert.equal(tombstones.hides({ contentKey: "a", source: source(4) }), true);
  assert.equal(tombstones.hides({ contentKey: "a", source: source(6) }), false);
  assert.equal(tombstones.hides({ contentKey: "b", source: source(1) }), false);
  assert.equal(tombstones.hides({ contentKey: undefined, source: source(1) }), false);
});

test("a deletion is let go of once it is older than what it deletes can be", () => {
  const tombstones = new Tombstones(100);
  for (let at = 0; at < 1000; at++) tombstones.add(`c${at}`, source(at + 1), at);
  assert.equal(tombstones.size, 101);
  // One that is deleted again is as new as that.
  tombstones.add("c900", source(5000), 1000);
  tombstones.add("late", source(6000), 1050);
  assert.equal(tombstones.hides({ contentKey: "c900", source: source(4000) }), true);
  assert.equal(tombstones.hides({ contentKey: "c949", source: source(1) }), false);
});
