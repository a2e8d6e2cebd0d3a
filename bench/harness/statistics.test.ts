import assert from "node:assert/strict";
import { test } from "node:test";
import { LatencyHistogram } from "./latency-histogram.ts";
import { median, quantile, ratio, spread } from "./statistics.ts";

test("a median is the middle, or between the two middles", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), RangeError);
});

test("a quantile is the nearest rank", () => {
  const values = Array.from({ length: 100 }, (_, at) => 100 - at);
  assert.equal(quantile(values, 0.99), 99);
  assert.equal(quantile(values, 1), 100);
  assert.equal(quantile([7], 0.5), 7);
});

test("a ratio compares round with round, so that a slow round harms neither side", () => {
  assert.deepEqual(ratio([2, 20, 2], [1, 10, 1]), spread([2, 2, 2]));
  assert.throws(() => ratio([1], [1, 2]), RangeError);
});

test("a histogram's quantiles are right within a bucket, also when it was put together", () => {
  const low = new LatencyHistogram();
  const high = new LatencyHistogram();
  for (let micros = 1; micros <= 1000; micros++) (micros <= 500 ? low : high).record(micros);
  low.add(structuredClone({ counts: high.counts, max: high.max }));
  assert.equal(low.count, 1000);
  for (const part of [0.1, 0.5, 0.99]) {
    const found = low.quantile(part) / (part * 1000);
    assert.ok(found > 0.97 && found < 1.03, `${part}: ${found}`);
  }
  assert.equal(low.quantile(1), 1000);
});
