import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LoopWatch } from "./loop-watch.ts";

/** Holds the thread, with work or asleep. */
function hold(ms: number, works: boolean): void {
  if (!works) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    return;
  }
  const { user, system } = process.threadCpuUsage();
  for (;;) {
    const now = process.threadCpuUsage();
    if (now.user + now.system - user - system >= ms * 1000) return;
  }
}

for (const works of [true, false]) {
  test(`a loop that is held ${works ? "by work" : "and does nothing"} is late, and tells which`, async () => {
    using watch = new LoopWatch();
    await sleep(100);
    watch.read();
    // Two looks of one that is idle lie no further apart.
    hold(300, works);
    await sleep(300);
    const { late, turns } = watch.read();
    assert.ok(late["1"] >= 0.09, `${late["1"]} s late`);
    if (works) assert.ok(turns["1"] >= 0.09, `${turns["1"]} s of CPU`);
    else assert.ok(turns["1"] < late["1"] / 2, `${turns["1"]} s of CPU while it slept`);
    assert.ok(late["0.5"] <= late["0.99"] && late["0.99"] <= late["1"]);
  });
}

test("nothing is told of before the last reading", async () => {
  using watch = new LoopWatch();
  await sleep(60);
  hold(300, true);
  await sleep(300);
  watch.read();
  assert.deepEqual(watch.read().late, { "0.5": 0, "0.99": 0, "1": 0 });
});
