import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { defaultsOf } from "../../option.ts";
import { logOptions } from "../options.ts";
import { openEmbeddedLog } from "./embedded-log.ts";

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
  test("is raised once where the machine ended with the log open, from the heads on", () =>
    withFolder(async (dataDir) => {
      appendElsewhere(dataDir, "first boot", 3, "killed");
      {
        await using log = await open(dataDir, "second boot");
        assert.equal((await log.describe("t")).generation, 1);
        assert.equal(await log.generationStart("t", 0, 0), 3);
        assert.equal(await log.generationStart("t", 1, 0), 0);
        assert.equal(await log.generationStart("t", 0, 1), undefined);
        await log.append("t", 0, [{ key: null, value: Buffer.from("y") }]);
      }
      appendElsewhere(dataDir, "second boot", 2, "killed");
      await using log = await open(dataDir, "third boot");
      assert.equal((await log.describe("t")).generation, 2);
      assert.equal(await log.generationStart("t", 0, 0), 3);
      assert.equal(await log.generationStart("t", 0, 1), 6);
    }));

  test("stays after a clean end, whatever the boot, and after a kill within one boot", () =>
    withFolder(async (dataDir) => {
      appendElsewhere(dataDir, "first boot", 1, "clean");
      appendElsewhere(dataDir, "second boot", 1, "killed");
      appendElsewhere(dataDir, "second boot", 1, "clean");
      await using log = await open(dataDir, "third boot");
      assert.equal((await log.describe("t")).generation, 0);
      assert.deepEqual(await log.heads("t"), [3, 0]);
    }));

  test("is raised where one opening was left and another was not", () =>
    withFolder(async (dataDir) => {
      const one = await open(dataDir, "first boot");
      await one.createTopic("t", { partitions: 1 });
      const other = await open(dataDir, "first boot");
      await other[Symbol.asyncDispose]();
      // The machine ends here as far as the files tell: the first opening lasts.
      const next = await open(dataDir, "second boot");
      assert.equal((await next.describe("t")).generation, 1);
      assert.equal((await one.describe("t")).generation, 1, "who had it open sees it");
      await next[Symbol.asyncDispose]();
      await one[Symbol.asyncDispose]();
    }));

  test("is raised after any unclean end where the system does not name its boots", () =>
    withFolder(async (dataDir) => {
      appendElsewhere(dataDir, "", 1, "killed");
      const log = await open(dataDir, "");
      assert.equal((await log.describe("t")).generation, 1);
      const other = await open(dataDir, "");
      assert.equal((await other.describe("t")).generation, 1, "another process is no restart");
      await other[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
      await using again = await open(dataDir, "");
      assert.equal((await again.describe("t")).generation, 1);
    }));
});
