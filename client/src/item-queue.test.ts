import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Item, ItemQueue } from "./item-queue.ts";

test("it behaves as a plain list does, but of cursors in a row keeps the last", () => {
  const characters = fc.nat(100);
  const action = fc.oneof(
    fc.record({ does: fc.constantFrom("event", "cursor"), characters }),
    fc.record({ does: fc.constantFrom("take", "clear"), characters }),
  );
  const [countMax, charactersMax] = [8, 400];
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const queue = new ItemQueue<number>({ countMax, charactersMax });
      let list: { readonly item: Item<number>; readonly characters: number }[] = [];
      for (const [at, one] of actions.entries()) {
        if (one.does === "take") assert.equal(queue.take(), list.shift()?.item);
        else if (one.does === "clear") {
          queue.clear();
          list = [];
        } else {
          const item: Item<number> =
            one.does === "event"
              ? { kind: "event", event: at }
              : { kind: "cursor", cursor: String(at) };
          queue.put(item, one.characters);
          if (item.kind === "cursor" && list.at(-1)?.item.kind === "cursor") list.pop();
          list.push({ item, characters: one.characters });
        }
        const count = list.filter(({ item }) => item.kind !== "cursor").length;
        const sum = list.reduce((before, { characters: more }) => before + more, 0);
        for (const share of [0.25, 0.5, 1]) {
          const isFull = count >= countMax * share || sum >= charactersMax * share;
          assert.equal(queue.fills(share), isFull);
        }
      }
    }),
  );
});
