import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Database } from "lmdb";
import { DiskDatabase } from "./disk-database.ts";

/**
 * Does to a database what a process does that opens it while another commits: what it read of the
 * newest commit before is put down as the newest.
 */
function openLate(path: string, commits: number): void {
  const program = `
    const { openSync, readSync, writeSync } = require("node:fs");
    const file = openSync(process.argv[1], "r+");
    const bytes = Buffer.alloc(8);
    readSync(file, bytes, 0, 8, 8);
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE() - ${commits}n);
    writeSync(file, bytes, 0, 8, 8);
  `;
  const { status } = spawnSync(process.execPath, ["-e", program, join(path, "lock.mdb")]);
  assert.equal(status, 0);
}

async function withDatabase(
  act: (path: string, database: DiskDatabase, table: Database<number, string>) => Promise<void>,
): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "penstock-rollback-"));
  const database = new DiskDatabase(path);
  try {
    await act(path, database, database.table("numbers", "json"));
  } finally {
    await database.close();
    await rm(path, { recursive: true, force: true });
  }
}

const contents = (database: DiskDatabase, table: Database<number, string>): string[] => {
  database.refresh();
  return [...table.getKeys()];
};

describe("a database that another process sets back as it opens it", () => {
  test("loses no commit to the next one", () =>
    withDatabase(async (path, database, table) => {
      for (const [at, key] of ["a", "b", "c", "d"].entries()) {
        await database.write(() => table.putSync(key, at));
        openLate(path, 1 + (at % 2));
        if (at === 0) assert.deepEqual(contents(database, table), [], "it was not set back");
      }
      await database.write(() => table.putSync("e", 4));
      assert.deepEqual(contents(database, table), ["a", "b", "c", "d", "e"]);
    }));

  test("is whole again for everyone once it is opened anew", () =>
    withDatabase(async (path, database, table) => {
      await database.write(() => table.putSync("a", 1));
      openLate(path, 1);
      assert.deepEqual(contents(database, table), []);
      const module = JSON.stringify(import.meta.resolve("./disk-database.ts"));
      const program = `
        const { DiskDatabase } = await import(${module});
        const database = new DiskDatabase(${JSON.stringify(path)});
        console.log([...database.table("numbers", "json").getKeys()].join());
        await database.close();
      `;
      const other = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        encoding: "utf8",
      });
      assert.equal(other.stdout.trim(), "a", other.stderr);
      assert.deepEqual(contents(database, table), ["a"]);
    }));
});
