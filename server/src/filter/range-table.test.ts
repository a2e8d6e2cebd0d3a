/** Rules under spans, held against asking each span. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Numbers } from "./numbers.ts";
import { RangeTable } from "./range-table.ts";

/** Numbers below a limit, the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = Math.imul(state, 1664525) + 1013904223;
    return ((state >>> 8) % limit) | 0;
  };
}

interface Placed {
  readonly rule: number;
  readonly min: number;
  readonly max: number;
}

const listOf = (list: Numbers): number[] =>
  Array.from({ length: list.length }, (_, at) => list.at(at));

const sorted = (rules: readonly number[]): number[] => [...rules].sort((a, b) => a - b);

function check(table: RangeTable, placed: readonly Placed[], point: number): void {
  const inside = new Numbers();
  const atEnd = new Numbers();
  table.collect(point, inside, atEnd);
  const within = placed.filter(({ min, max }) => min < point && point < max);
  const touching = placed.filter(
    ({ min, max }) => (min === point && point <= max) || (max === point && min <= point),
  );
  assert.deepEqual(sorted(listOf(inside)), sorted(within.map(({ rule }) => rule)));
  assert.deepEqual(sorted(listOf(atEnd)), sorted(touching.map(({ rule }) => rule)));
}

test("a point finds the spans that hold it, and apart those that end in it, as spans come and go", () => {
  const table = new RangeTable();
  const below = numbers(3);
  const placed: Placed[] = [];
  const span = (): { readonly min: number; readonly max: number } => {
    const min = below(2000) - 1000;
    return (
      [
        { min, max: min + below(4) },
        { min, max: min + below(3000) / 7 },
        { min, max: Number.POSITIVE_INFINITY },
        { min: Number.NEGATIVE_INFINITY, max: min },
        { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY },
        // Many at one number: more than a block holds.
        { min: 7, max: 7 + below(2) },
      ][below(6)] ?? { min, max: min }
    );
  };
  for (let rule = 1; rule <= 12_000; rule++) {
    const one = { rule, ...span() };
    table.add(one, rule);
    placed.push(one);
    if (below(3) === 0) {
      const [gone] = placed.splice(below(placed.length), 1) as [Placed];
      table.remove(gone, gone.rule);
    }
    if (rule % 400 === 0)
      for (const point of [7, 7.5, below(2000) - 1000]) check(table, placed, point);
  }
  assert.equal(table.size, placed.length);
  while (placed.length > 0) {
    const gone = placed.pop() as Placed;
    table.remove(gone, gone.rule);
    if (placed.length % 1000 === 0) check(table, placed, 7);
  }
  assert.equal(table.size, 0);
});
