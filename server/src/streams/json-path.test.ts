import assert from "node:assert/strict";
import { test } from "node:test";
import { type JsonPath, parseJsonPath, valuesAt, without } from "./json-path.ts";

const at = (value: unknown, text: string) => valuesAt(value, parseJsonPath(text) as JsonPath);

test("a path names members, indices, every item, and members with odd names", () => {
  assert.deepEqual(parseJsonPath("$.a.b_c-d[0][*]['odd name'].e"), [
    "a",
    "b_c-d",
    0,
    "*",
    "odd name",
    "e",
  ]);
  assert.deepEqual(parseJsonPath("$"), []);
});

test("a text that is no path is told from one", () => {
  for (const text of [
    "",
    "a",
    ".a",
    "$a",
    "$.",
    "$..a",
    "$.a.",
    "$.a[",
    "$.a[-1]",
    "$.a[x]",
    "$.1a",
    "$.a b",
  ])
    assert.equal(parseJsonPath(text), undefined, text);
});

test("values are found in members, in items and through both", () => {
  const value = { a: { b: 1 }, list: [{ b: 2 }, { b: 3 }, { c: 4 }, 5], "odd name": 6, nil: null };
  assert.deepEqual(at(value, "$.a.b"), [1]);
  assert.deepEqual(at(value, "$.list[*].b"), [2, 3]);
  assert.deepEqual(at(value, "$.list[1].b"), [3]);
  assert.deepEqual(at(value, "$.list[9].b"), []);
  assert.deepEqual(at(value, "$['odd name']"), [6]);
  assert.deepEqual(at(value, "$.nil"), []);
  assert.deepEqual(at(value, "$.a.b.c"), []);
  assert.deepEqual(at(value, "$.list.length"), []);
  assert.deepEqual(at(value, "$.constructor"), []);
});

test("a value without a path is another value, and the rest of it the same", () => {
  const value = { a: { b: 1, c: 2 }, list: [{ b: 2, d: 1 }, { b: 3 }] };
  const copy = structuredClone(value);
  const less = (text: string) => without(value, parseJsonPath(text) as JsonPath);
  assert.deepEqual(less("$.a.b"), { ...value, a: { c: 2 } });
  assert.equal(JSON.stringify(less("$.a.b")).indexOf('"a"'), 1, "what stays keeps its place");
  assert.deepEqual(less("$.a"), { list: value.list });
  assert.deepEqual(less("$.list[*].b"), { ...value, list: [{ d: 1 }, {}] });
  assert.deepEqual(less("$.list[0].b"), { ...value, list: [{ d: 1 }, { b: 3 }] });
  assert.deepEqual(less("$.x.y"), value);
  assert.deepEqual(value, copy);
});
