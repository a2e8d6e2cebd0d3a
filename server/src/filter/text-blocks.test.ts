import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TextBlocks } from "./text-blocks.ts";

test("texts are what they were, and no other, however wide their characters and however many go", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 600 }),
    fc.string({ unit: fc.constantFrom("a", "b", "ÿ"), maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(200), text, fc.boolean()), { maxLength: 40 }), (given) => {
      const texts = new TextBlocks();
      const held: { readonly scope: number; readonly text: string; readonly block: number }[] = [];
      for (const [scope, one, isKept] of given) {
        const block = texts.put(scope, one);
        if (isKept) held.push({ scope, text: one, block });
        else texts.give(block);
      }
      for (const one of held) {
        assert.equal(texts.text(one.block), one.text);
        assert.equal(texts.scope(one.block), one.scope);
        for (const [scope, other] of given)
          assert.equal(
            texts.is(one.block, scope, other),
            scope === one.scope && other === one.text,
          );
      }
    }),
  );
});
