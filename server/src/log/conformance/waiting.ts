import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogFixture, logUnderTest, NEVER, record } from "./fixture.ts";

/** Whether a promise has settled by now, some turns of the event loop later. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  return settled;
}

/** Waiting for more within one process. */
export function testWaiting(fixture: LogFixture): void {
  test("a wait ends at once where there is more, and else when it comes", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 3 });
    await log.createTopic("u", { partitions: 1 });
    await log.append("t", 1, [record("a")]);
    await log.waitForMore("t", [0, 0, 0], NEVER);
    await log.waitForMore("t", [5, 0], NEVER);
    const waits = Array.from({ length: 10 }, () => log.waitForMore("t", [0, 1, 0], NEVER));
    const elsewhere = log.waitForMore("t", [9, 9, 9], AbortSignal.timeout(60_000));
    await log.append("u", 0, [record("of another topic")]);
    assert.equal(await isSettled(Promise.any(waits)), false);
    await log.append("t", 2, [record("b")]);
    await Promise.all(waits);
    assert.equal(await isSettled(elsewhere), false, "woken for what it has already");
    await log.append(
      "t",
      0,
      Array.from({ length: 10 }, () => record("c")),
    );
    await elsewhere;
  });

  test("a wait ends when its signal aborts, before or after", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1 });
    await log.waitForMore("t", [0], AbortSignal.abort());
    const controller = new AbortController();
    const wait = log.waitForMore("t", [0], controller.signal);
    assert.equal(await isSettled(wait), false);
    controller.abort();
    await wait;
  });

  test("a wait ends when the log is closed", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1 });
    const waits = [log.waitForMore("t", [0], NEVER), log.waitForMore("t", [7], NEVER)];
    assert.equal(await isSettled(Promise.any(waits)), false);
    await log[Symbol.asyncDispose]();
    await Promise.all(waits);
  });

  test("whoever waits and reads in turns misses nothing, and every wait leaves nothing behind", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 2 });
    const controller = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = controller.signal;
    controller.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(controller.signal, args);
    };
    controller.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(controller.signal, args);
    };
    const seen: string[] = [];
    const next = [0, 0];
    const reading = (async () => {
      while (seen.length < 300) {
        await log.waitForMore("t", next, controller.signal);
        for (const partition of [0, 1]) {
          const read = await log.read("t", partition, next[partition] ?? 0, {
            recordsMax: 10,
            bytesMax: 1000,
          });
          next[partition] = read.next;
          for (const { offset } of read.records) seen.push(`${partition}:${offset}`);
        }
      }
    })();
    for (let at = 0; at < 300; at++) {
      await log.append("t", at % 2, [record("x")]);
      if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await reading;
    assert.equal(new Set(seen).size, 300);
    assert.ok(listeners <= 0, `${listeners} listeners are left on the signal`);
  });
}
