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

/** Processes that serve the clients, where several do. */
const WORKERS = 4;

/** Every fault comes with every other; a server of its own process, which can be killed, costs more. */
function faultsOf(seed: number): ReadonlySet<Fault> {
  if (seed % 9 === 0) return new Set(["cut", "filters", "kill"]);
  if (seed % 18 === 5) return new Set(["cut", "filters", "takeover", "worker", "slow"]);
  if (seed === 13) return new Set(["filters", "takeover", "drop", "worker"]);
  const faults: readonly Fault[][] = [
    ["cut", "filters"],
    ["cut", "filters", "slow", "takeover"],
    ["cut", "filters", "restart"],
    ["cut", "takeover", "restart", "slow"],
  ];
  return new Set(faults[seed % faults.length]);
}

/** Several processes where one of them is killed, and for some of the others. */
function workersOf(seed: number, faults: ReadonlySet<Fault>): number {
  return faults.has("worker") || seed % 18 === 11 ? WORKERS : 0;
}

suite("the oracle", { concurrency: 2 }, () => {
  const seeds = [...Array.from({ length: SEEDS }, (_, at) => at + 1), ...REGRESSIONS];
  for (const seed of seeds) {
    const faults = faultsOf(seed);
    const workers = workersOf(seed, faults);
    test(`seed ${seed}: ${[...faults].join(", ")} (${workers} workers)`, async () => {
      const report = await run({
        seed,
        clients: 16,
        workers,
        seconds: faults.has("kill") || workers > 0 ? 3 : 1.2,
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
