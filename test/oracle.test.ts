/**
 * The oracle over many seeds: a filter change, a reorg, a deletion and a reconnect in any order,
 * while connections are cut, clients stall, and the server is stopped or killed. A seed that ever
 * fails stays in `REGRESSIONS`.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Fault, run } from "@penstock-dev/simulator";

const SEEDS = 54;
const REGRESSIONS: readonly number[] = [];
const DEPTHS = [1, 2, 3, 5, 8, 13, 21, 34, 55, 64];

/** Every fault comes with every other; a server of its own process, which can be killed, costs more. */
function faultsOf(seed: number): ReadonlySet<Fault> {
  if (seed % 9 === 0) return new Set(["cut", "filters", "kill"]);
  if (seed % 18 === 5) return new Set(["cut", "filters", "takeover", "worker"]);
  const faults: readonly Fault[][] = [
    ["cut", "filters"],
    ["cut", "filters", "slow", "takeover"],
    ["cut", "filters", "restart"],
    ["cut", "takeover", "restart", "slow"],
  ];
  return new Set(faults[seed % faults.length]);
}

suite("the oracle", { concurrency: 2 }, () => {
  const seeds = [...Array.from({ length: SEEDS }, (_, at) => at + 1), ...REGRESSIONS];
  for (const seed of seeds) {
    const faults = faultsOf(seed);
    test(`seed ${seed}: ${[...faults].join(", ")}`, async () => {
      const report = await run({
        seed,
        clients: 16,
        seconds: faults.has("kill") || faults.has("worker") ? 3 : 1.2,
        rate: 600,
        // Each seed begins elsewhere, so that every depth from shallow to deep is met early.
        depths: DEPTHS.map((_, at) => DEPTHS[(at + seed) % DEPTHS.length] as number),
        faults,
      });
      assert.deepEqual(report.problems.slice(0, 10), []);
      assert.ok(report.deliveries > 0 && report.reorgs > 0 && report.deletions > 0);
    });
  }
  test("a reorg of depth 64 in the middle of cuts and filter changes", async () => {
    const report = await run({
      seed: 64,
      clients: 16,
      seconds: 2,
      rate: 1500,
      depths: [64],
      faults: new Set(["cut", "filters"]),
    });
    assert.deepEqual(report.problems.slice(0, 10), []);
    assert.deepEqual(report.depths, [64]);
  });
});
