import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { pause } from "./source.ts";

test("a pause leaves nothing at the signals that it listened to", async () => {
  const stop = new AbortController();
  const woken = new AbortController();
  const left = (): number[] =>
    [stop, woken].map(({ signal }) => getEventListeners(signal, "abort").length);
  for (let time = 0; time < 20; time++) await pause(0, stop.signal, woken.signal);
  assert.deepEqual(left(), [0, 0], "its time was over");
  const pausing = pause(2 ** 31 - 1, stop.signal, woken.signal);
  assert.deepEqual(left(), [1, 1]);
  woken.abort();
  await pausing;
  assert.deepEqual(left(), [0, 0], "it was woken");
  await pause(2 ** 31 - 1, stop.signal, woken.signal);
  assert.deepEqual(left(), [0, 0], "one had aborted before");
});
