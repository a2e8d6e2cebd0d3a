import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareSources, formatSource, parseSource, type Source } from "./source.ts";

/** A record as literals make it: with the prototype that objects have. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });

const small = fc.nat({ max: 3 });
const source: fc.Arbitrary<Source> = record({
  generation: small,
  offset: small,
  index: small,
  last: fc.boolean(),
});
const large: fc.Arbitrary<Source> = record({
  generation: fc.nat(),
  offset: fc.maxSafeNat(),
  index: fc.nat({ max: 999_999_999 }),
  last: fc.boolean(),
});

test("a source's text means it", () => {
  fc.assert(
    fc.property(large, (made) => {
      assert.deepEqual(parseSource(formatSource(made)), made);
    }),
  );
  assert.equal(formatSource({ generation: 1, offset: 20, index: 3, last: true }), "1.20.3.1");
});

test("other texts are no sources", () => {
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.2",
    "1.2.3.1.",
    "-1.2.3.1",
    "a.b.c.1",
    "1.2.3.1 ",
    "1..3.1",
  ])
    assert.equal(parseSource(text), undefined, text);
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseSource(text);
      if (parsed !== undefined) assert.match(text, /^\d+\.\d+\.\d+\.[01]$/);
    }),
  );
});

test("sources are in one order: generation, offset, index, last", () => {
  const key = ({ generation, offset, index, last }: Source): number =>
    ((generation * 4 + offset) * 4 + index) * 2 + Number(last);
  fc.assert(
    fc.property(source, source, (a, b) => {
      assert.equal(Math.sign(compareSources(a, b)), Math.sign(key(a) - key(b)));
      assert.equal(Math.sign(compareSources(a, b)), -Math.sign(compareSources(b, a)) + 0);
    }),
    { numRuns: 1000 },
  );
});
