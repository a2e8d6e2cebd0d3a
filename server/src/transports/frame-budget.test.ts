import assert from "node:assert/strict";
import { test } from "node:test";
import { takeFrame } from "./frame-budget.ts";

/** How many frames of a size are taken at once. */
function burst(bytes: number, perSecond: number): number {
  let due: number | undefined = 0;
  for (let taken = 0; ; taken++) {
    due = takeFrame(due, 5000, perSecond, bytes);
    if (due === undefined) return taken;
  }
}

test("frames may come in a burst of two seconds' worth, and large ones count as several", () => {
  assert.equal(burst(0, 50), 101);
  assert.equal(burst(16 * 1024 - 1, 50), 101);
  assert.equal(burst(16 * 1024, 50), 51);
  assert.equal(burst(1024 * 1024, 50), 2);
});

test("a frame is taken again once its time has come", () => {
  const due = takeFrame(0, 1000, 1, 2 * 16 * 1024);
  assert.equal(due, 4000);
  assert.equal(takeFrame(due, 1999, 1, 0), undefined);
  assert.equal(takeFrame(due, 2000, 1, 0), 5000);
});
