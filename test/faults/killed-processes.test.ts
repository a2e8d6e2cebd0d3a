/** F1 and F2: processes of a server with several are killed with -9, under load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fault, type RunReport, run } from "@penstock-dev/simulator";

const WORKERS = 4;

/** Posts and chains flow to clients of all transports while a fault happens: the oracle judges them. */
async function survives(seed: number, fault: Fault): Promise<RunReport> {
  const report = await run({
    seed,
    clients: 24,
    seconds: 2,
    rate: 500,
    depths: [1, 2, 5, 12],
    workers: WORKERS,
    faults: new Set([fault]),
  });
  assert.deepEqual(report.problems.slice(0, 10), []);
  return report;
}

test("F1: a worker is killed: its clients go on with another, and miss nothing", async () => {
  const { faults, unannounced } = await survives(1, "worker");
  assert.ok(faults.workerKills > 0);
  assert.ok(unannounced.length > 0, "nobody was connected to what was killed");
});

test("F2: all processes are killed at once, and start again", async () => {
  const { faults, resent, unannounced } = await survives(2, "kill");
  assert.ok(faults.kills > 0);
  assert.ok(unannounced.length > 0, "nobody was connected to what was killed");
  assert.ok(resent > 0, "nobody published meanwhile");
});

test("F2: the first process is killed alone: its workers leave, and it starts again", async () => {
  const { faults, resent, unannounced } = await survives(3, "orphan");
  assert.ok(faults.orphanings > 0);
  assert.ok(resent > 0, "nobody published meanwhile");
  assert.deepEqual(unannounced, [], "the workers left their clients without a word");
});
