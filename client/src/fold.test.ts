import assert from "node:assert/strict";
import { test } from "node:test";
import { Fold } from "./fold.ts";

const event = (id: string, partition = 0, more: object = {}) => ({
  event_type: "thing",
  position: `${partition}:1`,
  at: 0,
  id,
  ...more,
});
const undo = (id: string, partition = 0) => event(id, partition, { removed: true });

test("an undo or a deletion is given once, and only of what was given", () => {
  const fold = new Fold();
  assert.equal(fold.takes(undo("a")), false);
  assert.equal(fold.takes(event("a")), true);
  assert.equal(fold.takes(undo("a", 1)), false);
  assert.equal(fold.takes(undo("a")), true);
  assert.equal(fold.takes(undo("a")), false);
  assert.equal(fold.takes(event("a")), true);
  assert.equal(fold.takes(event("a", 0, { event_type: "delete" })), true);
});

test("where it cannot know, it gives an undo rather than losing it", () => {
  const resumed = new Fold(false);
  assert.equal(resumed.takes(undo("from before")), true);
  const small = new Fold(true, 2);
  for (const id of ["a", "b", "c"]) small.takes(event(id));
  assert.equal(small.takes(undo("a")), true);
  assert.equal(small.takes(undo("c")), true);
  assert.deepEqual(small.clear(), ["b"]);
  assert.equal(small.takes(undo("b")), false);
});

test("dropping names what came from the partitions", () => {
  const fold = new Fold();
  fold.takes(event("a", 0));
  fold.takes(event("b", 1));
  assert.deepEqual(fold.drop(["1", "7"]), ["b"]);
  assert.equal(fold.takes(undo("b", 1)), false);
  assert.equal(fold.takes(undo("a", 0)), true);
});
