/** Recordings of real chains and posts, replayed at full speed to a thousand clients. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Fault, replay } from "@penstock-dev/simulator";

const shared = process.env.PENSTOCK_SHARED ?? join(import.meta.dirname, "../../shared");
const data = (name: string): string => join(shared, "data", name);
const recordings = {
  tweets: [data("tweets-2017-08-27.jsonl.gz")],
  chains: [
    data("ethereum-blocks-receipts-17686110-17686132.jsonl.gz"),
    data("bitcoin-blocks.jsonl.gz"),
  ],
};
const missing = [...recordings.tweets, ...recordings.chains].filter((path) => !existsSync(path));
const skip = missing.length > 0 ? `there is no ${missing[0]}` : false;

const variants: readonly { readonly name: string; readonly faults: readonly Fault[] }[] = [
  { name: "undisturbed", faults: [] },
  { name: "with every client cut at random moments", faults: ["cut"] },
  { name: "with the server killed in the middle", faults: ["cut", "kill"] },
];

for (const [number, { name, faults }] of variants.entries()) {
  test(`a thousand clients get exactly what they asked for, ${name}`, { skip }, async (t) => {
    const report = await replay({
      seed: 100 + number,
      clients: 1000,
      recordings,
      faults: new Set(faults),
      faultSeconds: faults.length === 0 ? 0 : 8,
    });
    assert.deepEqual(report.problems.slice(0, 10), []);
    assert.ok(report.deliveries > 100_000, `there were ${report.deliveries} deliveries`);
    if (faults.includes("cut")) assert.ok(report.cuts > 1000, `there were ${report.cuts} cuts`);
    const { problems: _, ...counts } = report;
    t.diagnostic(JSON.stringify(counts));
  });
}
