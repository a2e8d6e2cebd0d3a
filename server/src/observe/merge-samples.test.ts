import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeSamples } from "./merge-samples.ts";
import type { MetricSample } from "./observer.ts";

const sample = (init: Partial<MetricSample>): MetricSample => ({
  name: "events_total",
  help: "Events.",
  kind: "counter",
  values: [],
  ...init,
});

test("values with the same labels are added up, and others stand beside each other", () => {
  const merged = mergeSamples([
    [sample({ values: [{ labels: { a: "1", b: "2" }, value: 3 }] })],
    [
      sample({
        values: [
          { labels: { b: "2", a: "1" }, value: 4 },
          { labels: { a: "2" }, value: 5 },
        ],
      }),
      sample({ name: "other", values: [{ labels: {}, value: 1 }] }),
    ],
  ]);
  assert.deepEqual(
    merged.map(({ name, values }) => [name, values.map(({ value }) => value)]),
    [
      ["events_total", [7, 5]],
      ["other", [1]],
    ],
  );
});

test("what is a state of all, and no sum, is the greatest", () => {
  const lag = (value: number): MetricSample =>
    sample({ name: "lag", kind: "gauge", combine: "max", values: [{ labels: {}, value }] });
  assert.equal(mergeSamples([[lag(2)], [lag(9)], [lag(4)]])[0]?.values[0]?.value, 9);
});

test("histograms are added up bucket by bucket", () => {
  const histogram = (counts: readonly number[], sum: number): MetricSample =>
    sample({ kind: "histogram", buckets: { bounds: [1, 2], counts, sum } });
  const [merged] = mergeSamples([[histogram([1, 2, 3], 10)], [histogram([4, 5, 6], 20)]]);
  assert.deepEqual([...Array.from(merged?.buckets?.counts ?? [])], [5, 7, 9]);
  assert.equal(merged?.buckets?.sum, 30);
});
