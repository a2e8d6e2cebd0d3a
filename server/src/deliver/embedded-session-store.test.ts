/** Sessions that other processes write meanwhile, seen from one that has read a moment before. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type EmbeddedSessionStore, openSessionStore } from "./embedded-session-store.ts";
import { sampleSession } from "./sample-session.ts";
import type { SessionRecord } from "./session.ts";

const TTL_MS = 60_000;

const session = sampleSession();

/** Stores a session in another process, before this one has its next turn. */
function storeElsewhere(dataDir: string, changed: SessionRecord): void {
  const module = new URL("./embedded-session-store.ts", import.meta.url).href;
  const program = `
    import { openSessionStore } from ${JSON.stringify(module)};
    const store = openSessionStore(${JSON.stringify(dataDir)}, Date.now);
    await store.create([${JSON.stringify(changed)}]);
    await store[Symbol.asyncDispose]();
  `;
  const args = ["--input-type=module", "-e", program];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

async function withStore(
  now: () => number,
  check: (store: EmbeddedSessionStore, dataDir: string) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-sessions-"));
  const store = openSessionStore(dataDir, now);
  try {
    await check(store, dataDir);
  } finally {
    await store[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }
}

test("a session that another process has just made is found", async () => {
  await withStore(Date.now, async (store, dataDir) => {
    // What is read first in a turn fixes what the turn sees.
    const before = store.get(session.id);
    storeElsewhere(dataDir, session);
    const after = store.get(session.id);
    assert.equal(await before, undefined);
    assert.equal((await after)?.id, session.id);
  });
});

test("a session that another process has just made is listed", async () => {
  await withStore(Date.now, async (store, dataDir) => {
    const before = store.get(session.id);
    storeElsewhere(dataDir, session);
    const listed = store.list(session.clientId, 10);
    assert.equal(await before, undefined);
    assert.deepEqual(
      (await listed).map(({ id }) => id),
      [session.id],
    );
  });
});

test("orphaning takes nothing back of what the holder stored last", async () => {
  await withStore(Date.now, async (store, dataDir) => {
    await store.create([session]);
    const rules = [{ tag: "new", filters: {} }] as unknown as SessionRecord["rules"];
    let asked = 0;
    await store.orphan((holder) => {
      asked += 1;
      if (asked === 1) storeElsewhere(dataDir, { ...session, rules, position: "later" });
      return holder === "gone";
    }, TTL_MS);
    const found = await store.get(session.id);
    assert.deepEqual(found?.rules, rules);
    assert.equal(found?.position, "later");
    assert.ok((found?.expiresAtMs ?? 0) > Date.now(), "it expires in its time");
  });
});

test("what is claimed in the moment in which it would expire stays", async () => {
  let nowMs = 1000;
  await withStore(
    () => nowMs,
    async (store, dataDir) => {
      await store.create([{ ...session, expiresAtMs: 2000, holder: undefined }]);
      const before = store.get(session.id);
      // Another process claims it, and then its time is over.
      storeElsewhere(dataDir, { ...session, holder: "other", epoch: 2 });
      nowMs = 3000;
      await store.orphan(() => false, TTL_MS);
      assert.equal((await before)?.expiresAtMs, 2000);
      assert.equal((await store.get(session.id))?.holder, "other");
    },
  );
});

test("what a process had sent to be written before it ended is orphaned with the rest", async () => {
  await withStore(Date.now, async (store) => {
    const free = {
      ...session,
      id: "ses_free",
      holder: undefined,
      expiresAtMs: Date.now() + TTL_MS,
    };
    await store.create([free]);
    const written = [store.create([session]), store.claim(free.id, "gone")];
    await store.orphan((holder) => holder === "gone", TTL_MS);
    await Promise.all(written);
    for (const { id } of [session, free]) {
      const found = await store.get(id);
      assert.equal(found?.holder, "gone");
      assert.ok(found.expiresAtMs !== undefined, `${id} expires in its time`);
    }
  });
});

test("a store that is closed has stopped orphaning before", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-sessions-"));
  const store = openSessionStore(dataDir, Date.now);
  await store.create(Array.from({ length: 3000 }, (_, at) => ({ ...session, id: `ses_${at}` })));
  let closed = false;
  let askedLate = 0;
  const begun = Promise.withResolvers<void>();
  const orphaning = store.orphan(() => {
    begun.resolve();
    if (closed) askedLate += 1;
    return true;
  }, TTL_MS);
  await begun.promise;
  await store[Symbol.asyncDispose]();
  closed = true;
  await orphaning;
  assert.equal(askedLate, 0);
  await rm(dataDir, { recursive: true, force: true });
});
