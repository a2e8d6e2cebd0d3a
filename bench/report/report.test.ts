import assert from "node:assert/strict";
import { test } from "node:test";
import type { Result } from "../harness/scenario.ts";
import { markdown } from "./markdown.ts";
import { drawPlot } from "./plot.ts";
import { linearScale, logScale } from "./scale.ts";
import { element, text } from "./svg.ts";

test("elements and texts are escaped, and a figure that is none is refused", () => {
  assert.equal(element("g", { "data-a": 'x"<' }), '<g data-a="x&quot;&lt;"/>');
  assert.equal(text("a < b & c", { x: 1.005 }), '<text x="1">a &lt; b &amp; c</text>');
  assert.throws(() => element("g", { x: Number.NaN }), RangeError);
});

test("a linear scale begins at 0 and ends at a round number not below the greatest value", () => {
  const { at, ticks } = linearScale(13, 100, 0);
  assert.deepEqual(ticks, [0, 5, 10, 15]);
  assert.equal(at(0), 100);
  assert.equal(at(15), 0);
});

test("a logarithmic scale goes by powers of ten", () => {
  const { at, ticks } = logScale(0.07, 6000, 0, 500);
  assert.deepEqual(
    ticks.map((tick) => Number(tick.toPrecision(3))),
    [0.01, 0.1, 1, 10, 100, 1000, 10_000],
  );
  assert.ok(Math.abs(at(1) - (500 * 2) / 6) < 1e-9);
});

test("lines keep their order along the axis, and higher values stand higher", () => {
  const svg = drawPlot({
    name: "p",
    title: "a & b",
    x: "x",
    y: "y",
    series: [
      {
        name: "one",
        points: [
          [1, 1],
          [2, 4],
        ],
      },
    ],
  });
  const [, points = ""] = /<polyline points="([^"]+)"/.exec(svg) ?? [];
  const [[x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = points
    .split(" ")
    .map((point) => point.split(",").map(Number));
  assert.ok(x2 > x1 && y2 < y1);
  assert.ok(svg.includes("a &amp; b"));
});

test("bars stand on the axis, as high as their values", () => {
  const series = [{ name: "one", points: [["a", 2] as const, ["b", 4] as const] }];
  const svg = drawPlot({ name: "p", title: "t", x: "x", y: "y", series });
  const heights = [...svg.matchAll(/<rect x="[^"]+" y="[^"]+" width="46" height="([^"]+)"/g)];
  const [low = 0, high = 0] = heights.map(([, height]) => Number(height));
  assert.equal(heights.length, 2);
  assert.ok(Math.abs(high - 2 * low) < 0.02);
});

test("a goal that is not met is told as that, and a scenario that failed is not passed over", () => {
  const result: Result = {
    scenario: "one",
    title: "something",
    state: "done",
    notes: [],
    figures: [],
    goals: [{ name: "cost", value: 1.11, unit: "x", atMost: 1.1, min: 1, max: 1.2 }],
    size: "full",
    seed: 1,
    startedAt: "2026-01-01T00:00:00.000Z",
    seconds: 1,
    machine: { cpu: "c", cores: 2, memoryGib: 1, kernel: "6" },
    versions: { node: "v24" },
  };
  const failed: Result = {
    ...result,
    scenario: "two",
    state: "failed",
    notes: ["it broke"],
    goals: [],
  };
  const report = markdown([result, failed]);
  assert.match(report, /\| cost \| 1\.11 x \(1 to 1\.2\) \| at most 1\.1 x \| \*\*not met\*\* \|/);
  assert.match(report, /\| \[two\]\(#two\) \| it broke \| +\| +\| failed \|/);
});
