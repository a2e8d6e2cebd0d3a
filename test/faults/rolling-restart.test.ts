/** F16: the workers of a server are stopped and replaced, one after another, under load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "@penstock-dev/simulator";

const WORKERS = 4;

test("F16: a rolling restart loses nothing, and every disconnect was announced", async () => {
  const { problems, faults, unannounced } = await run({
    seed: 16,
    clients: 24,
    seconds: 3,
    rate: 500,
    depths: [1, 2, 5, 12],
    workers: WORKERS,
    faults: new Set(["roll"]),
  });
  assert.deepEqual(problems.slice(0, 10), []);
  assert.ok(faults.rolls >= WORKERS, `${faults.rolls} workers were replaced`);
  assert.deepEqual(unannounced, []);
});
