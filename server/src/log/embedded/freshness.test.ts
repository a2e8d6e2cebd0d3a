import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { defaultsOf } from "../../option.ts";
import { logOptions } from "../options.ts";
import { openEmbeddedLog } from "./embedded-log.ts";

const moduleUrl = (path: string) => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));

/** Appends one record in a process of its own, before this turn of the event loop goes on. */
function appendMeanwhile(dataDir: string): void {
  const program = `
    const { openEmbeddedLog } = await import(${moduleUrl("./embedded-log.ts")});
    const { logOptions } = await import(${moduleUrl("../options.ts")});
    const { defaultsOf } = await import(${moduleUrl("../../option.ts")});
    const log = await openEmbeddedLog({
      dataDir: ${JSON.stringify(dataDir)}, options: defaultsOf(logOptions), now: Date.now,
    });
    await log.append("t", 0, [{ key: null, value: Buffer.from("x") }]);
    await log[Symbol.asyncDispose]();
  `;
  const args = ["--input-type=module", "-e", program];
  const { status } = spawnSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  assert.equal(status, 0);
}

test("what is asked later in one turn of the event loop is no older than the asking", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-freshness-"));
  try {
    const options = defaultsOf(logOptions);
    await using log = await openEmbeddedLog({ dataDir, options, now: Date.now });
    await log.createTopic("t", { partitions: 1 });
    // All in one turn: what was read first must not be what is read again.
    const before = log.heads("t");
    appendMeanwhile(dataDir);
    const after = log.heads("t");
    const read = log.read("t", 0, 0, { recordsMax: 10, bytesMax: 1000 });
    appendMeanwhile(dataDir);
    const offset = log.offsetAt("t", 0, Number.MAX_SAFE_INTEGER);
    assert.deepEqual(await before, [0]);
    assert.deepEqual(await after, [1]);
    assert.equal((await read).records.length, 1);
    assert.equal(await offset, 2);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
