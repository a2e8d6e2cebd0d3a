import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewRecord } from "../log.ts";
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

const MIB = 1024 * 1024;

/** What one process may rely on of records and offsets. */
export function testRecords(fixture: LogFixture): void {
  test("records come back in order, at the offsets that were told, and to the byte", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 3 });
    const binary = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const records: NewRecord[] = [
      { key: null, value: new Uint8Array(0) },
      { key: "", value: binary },
      { key: "a\u0000b", value: binary, headers: { a: "1", ü: "\u{1f600}", empty: "" } },
      { key: "wallet-ä", value: new TextEncoder().encode("\u{1f600}"), headers: {} },
    ];
    const first = await log.append("t", 1, records.slice(0, 1));
    const rest = await log.append("t", 1, records.slice(1));
    assert.equal(first.firstOffset, 0);
    assert.equal(rest.firstOffset, 1);
    assert.deepEqual(await log.heads("t"), [0, 4, 0]);
    assert.deepEqual(await log.floors("t"), [0, 0, 0]);
    const read = await log.read("t", 1, 0, EVERYTHING);
    assert.equal(read.next, 4);
    for (const [at, { key, value, headers }] of read.records.entries()) {
      assert.equal(key, records[at]?.key);
      assert.deepEqual(new Uint8Array(value), records[at]?.value);
      assert.deepEqual({ ...headers }, { ...records[at]?.headers });
    }
    assert.deepEqual(
      read.records.map(({ offset }) => offset),
      [0, 1, 2, 3],
    );
  });

  test("a value that was read is the reader's, whatever comes after", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1, retentionMs: 1 });
    const big = new Uint8Array(3 * MIB).fill(7);
    const mine = new Uint8Array(1000).fill(5);
    await log.append("t", 0, [
      { key: null, value: big },
      { key: null, value: mine },
    ]);
    mine.fill(9);
    const { records } = await log.read("t", 0, 0, EVERYTHING);
    for (let round = 0; round < 5; round++) {
      await log.append("t", 0, [{ key: null, value: new Uint8Array(3 * MIB).fill(round) }]);
      await fixture.retain(log, Date.now() + 1_000_000);
    }
    assert.ok(records[0]?.value.every((byte) => byte === 7));
    assert.ok(records[1]?.value.every((byte) => byte === 5));
  });

  test("big records: 10 MiB and many at once come back whole, and a read is bounded", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1 });
    const big = Buffer.alloc(10 * MIB, "0123456789abcdef");
    const small = Array.from({ length: 3500 }, (_, at) => record(`small ${at}`, `${at}`));
    const { firstOffset } = await log.append("t", 0, [
      ...small,
      { key: "big", value: big },
      record("after"),
    ]);
    assert.equal(firstOffset, 0);
    const limits = { recordsMax: 100, bytesMax: MIB };
    const { records } = await log.read("t", 0, 3500, limits);
    assert.equal(records.length, 1, "what comes behind so much is left for the next read");
    assert.ok(big.equals(records[0]?.value ?? new Uint8Array(0)));
    const middle = await log.read("t", 0, 1234, { recordsMax: 5, bytesMax: MIB });
    assert.deepEqual(middle.records.map(textOf), [
      "small 1234",
      "small 1235",
      "small 1236",
      "small 1237",
      "small 1238",
    ]);
    assert.equal(middle.next, 1239);
    assert.equal((await readAll(log, "t", 0)).length, 3502);
  });

  test("a read at the head gives nothing, one beyond it or below the floor says so", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1, retentionBytes: 1 });
    await log.append("t", 0, [record("a"), record("b")]);
    assert.deepEqual(await log.read("t", 0, 2, EVERYTHING), { records: [], next: 2 });
    await assert.rejects(log.read("t", 0, 3, EVERYTHING), code("cursor_ahead"));
    await fixture.retain(log, Date.now());
    await log.append("t", 0, [record("c")]);
    const [floor = 0] = await log.floors("t");
    assert.equal(floor, 2);
    await assert.rejects(log.read("t", 0, 1, EVERYTHING), code("cursor_too_old"));
    assert.deepEqual((await log.read("t", 0, floor, EVERYTHING)).records.map(textOf), ["c"]);
  });

  test("unknown topics and partitions are told apart from empty ones", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 2 });
    const long = "x".repeat(5000);
    for (const topic of ["u", "", long]) {
      await assert.rejects(log.describe(topic), code("not_found"));
      await assert.rejects(log.heads(topic), code("not_found"));
      await assert.rejects(log.floors(topic), code("not_found"));
      await assert.rejects(log.append(topic, 0, [record("a")]), code("not_found"));
      await assert.rejects(log.waitForMore(topic, [0], NEVER), code("not_found"));
    }
    for (const partition of [2, -1, 0.5, Number.NaN]) {
      await assert.rejects(log.append("t", partition, [record("a")]), code("not_found"));
      await assert.rejects(log.read("t", partition, 0, EVERYTHING), code("not_found"));
      await assert.rejects(log.offsetAt("t", partition, 0), code("not_found"));
    }
    assert.deepEqual(await log.heads("t"), [0, 0]);
    assert.deepEqual(await log.read("t", 1, 0, EVERYTHING), { records: [], next: 0 });
  });

  test("with `expected` a writer notices that another wrote, and nothing is appended", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1 });
    await log.append("t", 0, [record("a")], { expected: 0 });
    await assert.rejects(
      log.append("t", 0, [record("b")], { expected: 0 }),
      code("cursor_foreign"),
    );
    await assert.rejects(
      log.append("t", 0, [record("b")], { expected: 2 }),
      code("cursor_foreign"),
    );
    const racing = await Promise.allSettled(
      ["c", "d", "e"].map((text) => log.append("t", 0, [record(text)], { expected: 1 })),
    );
    const won = racing.filter(({ status }) => status === "fulfilled");
    assert.equal(won.length, 1, "one of those who expect the same offset wins");
    assert.deepEqual(await log.heads("t"), [2]);
    await log.append("t", 0, [record("f")], { expected: 2 });
  });

  test("concurrent appends are each acknowledged where they lie, and none comes between another's", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 2 });
    const batches = Array.from({ length: 200 }, (_, batch) =>
      Array.from({ length: 1 + (batch % 7) }, (_, at) => record(`${batch}.${at}`)),
    );
    const appended = await Promise.all(batches.map((batch, at) => log.append("t", at % 2, batch)));
    for (const partition of [0, 1]) {
      const all = await readAll(log, "t", partition);
      for (const [offset, found] of all.entries()) assert.equal(found.offset, offset);
      for (const [at, batch] of batches.entries()) {
        if (at % 2 !== partition) continue;
        const first = appended[at]?.firstOffset ?? 0;
        const found = all.slice(first, first + batch.length);
        assert.deepEqual(found.map(textOf), batch.map(textOf));
        for (const { timestampMs } of found) assert.equal(timestampMs, appended[at]?.timestampMs);
      }
    }
  });

  test("what is acknowledged is there after the log is closed and opened again", async () => {
    await using made = await logUnderTest(fixture);
    const { log, place } = made;
    const info = await log.createTopic("t", { partitions: 1, retentionMs: 1_000_000 });
    await log.append("t", 0, [record("a"), record("b")]);
    await log[Symbol.asyncDispose]();
    await using again = await fixture.open(place, Date.now);
    const { generation } = await again.describe("t");
    assert.deepEqual(await again.describe("t"), { ...info, generation });
    assert.ok(generation >= info.generation);
    assert.deepEqual((await readAll(again, "t", 0)).map(textOf), ["a", "b"]);
    assert.equal((await again.append("t", 0, [record("c")])).firstOffset, 2);
  });

  test("a closed log refuses, and whoever was appending has an answer", async () => {
    await using made = await logUnderTest(fixture);
    const { log, place } = made;
    await log.createTopic("t", { partitions: 1 });
    const appends = Promise.allSettled(
      Array.from({ length: 50 }, (_, at) => log.append("t", 0, [record(`${at}`)])),
    );
    await log[Symbol.asyncDispose]();
    const settled = await appends;
    const acknowledged = settled.filter(({ status }) => status === "fulfilled").length;
    await assert.rejects(log.append("t", 0, [record("late")]), code("storage_unavailable"));
    await assert.rejects(log.heads("t"), code("storage_unavailable"));
    await assert.rejects(log.read("t", 0, 0, EVERYTHING), code("storage_unavailable"));
    await using again = await fixture.open(place, Date.now);
    const [head = 0] = await again.heads("t");
    assert.ok(head >= acknowledged, `${head} of ${acknowledged} are there`);
  });
}
