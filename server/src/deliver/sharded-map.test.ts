import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ShardedMap } from "./sharded-map.ts";

test("a sharded map holds what a map holds, whatever comes and goes", () => {
  const key = fc.oneof(fc.string(), fc.string({ minLength: 60, maxLength: 200 }), fc.constant(""));
  const step = fc.record({ key, kind: fc.constantFrom("set", "set", "delete"), value: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const map = new Map<string, number>();
      const sharded = new ShardedMap<number>();
      for (const one of steps) {
        if (one.kind === "set") {
          map.set(one.key, one.value);
          sharded.set(one.key, one.value);
        } else {
          assert.equal(sharded.delete(one.key), map.delete(one.key));
        }
        assert.equal(sharded.get(one.key), map.get(one.key));
      }
      assert.equal(sharded.size, map.size);
      assert.deepEqual([...sharded.values()].sort(), [...map.values()].sort());
    }),
  );
});

test("keys that differ in a few characters are spread", () => {
  const sharded = new ShardedMap<number>();
  const prefix = "x".repeat(100);
  for (let number = 0; number < 20_000; number++)
    sharded.set(`{"${prefix}":["user${number}"],"lang":["en"]}`, number);
  assert.equal(sharded.size, 20_000);
  assert.ok(sharded.largestShard < 400, `${sharded.largestShard} keys are in one map`);
});
