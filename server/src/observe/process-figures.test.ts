import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricSample } from "./observer.ts";
import { ProcessFigures } from "./process-figures.ts";

function samplesOf(process: string, delivered: number, open: number): readonly MetricSample[] {
  return [
    {
      name: "delivered_total",
      help: "",
      kind: "counter",
      values: [{ labels: { stream: "tweets" }, value: delivered }],
    },
    { name: "open", help: "", kind: "gauge", values: [{ labels: {}, value: open }] },
    {
      name: "cpu_seconds_total",
      help: "",
      kind: "counter",
      values: [{ labels: { process }, value: 1 }],
    },
    {
      name: "seconds",
      help: "",
      kind: "histogram",
      values: [],
      buckets: { bounds: [1], counts: [delivered, 0], sum: delivered / 2 },
    },
  ];
}

function read(figures: ProcessFigures) {
  const merged = new Map(figures.merged().map((sample) => [sample.name, sample]));
  return {
    delivered: merged.get("delivered_total")?.values[0]?.value,
    open: merged.get("open")?.values[0]?.value ?? 0,
    processes: merged.get("cpu_seconds_total")?.values.map(({ labels }) => labels.process),
    seconds: merged.get("seconds")?.buckets,
  };
}

test("what a process counted that is gone stays counted, and what it held does not", () => {
  const figures = new ProcessFigures();
  figures.take("a", samplesOf("a", 3, 5));
  figures.take("b", samplesOf("b", 4, 6));
  figures.take("a", samplesOf("a", 10, 5));
  figures.leave("a");
  const alone = read(figures);
  assert.equal(alone.delivered, 14);
  assert.equal(alone.open, 6);
  assert.deepEqual(alone.processes, ["b"]);
  assert.deepEqual(alone.seconds, { bounds: [1], counts: [14, 0], sum: 7 });
  figures.take("c", samplesOf("c", 1, 1));
  figures.leave("b");
  figures.leave("unknown");
  assert.equal(read(figures).delivered, 15);
  assert.equal(read(figures).open, 1);
});

test("an older answer that comes behind a process's last word does not count", () => {
  const figures = new ProcessFigures();
  figures.take("a", samplesOf("a", 3, 5));
  figures.takeLast({ name: "a", samples: samplesOf("a", 10, 0) });
  figures.take("a", samplesOf("a", 7, 5));
  assert.equal(read(figures).delivered, 10);
  figures.leave("a");
  assert.equal(read(figures).delivered, 10);
});
