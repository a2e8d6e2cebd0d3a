import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkerPool } from "./worker-pool.ts";

const MODULE = new URL("./test-worker.ts", import.meta.url);

/** A pool of two; the starts that fail, or never end, are told by their number, from 1. */
async function startPool(failing: readonly number[], hanging: readonly number[] = []) {
  let starts = 0;
  const gone: string[] = [];
  const told: string[] = [];
  const pool = await WorkerPool.start({
    count: 2,
    module: MODULE,
    startMessage: () => {
      starts += 1;
      return { fails: failing.includes(starts), hangs: hanging.includes(starts) };
    },
    handlers: {},
    stopTimeoutMs: 5000,
    gone: (name) => gone.push(name),
    tell: (_level, message) => told.push(message),
  });
  return { pool, gone, told, starts: () => starts };
}

async function pids(pool: WorkerPool): Promise<number[]> {
  return (await pool.callAll<number>("pid")).map(({ value }) => value);
}

/** Looks again and again until two workers answer that are none of some others. */
async function twoBesides(pool: WorkerPool, others: readonly number[]): Promise<number[]> {
  for (;;) {
    const found = (await pids(pool)).filter((pid) => !others.includes(pid));
    if (found.length === 2) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("a worker that dies is told of, and another takes its place", async () => {
  const { pool: started, gone, told } = await startPool([]);
  await using pool = started;
  const [first, second] = await pids(pool);
  process.kill(first as number, "SIGKILL");
  const now = await twoBesides(pool, [first as number]);
  assert.ok(now.includes(second as number));
  assert.equal(gone.length, 1);
  assert.deepEqual(told, ["a worker died; another takes its place"]);
  assert.equal(pool.restarts, 1);
  await pool[Symbol.asyncDispose]();
  assert.ok(now.every((pid) => !isRunning(pid)));
});

test("a worker that was stopped is replaced, and no error", async () => {
  const { pool: started, told } = await startPool([]);
  await using pool = started;
  const [first] = await pids(pool);
  process.kill(first as number, "SIGTERM");
  await twoBesides(pool, [first as number]);
  assert.deepEqual(told, ["a worker stopped; another takes its place"]);
});

test("a worker that cannot start holds no place: others are tried until one serves", async () => {
  const { pool: started, told } = await startPool([3, 4]);
  await using pool = started;
  const [first] = await pids(pool);
  process.kill(first as number, "SIGKILL");
  const failures = () => told.filter((message) => message.includes("could not be started")).length;
  while (failures() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  await twoBesides(pool, [first as number]);
  assert.equal(pool.restarts, 3);
});

test("a pool whose workers cannot start says why, and leaves none behind", async () => {
  await assert.rejects(startPool([1, 2]), /./);
});

test("a worker that is stopped before it serves is no failure", async () => {
  const { pool, told, starts } = await startPool([], [3]);
  const [first] = await pids(pool);
  process.kill(first as number, "SIGKILL");
  while (starts() < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  await pool[Symbol.asyncDispose]();
  assert.deepEqual(told, ["a worker died; another takes its place"]);
});
