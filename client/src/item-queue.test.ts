import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ItemQueue } from "./item-queue.ts";

test("it behaves as a plain list does", () => {
  const action = fc.oneof(
    fc.nat(100).map((size) => ({ does: "push", size }) as const),
    fc.nat(100).map((size) => ({ does: "replace", size }) as const),
    fc.constant({ does: "take" } as const),
    fc.constant({ does: "clear" } as const),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const queue = new ItemQueue<number>((item) => item % 3 !== 0);
      const list: { item: number; size: number }[] = [];
      for (const [item, one] of actions.entries()) {
        if (one.does === "push" || (one.does === "replace" && list.length === 0)) {
          queue.push(item, one.size);
          list.push({ item, size: one.size });
        } else if (one.does === "replace") {
          queue.replaceLast(item, one.size);
          list.splice(-1, 1, { item, size: one.size });
        } else if (one.does === "take") assert.equal(queue.take(), list.shift()?.item);
        else {
          queue.clear();
          list.length = 0;
        }
        assert.equal(queue.count, list.filter(({ item }) => item % 3 !== 0).length);
        assert.equal(queue.last, list.at(-1)?.item);
        assert.equal(
          queue.size,
          list.reduce((sum, { size }) => sum + size, 0),
        );
      }
    }),
  );
});
