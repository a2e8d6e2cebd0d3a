import assert from "node:assert/strict";
import { test } from "node:test";
import { readSince } from "./since.ts";

test("a start is a word, a duration, a day or a time, in UTC unless it says otherwise", () => {
  const starts: readonly (readonly [string, unknown])[] = [
    ["now", "now"],
    ["earliest", "earliest"],
    ["10m", { ago: "10m" }],
    ["2020-01-01", { time: "2020-01-01T00:00:00.000Z" }],
    ["2020-01-01T12:30", { time: "2020-01-01T12:30:00.000Z" }],
    ["2020-01-01 12:30:05.25", { time: "2020-01-01T12:30:05.250Z" }],
    ["2020-01-01T12:30:00z", { time: "2020-01-01T12:30:00.000Z" }],
    ["2020-01-01T00:30:00+02:00", { time: "2019-12-31T22:30:00.000Z" }],
  ];
  for (const [text, start] of starts) assert.deepEqual(readSince(text), start, text);
});

test("anything else is refused", () => {
  const wrong = ["", "5", "2020", "2020-01", "2026-02-31", "2026-13-01", "2020-01-01T25:00", "x"];
  for (const text of wrong) {
    assert.throws(() => readSince(text), /--since must be a duration such as 10m, a day such as/);
  }
});
