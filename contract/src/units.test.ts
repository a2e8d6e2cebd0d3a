import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBytes, parseDurationMs } from "./units.ts";

test("durations", () => {
  for (const [text, ms] of [
    ["0ms", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5s", 1500],
    ["10m", 600_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    [" 5s ", 5000],
  ] as const) {
    assert.equal(parseDurationMs(text), ms, text);
  }
  for (const text of [
    "",
    "5",
    "s",
    "-5s",
    "5 s",
    "5S",
    "5y",
    "1e3s",
    ".5s",
    "5.s",
    "10m5s",
    "NaNs",
  ])
    assert.equal(parseDurationMs(text), undefined, text);
});

test("sizes", () => {
  for (const [text, bytes] of [
    ["512B", 512],
    ["64KiB", 65_536],
    ["1.5MiB", 1_572_864],
    ["10GiB", 10_737_418_240],
    ["1TiB", 2 ** 40],
  ] as const) {
    assert.equal(parseBytes(text), bytes, text);
  }
  for (const text of ["", "5", "KiB", "5KB", "5kib", "-1B", "1 MiB"])
    assert.equal(parseBytes(text), undefined, text);
});
