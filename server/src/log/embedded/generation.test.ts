import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { defaultsOf } from "../../option.ts";
import type { Log } from "../log.ts";
import { logOptions } from "../options.ts";
import { openEmbeddedLog } from "./embedded-log.ts";
import { enterRun, leaveRun, startBehind } from "./generation.ts";
import { EMPTY_PARTITION, openStore, type StoredTopic } from "./store.ts";

const LOG = fileURLToPath(new URL("./embedded-log.ts", import.meta.url));
const OPTIONS = fileURLToPath(new URL("../options.ts", import.meta.url));
const OPTION = fileURLToPath(new URL("../../option.ts", import.meta.url));

/** A process of its own that appends some records and ends in one of two ways. */
function appendElsewhere(dataDir: string, bootId: string, count: number, end: "clean" | "killed") {
  const program = `
    const { openEmbeddedLog } = await import(${JSON.stringify(LOG)});
    const { logOptions } = await import(${JSON.stringify(OPTIONS)});
    const { defaultsOf } = await import(${JSON.stringify(OPTION)});
    const log = await openEmbeddedLog({
      dataDir: ${JSON.stringify(dataDir)}, options: defaultsOf(logOptions), now: Date.now,
      bootId: ${JSON.stringify(bootId)},
    });
    await log.createTopic("t", { partitions: 2 });
    for (let at = 0; at < ${count}; at++) await log.append("t", 0, [{ key: null, value: Buffer.from("x") }]);
    if (${end === "killed"}) process.kill(process.pid, "SIGKILL");
    await log[Symbol.asyncDispose]();
  `;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  assert.equal(ended.signal, end === "killed" ? "SIGKILL" : null);
  if (end === "clean") assert.equal(ended.status, 0);
}

async function withFolder(act: (dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-generation-"));
  try {
    await act(dataDir);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

const open = (dataDir: string, bootId: string) =>
  openEmbeddedLog({ dataDir, options: defaultsOf(logOptions), now: Date.now, bootId });

describe("the generation of a topic", () => {
  test("is raised by each opening that finds nobody else, from the heads on", () =>
    withFolder(async (dataDir) => {
      const generations: number[] = [];
      for (const [bootId, end] of [
        ["first boot", "clean"],
        ["first boot", "killed"],
        ["first boot", "clean"],
        ["second boot", "killed"],
        ["third boot", "clean"],
        ["", "killed"],
        ["", "clean"],
      ] as const) {
        appendElsewhere(dataDir, bootId, 3, end);
        await using log = await open(dataDir, bootId);
        const { generation } = await log.describe("t");
        const [head = 0] = await log.heads("t");
        assert.equal(await log.generationStart("t", 0, generation), undefined);
        // What a cursor of each generation before may mean ends where the next one began.
        assert.equal(await log.generationStart("t", 0, 0), 3);
        for (const [at, before] of generations.entries())
          assert.equal(await log.generationStart("t", 0, before), 3 * (at + 1));
        assert.ok(generation > (generations.at(-1) ?? 0));
        assert.equal(head, 3 * (generations.length + 1));
        generations.push(generation);
      }
    }));

  test("stays while anybody has the log open", () =>
    withFolder(async (dataDir) => {
      await using one = await open(dataDir, "first boot");
      await one.createTopic("t", { partitions: 1 });
      const other = await open(dataDir, "first boot");
      assert.equal((await other.describe("t")).generation, 0);
      await other[Symbol.asyncDispose]();
      appendElsewhere(dataDir, "first boot", 1, "killed");
      await using again = await open(dataDir, "first boot");
      assert.equal((await again.describe("t")).generation, 0);
    }));

  test("is raised where the machine ended, though it seems that somebody has the log open", () =>
    withFolder(async (dataDir) => {
      const one = await open(dataDir, "first boot");
      await one.createTopic("t", { partitions: 1 });
      // The machine ends here as far as the files tell: the first opening lasts.
      const next = await open(dataDir, "second boot");
      const { generation } = await next.describe("t");
      assert.ok(generation > 0);
      assert.equal((await one.describe("t")).generation, generation, "who had it open sees it");
      await next[Symbol.asyncDispose]();
      await one[Symbol.asyncDispose]();
    }));

  test("is another one in each future of the same files", () =>
    withFolder(async (dataDir) => {
      let nowMs = 1_700_000_000_000;
      const openNow = (path: string) =>
        openEmbeddedLog({ dataDir: path, options: defaultsOf(logOptions), now: () => nowMs });
      const append = async (log: Log, count: number): Promise<void> => {
        for (let at = 0; at < count; at++)
          await log.append("t", 0, [{ key: null, value: Buffer.from("x") }]);
      };
      {
        await using log = await openNow(join(dataDir, "one"));
        await log.createTopic("t", { partitions: 1 });
        await append(log, 3);
      }
      await cp(join(dataDir, "one"), join(dataDir, "other"), { recursive: true });
      const generations: number[] = [];
      for (const path of ["one", "other"]) {
        nowMs += 1000;
        await using log = await openNow(join(dataDir, path));
        await append(log, 5);
        generations.push((await log.describe("t")).generation);
      }
      const [lost = 0, kept = 0] = generations;
      await using log = await openNow(join(dataDir, "other"));
      assert.equal(await log.generationStart("t", 0, lost), 3);
      assert.equal(await log.generationStart("t", 0, kept), 8);
    }));

  test("is remembered a thousand times, and what is forgotten bounds the more", () =>
    withFolder(async (dataDir) => {
      let nowMs = 0;
      const openings = 1005;
      const generations: number[] = [];
      const store = await openStore(dataDir);
      try {
        const topic = {
          topic: "t",
          number: 1,
          partitions: 1,
          logId: "x",
          generation: 0,
          starts: [],
        };
        await store.database.write(() => store.topics.putSync("t", topic));
        for (let at = 0; at < openings; at++) {
          nowMs += 10;
          await leaveRun(store, await enterRun(store, "", nowMs));
          const stored = store.topics.get("t") as StoredTopic;
          generations.push(stored.generation);
          const state = { ...EMPTY_PARTITION, head: at + 1 };
          await store.database.write(() => store.partitions.putSync([1, 0], state));
        }
        const stored = store.topics.get("t") as StoredTopic;
        assert.equal(stored.starts.length, 1000);
        assert.equal(stored.generations?.length, 1000);
        for (const [at, generation] of generations.slice(0, -1).entries()) {
          const [start = 0] = startBehind(stored, generation) ?? [];
          assert.ok(start <= at + 1, "a cursor may mean what it did not mean");
          if (at > openings - 900) assert.equal(start, at + 1);
        }
      } finally {
        await store.database.close();
      }
    }));

  test("is read where generations had no numbers yet", () => {
    const starts = [[3], [6]];
    const topic = { topic: "t", number: 1, partitions: 1, logId: "x", generation: 2, starts };
    assert.deepEqual(startBehind(topic, 0), [3]);
    assert.deepEqual(startBehind(topic, 1), [6]);
    assert.equal(startBehind(topic, 2), undefined);
  });
});
