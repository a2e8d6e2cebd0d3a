import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalDecimal, compareDecimals, nearestNumber } from "./decimal.ts";

const SCALE = 450;

/** Units of 10^-SCALE: exact, and made from the parts that a decimal was written of. */
interface Written {
  readonly text: string;
  readonly units: bigint;
}

const digits = (max: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: max });

const written: fc.Arbitrary<Written> = fc
  .record({
    sign: fc.constantFrom("", "+", "-"),
    whole: digits(40),
    fraction: fc.option(digits(40), { nil: undefined }),
    exponent: fc.option(fc.integer({ min: -300, max: 300 }), { nil: undefined }),
  })
  .map(({ sign, whole, fraction, exponent }) => {
    const point = fraction === undefined ? "" : `.${fraction}`;
    const shift = SCALE - (fraction ?? "").length + (exponent ?? 0);
    const magnitude = BigInt(whole + (fraction ?? "")) * 10n ** BigInt(shift);
    return {
      text: `${sign}${whole}${point}${exponent === undefined ? "" : `e${exponent}`}`,
      units: sign === "-" ? -magnitude : magnitude,
    };
  });

const canonical = (text: string): string => canonicalDecimal(text) ?? assert.fail(text);

test("decimals of one value have one text, and others another", () => {
  for (const text of ["1.5", "+1.5", "01.50", "15e-1", "0.15E+1", "1.5e0"])
    assert.equal(canonicalDecimal(text), "1.5");
  for (const text of ["0", "-0", "0.000", "-0e7", "+0"]) assert.equal(canonicalDecimal(text), "0");
  assert.equal(canonicalDecimal("1e3"), "1000");
  assert.equal(canonicalDecimal("-12.5e-3"), "-0.0125");
});

test("what is canonical already is, and what nearly is becomes so", () => {
  for (const text of ["0", "7", "10", "0.5", "100.05", "9".repeat(100)])
    assert.equal(canonicalDecimal(text), text);
  for (const [text, wanted] of [
    ["00", "0"],
    ["0.0", "0"],
    ["01", "1"],
    ["1.50", "1.5"],
    ["00.5", "0.5"],
    ["1.", undefined],
    [".5", undefined],
    ["1.5.5", undefined],
    ["", undefined],
    ["9".repeat(101), undefined],
  ] as const)
    assert.equal(canonicalDecimal(text), wanted, text);
});

test("what is no decimal is told from one", () => {
  for (const text of [
    "",
    " 1",
    "1 ",
    ".5",
    "5.",
    "1,5",
    "1e",
    "e5",
    "--1",
    "0x1",
    "NaN",
    "Infinity",
    "1e1.5",
    "1_000",
    "１",
  ])
    assert.equal(canonicalDecimal(text), undefined, text);
  assert.equal(canonicalDecimal(`1${"0".repeat(100)}`), undefined);
});

test("decimals are compared exactly, whatever their size and however they are written", () => {
  fc.assert(
    fc.property(written, written, (a, b) => {
      const compared = Math.sign(compareDecimals(canonical(a.text), canonical(b.text)));
      assert.equal(compared, a.units < b.units ? -1 : a.units > b.units ? 1 : 0);
      assert.equal(compared === 0, canonical(a.text) === canonical(b.text));
    }),
    { numRuns: 3000 },
  );
});

test("a canonical decimal stays as it is", () => {
  fc.assert(
    fc.property(written, ({ text }) => {
      // What has more digits than are read came of an exponent, and is not written by anyone.
      const once = canonical(text);
      if (/^-?\d{1,100}(\.\d{1,100})?$/.test(once)) assert.equal(canonicalDecimal(once), once);
    }),
    { numRuns: 1000 },
  );
});

test("the nearest numbers have the order of the decimals, and are finite", () => {
  fc.assert(
    fc.property(written, written, (a, b) => {
      const [low, high] = [nearestNumber(canonical(a.text)), nearestNumber(canonical(b.text))];
      assert.ok(Number.isFinite(low));
      if (a.units <= b.units) assert.ok(low <= high);
      else assert.ok(low >= high);
    }),
    { numRuns: 2000 },
  );
});
