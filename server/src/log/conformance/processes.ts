import assert from "node:assert/strict";
import { test } from "node:test";
import type { Log } from "../log.ts";
import {
  code,
  EVERYTHING,
  type LogFixture,
  logUnderTest,
  NEVER,
  readAll,
  record,
  textOf,
} from "./fixture.ts";
import { otherProcess } from "./other-process.ts";

/** Appends in one process while it looks, from another, whether what it sees is whole. */
async function watch(log: Log, isDone: () => boolean): Promise<number> {
  let seen = 0;
  let looks = 0;
  while (!isDone()) {
    const [head = 0] = await log.heads("t");
    assert.ok(head >= seen, "a head went back");
    if (head > seen) {
      const { records, next } = await log.read("t", 0, seen, EVERYTHING);
      assert.ok(next >= head, "what the head tells of cannot be read");
      for (const [at, { offset }] of records.entries()) assert.equal(offset, seen + at);
      seen = next;
      looks += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return looks;
}

/** What several processes that have one log open may rely on. */
export function testProcesses(fixture: LogFixture): void {
  test("several processes append and read at once: one order, nothing torn, nothing lost", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1 });
    await using a = await otherProcess(made);
    await using b = await otherProcess(made);
    let writing = 3;
    const write = async (writer: Log, name: string): Promise<void> => {
      let own = -1;
      for (let at = 0; at < 60; at++) {
        const batch = Array.from({ length: 3 }, (_, part) => record(`${name}.${at}.${part}`));
        const { firstOffset } = await writer.append("t", 0, batch);
        assert.ok(firstOffset > own, "an append lies before an earlier one of the same writer");
        own = firstOffset;
      }
      writing -= 1;
    };
    const [, , , looks] = await Promise.all([
      write(log, "own"),
      write(a.log, "a"),
      write(b.log, "b"),
      watch(a.log, () => writing === 0),
    ]);
    assert.ok(looks > 1, "the reader saw nothing grow");
    const texts = (await readAll(log, "t", 0)).map(textOf);
    assert.deepEqual((await readAll(b.log, "t", 0)).map(textOf), texts);
    assert.equal(texts.length, 3 * 60 * 3);
    for (const name of ["own", "a", "b"]) {
      const own = texts.filter((text) => text.startsWith(`${name}.`));
      const expected = Array.from(
        { length: 180 },
        (_, at) => `${name}.${Math.floor(at / 3)}.${at % 3}`,
      );
      assert.deepEqual(own, expected);
    }
    for (let at = 0; at < texts.length; at += 3)
      assert.equal(texts[at + 2], texts[at]?.replace(/0$/, "2"), "one append came between another");
  });

  test("`expected` holds across processes", async () => {
    await using made = await logUnderTest(fixture);
    await made.log.createTopic("t", { partitions: 1 });
    await using other = await otherProcess(made);
    let head = 0;
    for (let round = 0; round < 20; round++) {
      const racing = await Promise.allSettled(
        [made.log, other.log].map((log) =>
          log.append("t", 0, [record(`${round}`)], { expected: head }),
        ),
      );
      assert.equal(racing.filter(({ status }) => status === "fulfilled").length, 1);
      head += 1;
    }
    await assert.rejects(
      other.log.append("t", 0, [record("x")], { expected: 3 }),
      code("cursor_foreign"),
    );
    assert.deepEqual(
      (await readAll(other.log, "t", 0)).map(textOf),
      Array.from({ length: 20 }, (_, at) => `${at}`),
    );
  });

  test("what one process makes or changes of a topic, the others see", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await using other = await otherProcess(made);
    await assert.rejects(log.describe("t"), code("not_found"));
    const info = await other.log.createTopic("t", { partitions: 2, retentionMs: 1000 });
    assert.deepEqual(await log.describe("t"), info);
    await log.createTopic("t", { partitions: 2, retentionMs: 77 });
    assert.equal((await other.log.describe("t")).retentionMs, 77);
    await other.log.createTopic("t", { partitions: 2, retentionBytes: 1 });
    assert.equal((await log.describe("t")).retentionBytes, 1);
    await other.log.append("t", 1, [record("a")]);
    await fixture.retain(log, Date.now());
    assert.deepEqual(await other.log.floors("t"), [0, 1]);
    await assert.rejects(other.log.read("t", 1, 0, EVERYTHING), code("cursor_too_old"));
  });

  test("whoever waits is woken by what another process appends", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 2 });
    await using a = await otherProcess(made);
    await using b = await otherProcess(made);
    const next = [0, 0];
    for (let round = 0; round < 30; round++) {
      const waits = [log, a.log, b.log].map((waiter) => waiter.waitForMore("t", next, NEVER));
      const writer = [log, a.log, b.log][round % 3] as Log;
      await writer.append("t", round % 2, [record("x")]);
      await Promise.all(waits);
      next[round % 2] = (next[round % 2] ?? 0) + 1;
      assert.deepEqual(await b.log.heads("t"), next);
    }
    const controller = new AbortController();
    const wait = a.log.waitForMore("t", next, controller.signal);
    controller.abort();
    await wait;
  });

  test("a process that leaves, or is killed in the middle, leaves the others undisturbed", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1 });
    const acknowledged: number[] = [];
    for (let round = 0; round < 4; round++) {
      const other = await otherProcess(made);
      const waiting = other.log.waitForMore("t", [1_000_000], NEVER).catch(() => undefined);
      const writing = (async () => {
        for (;;) acknowledged.push((await other.log.append("t", 0, [record("x")])).firstOffset);
      })().catch(() => undefined);
      const target = acknowledged.length + 20;
      while (acknowledged.length < target) {
        acknowledged.push((await log.append("t", 0, [record("y")])).firstOffset);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      if (round % 2 === 0) await other.kill();
      else await other[Symbol.asyncDispose]();
      await Promise.all([waiting, writing]);
    }
    acknowledged.push((await log.append("t", 0, [record("z")])).firstOffset);
    const [head = 0] = await log.heads("t");
    assert.equal(new Set(acknowledged).size, acknowledged.length);
    assert.ok(acknowledged.every((offset) => offset < head));
    assert.equal((await readAll(log, "t", 0)).length, head);
  });
}
