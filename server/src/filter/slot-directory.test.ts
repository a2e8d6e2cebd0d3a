import assert from "node:assert/strict";
import { test } from "node:test";
import { HAS_LONGER, idOf, LEADS, SlotDirectory } from "./slot-directory.ts";

const spread = (number: number): number => Math.imul(number + 1, 0x9e3779b1) | 0;

/** Puts ids in, flags some and takes most out again, and holds the directory against a map. */
function agrees(count: number, hashOf: (id: number) => number): void {
  const directory = new SlotDirectory();
  const flags = new Map<number, number>();
  const find = (id: number): number => directory.find(hashOf(id), id ^ 5, -id);
  for (let id = 1; id <= count; id++) {
    assert.equal(find(id), 0);
    directory.add(hashOf(id), id, id ^ 5, -id);
    flags.set(id, 0);
    if (id % 3 === 0) {
      directory.flag(hashOf(id), id, LEADS, true);
      flags.set(id, LEADS);
    }
    if (id % 9 === 0) {
      directory.flag(hashOf(id), id, HAS_LONGER, true);
      directory.flag(hashOf(id), id, LEADS, false);
      flags.set(id, HAS_LONGER);
    }
  }
  const check = (): void => {
    for (let id = 1; id <= count; id++) {
      const flag = flags.get(id);
      assert.equal(find(id), flag === undefined ? 0 : id | flag);
      if (flag === undefined) continue;
      directory.locate(hashOf(id), id);
      assert.deepEqual([directory.firstWord, directory.secondWord], [id ^ 5, -id]);
    }
  };
  check();
  for (let id = 1; id <= count; id++) {
    if (id % 7 === 0) continue;
    directory.delete(hashOf(id), id);
    flags.delete(id);
  }
  check();
}

test("ids are found by hash and words, through growth and deletion", () => {
  agrees(200_000, spread);
});

test("ids of one hash are told apart, and those that share its first bits", () => {
  agrees(900, () => 0x12345678);
  agrees(900, (id) => (0x12345678 & ~0x7ff) | (id & 3));
});

test("all ids of a hash are gone through", () => {
  const directory = new SlotDirectory();
  for (let id = 1; id <= 30; id++) directory.add(id % 3, id, 0, 0);
  const found = new Set<number>();
  for (let ref = directory.findAny(1); ref !== 0; ref = directory.findAny(1, ref))
    found.add(idOf(ref));
  assert.equal(found.size, 10);
  for (const id of found) assert.equal(id % 3, 1);
});
