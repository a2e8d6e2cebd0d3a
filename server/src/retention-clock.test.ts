import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DiskDatabase } from "./disk-database.ts";
import { openEmbeddedLog } from "./log/index.ts";
import { logOptions } from "./log/options.ts";
import { defaultsOf } from "./option.ts";
import { followClock, RetentionClock } from "./retention-clock.ts";

const START_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** A world whose clock, and whose time, the test sets. */
class World {
  clockMs = START_MS;
  uptimeMs = 1000;

  pass(ms: number): void {
    this.clockMs += ms;
    this.uptimeMs += ms;
  }
}

test("time is the clock's while the clock goes as time does", () => {
  let last = followClock(undefined, START_MS, 0);
  for (const passedMs of [30_000, 0, 8 * HOUR_MS, 10]) {
    const nowMs = last.timeMs + passedMs;
    last = followClock(last, nowMs, last.uptimeMs + passedMs);
    assert.equal(last.timeMs, nowMs);
  }
});

test("a clock that jumps forward is followed at twice the pace, and back at once", () => {
  const jumped = followClock({ timeMs: START_MS, uptimeMs: 0 }, START_MS + YEAR_MS, 0);
  assert.equal(jumped.timeMs, START_MS);
  const later = followClock(jumped, START_MS + YEAR_MS + HOUR_MS, HOUR_MS);
  assert.equal(later.timeMs, START_MS + 2 * HOUR_MS);
  const mended = followClock(later, START_MS + HOUR_MS, HOUR_MS);
  assert.equal(mended.timeMs, START_MS + HOUR_MS);
});

test("a machine that was off catches up", () => {
  let last = followClock({ timeMs: START_MS, uptimeMs: YEAR_MS }, START_MS + HOUR_MS, 10);
  assert.equal(last.timeMs, START_MS);
  last = followClock(last, START_MS + 2 * HOUR_MS, 10 + HOUR_MS);
  assert.equal(last.timeMs, START_MS + 2 * HOUR_MS);
});

test("all processes of a database go by one time, also those that start behind a jump", async () => {
  const folder = await mkdtemp(join(tmpdir(), "penstock-clock-"));
  const world = new World();
  const database = new DiskDatabase(folder);
  try {
    const told: number[] = [];
    const open = (): RetentionClock =>
      new RetentionClock({
        database,
        now: () => world.clockMs,
        uptimeMs: () => world.uptimeMs,
        tell: (aheadMs) => told.push(aheadMs),
      });
    const first = open();
    assert.equal(await first.read(), START_MS);
    world.clockMs += YEAR_MS;
    assert.equal(await first.read(), START_MS);
    assert.equal(await first.read(), START_MS);
    assert.deepEqual(told, [YEAR_MS], "it is told once");
    assert.equal(await open().read(), START_MS);
    world.clockMs -= YEAR_MS;
    world.pass(1000);
    assert.equal(await open().read(), START_MS + 1000);
  } finally {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test("a jump of the clock deletes nothing of the log, and what is old still goes in its time", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-clock-"));
  const world = new World();
  try {
    await using log = await openEmbeddedLog({
      dataDir,
      options: { ...defaultsOf(logOptions), retentionCheckMs: 10 },
      now: () => world.clockMs,
      uptimeMs: () => world.uptimeMs,
    });
    const value = Buffer.alloc(2000);
    const append = async (topic: string): Promise<unknown> =>
      await log.append(topic, 0, [{ key: null, value }]);
    await log.createTopic("timed", { partitions: 1, retentionMs: HOUR_MS });
    await log.createTopic("witness", { partitions: 1, retentionBytes: 1 });
    /** Resolves once a run of retention has looked at all topics as they are now. */
    const retained = async (): Promise<void> => {
      for (let runs = 0; runs < 2; runs++) {
        await append("witness");
        for (;;) {
          const [[floor], [head]] = [await log.floors("witness"), await log.heads("witness")];
          if (floor === head) break;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    await append("timed");
    await retained();
    world.clockMs += 10 * YEAR_MS;
    await retained();
    assert.deepEqual(await log.floors("timed"), [0]);
    world.pass(HOUR_MS / 2 - 1000);
    await retained();
    assert.deepEqual(await log.floors("timed"), [0]);
    world.pass(2000);
    await retained();
    assert.deepEqual(await log.floors("timed"), [1]);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
