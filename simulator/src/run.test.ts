import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { run } from "./run.ts";

/** Clients of a run that lose their server connect anew within some tens of milliseconds. */
const RECONNECTS_MS = 500;

test("a run that fails leaves nobody behind who connects anew", async () => {
  const failing = run({
    seed: 1,
    clients: 4,
    seconds: 1,
    faults: new Set(),
    rate: 10,
    depths: [1],
    progress: () => {
      throw new Error("nobody wants to hear of it");
    },
  });
  await assert.rejects(failing, /nobody wants to hear/);
  let connects = 0;
  const count = (): void => {
    connects += 1;
  };
  subscribe("net.client.socket", count);
  await pause(RECONNECTS_MS);
  unsubscribe("net.client.socket", count);
  assert.equal(connects, 0);
});
