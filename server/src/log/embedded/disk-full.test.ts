import assert from "node:assert/strict";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import { smallDisk } from "../../../../test/faults/small-disk.ts";
import { defaultsOf } from "../../option.ts";
import { logOptions } from "../options.ts";
import { openEmbeddedLog } from "./embedded-log.ts";

const DISK_BYTES = 24 * 1024 * 1024;
const BLOCK = 100_000;

test("F17: a full disk refuses, keeps all that was acknowledged, and takes again when there is space", async (t) => {
  await using disk = await smallDisk(DISK_BYTES);
  if (disk === undefined) return t.skip("a small disk cannot be mounted here");
  const filler = join(disk.path, "filler");
  await writeFile(filler, Buffer.alloc(DISK_BYTES / 2, 1));
  const options = { ...defaultsOf(logOptions), retentionCheckMs: 10 };
  await using log = await openEmbeddedLog({ dataDir: disk.path, options, now: Date.now });
  await log.createTopic("t", { partitions: 2, retentionBytes: 1_000_000_000 });

  const acknowledged: { readonly partition: number; readonly offset: number; byte: number }[] = [];
  const refused: unknown[] = [];
  const append = async (byte: number): Promise<void> => {
    const partition = byte % 2;
    try {
      const value = new Uint8Array(BLOCK).fill(byte);
      const { firstOffset } = await log.append("t", partition, [{ key: null, value }]);
      acknowledged.push({ partition, offset: firstOffset, byte });
    } catch (caught) {
      refused.push(caught);
    }
  };
  for (let byte = 0; byte < 240; byte += 3)
    await Promise.all([append(byte), append(byte + 1), append(byte + 2)]);

  const { bavail, bsize } = await statfs(disk.path);
  assert.ok(bavail * bsize < 4 * BLOCK, "the disk was not full");
  assert.ok(acknowledged.length > 20 && refused.length > 20);
  for (const caught of refused) {
    assert.ok(caught instanceof PenstockError);
    assert.equal(caught.code, "disk_full");
    assert.equal(caught.status, 503);
    assert.ok((caught.retryAfterMs ?? 0) > 0);
  }
  await log.retain(Date.now());

  await rm(filler);
  const before = refused.length;
  for (let byte = 240; byte < 256; byte++) await append(byte);
  assert.equal(refused.length, before, "refused though there was space");

  const heads = await log.heads("t");
  assert.equal(
    heads.reduce((sum, head) => sum + head, 0),
    acknowledged.length,
    "what was refused left something",
  );
  for (const { partition, offset, byte } of acknowledged) {
    const limits = { recordsMax: 1, bytesMax: 1 };
    const [record] = (await log.read("t", partition, offset, limits)).records;
    assert.equal(record?.offset, offset);
    assert.ok(record.value.length === BLOCK && record.value.every((found) => found === byte));
  }
});

test("F17: a log that cannot be made for want of space says so", async (t) => {
  await using disk = await smallDisk(64 * 1024);
  if (disk === undefined) return t.skip("a small disk cannot be mounted here");
  await writeFile(join(disk.path, "filler"), Buffer.alloc(32 * 1024, 1));
  const init = { dataDir: disk.path, options: defaultsOf(logOptions), now: Date.now };
  await assert.rejects(openEmbeddedLog(init), (caught) => {
    return PenstockError.from(caught).code === "disk_full";
  });
});

test("F17: a log whose disk filled up while it was closed says so, and opens when there is space", async (t) => {
  await using disk = await smallDisk(DISK_BYTES);
  if (disk === undefined) return t.skip("a small disk cannot be mounted here");
  const init = { dataDir: disk.path, options: defaultsOf(logOptions), now: Date.now };
  const before = await openEmbeddedLog(init);
  await before.createTopic("t", { partitions: 1 });
  await before.append("t", 0, [{ key: null, value: new Uint8Array(BLOCK) }]);
  await before[Symbol.asyncDispose]();

  const filler = join(disk.path, "filler");
  await assert.rejects(writeFile(filler, Buffer.alloc(DISK_BYTES)), { code: "ENOSPC" });
  await assert.rejects(openEmbeddedLog(init), (caught) => {
    return PenstockError.from(caught).code === "disk_full";
  });

  await rm(filler);
  await using log = await openEmbeddedLog(init);
  assert.deepEqual(await log.heads("t"), [1]);
});
