import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSessionStore } from "../deliver/index.ts";
import { sampleSession } from "../deliver/sample-session.ts";
import { createObserver } from "../observe/index.ts";
import { SessionSweep } from "./session-sweep.ts";

const observer = () =>
  createObserver({ level: "silent", destination: process.stderr, collect: async () => [] });

test("sessions whose time is over are deleted while a server runs", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-sweep-"));
  let nowMs = 1000;
  const store = openSessionStore(dataDir, () => nowMs);
  const later = { ...sampleSession(), id: "ses_later", expiresAtMs: 9000 };
  await store.create([{ ...sampleSession(), expiresAtMs: 2000 }, later]);
  {
    using _sweep = new SessionSweep(store, 1000, observer());
    nowMs = 5000;
    const rows = async (): Promise<number> => {
      // Whatever has expired is hidden from who lists, unless its time comes back.
      nowMs = 0;
      const found = await store.list("one", 10);
      nowMs = 5000;
      return found.length;
    };
    while ((await rows()) > 1) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await store[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

test("what could not be swept is tried again, and told of", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  let tries = 0;
  const swept = {
    orphan: async () => {
      tries += 1;
      if (tries === 1) throw new Error("the disk is full");
    },
  };
  using sweep = new SessionSweep(swept, 24 * 3_600_000, observer());
  sweep.orphan(() => true);
  await Promise.resolve();
  await Promise.resolve();
  t.mock.timers.tick(5000);
  assert.equal(tries, 2);
  t.mock.timers.tick(10 * 60_000);
  assert.equal(tries, 3, "and every ten minutes, however long sessions are kept");
});
