import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import type { Database } from "lmdb";
import { DiskDatabase } from "./disk-database.ts";

async function withDatabase(
  act: (database: DiskDatabase, table: Database<number, string>) => Promise<void>,
): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "penstock-database-"));
  const database = new DiskDatabase(path);
  try {
    await act(database, database.table("numbers", "json"));
  } finally {
    await database.close();
    await rm(path, { recursive: true, force: true });
  }
}

/** Lets the next commits fail as LMDB does: with a promise that tells why. */
function failCommits(database: DiskDatabase, count: number, why: string): () => number {
  const { root } = database;
  const { transaction } = root;
  let failed = 0;
  root.transaction = (async (act: () => unknown) => {
    if (failed === count) return await transaction.call(root, act);
    failed += 1;
    throw Object.assign(new Error("Commit failed (see commitError for details)"), {
      commitError: Promise.reject(new Error(why)),
    });
  }) as typeof transaction;
  return () => failed;
}

describe("a database on disk", () => {
  test("writes in order, and lets what comes at once share a commit", () =>
    withDatabase(async (database, table) => {
      let commits = 0;
      const { transaction } = database.root;
      database.root.transaction = ((act: () => unknown) => {
        commits += 1;
        return transaction.call(database.root, act);
      }) as typeof transaction;
      const add = () =>
        database.write(() => {
          const next = (table.get("n") ?? 0) + 1;
          table.putSync("n", next);
          return next;
        });
      const results = await Promise.all(Array.from({ length: 500 }, add));
      assert.deepEqual(
        results,
        Array.from({ length: 500 }, (_, at) => at + 1),
      );
      assert.equal(commits, 1);
    }));

  test("an action that throws fails alone", () =>
    withDatabase(async (database, table) => {
      const [first, second, third] = await Promise.allSettled([
        database.write(() => table.putSync("a", 1)),
        database.write(() => {
          throw new RangeError("mine");
        }),
        database.write(() => table.putSync("b", 2)),
      ]);
      assert.equal(first.status, "fulfilled");
      assert.ok(second.status === "rejected" && second.reason instanceof RangeError);
      assert.equal(third.status, "fulfilled");
      assert.deepEqual([table.get("a"), table.get("b")], [1, 2]);
    }));

  test("another failure is told to all whom it concerns, with when to try again", () =>
    withDatabase(async (database, table) => {
      failCommits(database, 1, "MDB_CORRUPTED");
      const writes = ["a", "b"].map((key) => database.write(() => table.putSync(key, 1)));
      for (const result of await Promise.allSettled(writes)) {
        assert.ok(result.status === "rejected");
        const error = PenstockError.from(result.reason);
        assert.equal(error.code, "storage_unavailable");
        assert.ok((error.retryAfterMs ?? 0) > 0);
      }
      assert.equal(table.get("a"), undefined);
    }));

  test("a transaction that LMDB gives up is run again, for it has written nothing", () =>
    withDatabase(async (database, table) => {
      const why = "MDB_BAD_TXN: Transaction must abort, has a child, or is invalid";
      const failed = failCommits(database, 2, why);
      await database.write(() => table.putSync("a", 1));
      assert.deepEqual([failed(), table.get("a")], [2, 1]);
    }));

  test("and told to those whom it concerns where it is given up again and again", () =>
    withDatabase(async (database, table) => {
      const failed = failCommits(database, 1000, "MDB_BAD_TXN: Transaction must abort");
      await assert.rejects(
        database.write(() => table.putSync("a", 1)),
        (caught) => PenstockError.from(caught).code === "storage_unavailable",
      );
      assert.ok(failed() < 20);
    }));

  test("closes when all that was to be written is, and refuses then", () =>
    withDatabase(async (database, table) => {
      const writes = Array.from({ length: 2500 }, (_, at) =>
        database.write(() => table.putSync(`${at}`, at)),
      );
      await database.close();
      assert.ok((await Promise.allSettled(writes)).every(({ status }) => status === "fulfilled"));
      await assert.rejects(
        database.write(() => table.putSync("late", 1)),
        (caught) => PenstockError.from(caught).code === "storage_unavailable",
      );
    }));

  test("stays locked against those who would take it for unused, however often it is opened", async (t) => {
    if (!existsSync("/proc/locks")) return t.skip("the system does not list its locks");
    const path = await mkdtemp(join(tmpdir(), "penstock-database-"));
    const locks = (): number => {
      const inode = statSync(join(path, "lock.mdb")).ino;
      const lines = readFileSync("/proc/locks", "utf8").split("\n");
      return lines.filter(
        (line) => line.includes(` ${process.pid} `) && line.includes(`:${inode} `),
      ).length;
    };
    const first = new DiskDatabase(path);
    assert.ok(locks() > 0, "the locks are not seen");
    const before = locks();
    const second = new DiskDatabase(path);
    assert.equal(locks(), before);
    await second.close();
    assert.equal(locks(), before);
    await first.close();
    assert.equal(locks(), 0);
    await rm(path, { recursive: true, force: true });
  });
});
