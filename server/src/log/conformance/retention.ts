import assert from "node:assert/strict";
import { test } from "node:test";
import {
  code,
  EVERYTHING,
  type LogFixture,
  logUnderTest,
  readAll,
  record,
  textOf,
} from "./fixture.ts";

const START_MS = 1_700_000_000_000;

/** What goes, and what stays. */
export function testRetention(fixture: LogFixture): void {
  test("records that are too old go, the floor tells, and the others stay", async () => {
    let nowMs = START_MS;
    await using made = await logUnderTest(fixture, () => nowMs);
    const { log } = made;
    await log.createTopic("t", { partitions: 2, retentionMs: 1000 });
    await log.createTopic("kept", { partitions: 1 });
    await log.append("kept", 0, [record("for ever")]);
    // More appends than any bounded step lets go at once.
    for (let at = 0; at < 700; at += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, more) => log.append("t", 0, [record(`${at + more}`)])),
      );
    nowMs += 900;
    await log.append("t", 0, [record("young")]);
    await log.append("t", 1, [record("young too")]);
    await fixture.retain(log, nowMs);
    assert.deepEqual(await log.floors("t"), [0, 0], "nothing is too old yet");
    await fixture.retain(log, START_MS + 1001);
    assert.deepEqual(await log.floors("t"), [700, 0]);
    assert.deepEqual(await log.heads("t"), [701, 1]);
    assert.deepEqual((await readAll(log, "t", 0)).map(textOf), ["young"]);
    await assert.rejects(log.read("t", 0, 699, EVERYTHING), code("cursor_too_old"));
    assert.equal(await log.offsetAt("t", 0, 0), 700);
    await fixture.retain(log, nowMs + 5000);
    assert.deepEqual(await log.floors("t"), [701, 1], "an empty partition's floor is its head");
    assert.deepEqual(await log.read("t", 0, 701, EVERYTHING), { records: [], next: 701 });
    assert.equal((await log.append("t", 0, [record("next")])).firstOffset, 701);
    assert.equal((await readAll(log, "kept", 0)).length, 1);
  });

  test("the oldest records go while a partition holds too many bytes", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1, retentionBytes: 300_000 });
    const value = new Uint8Array(10_000);
    for (let at = 0; at < 100; at++) await log.append("t", 0, [{ key: null, value }]);
    await fixture.retain(log, Date.now());
    const [floor = 0] = await log.floors("t");
    assert.ok(floor >= 70 && floor < 75, `the floor is ${floor}`);
    assert.equal((await readAll(log, "t", 0)).length, 100 - floor);
    await log.createTopic("t", { partitions: 1, retentionBytes: 100_000 });
    await fixture.retain(log, Date.now());
    assert.ok(((await log.floors("t"))[0] ?? 0) >= 90, "a smaller bound is taken");
  });

  test("readers that read while records go get what they ask for, or are told", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1, retentionBytes: 20_000 });
    let refused = 0;
    let next = 0;
    for (let round = 0; round < 40; round++) {
      const records = Array.from({ length: 50 }, (_, at) =>
        record(`${round * 50 + at} ${"-".repeat(50)}`),
      );
      const retained = fixture.retain(log, Date.now());
      await log.append("t", 0, records);
      await retained;
      if (round % 3 !== 0) continue;
      try {
        const read = await log.read("t", 0, next, { recordsMax: 60, bytesMax: 1_000_000 });
        for (const [at, found] of read.records.entries()) {
          assert.equal(found.offset, next + at, "a hole");
          assert.ok(textOf(found).startsWith(`${next + at} `));
        }
        next = read.next;
      } catch (caught) {
        assert.ok(code("cursor_too_old")(caught));
        refused += 1;
        next = (await log.floors("t"))[0] ?? 0;
      }
    }
    assert.ok(refused > 0, "the reader was never overtaken");
  });

  test("compaction leaves the newest of each key in its place, and holes for the rest", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    await log.createTopic("t", { partitions: 1, compacted: true });
    const written: { readonly key: string | null; readonly text: string }[] = [];
    for (let batch = 0; batch < 60; batch++) {
      const records = Array.from({ length: 50 }, (_, at) => {
        const number = batch * 50 + at;
        // Keys that come once, keys that come again and again, and records without a key.
        const key = at === 7 ? null : at % 5 === 0 ? `once-${number}` : `often-${number % 40}`;
        written.push({ key, text: `${number}` });
        return record(`${number}`, key);
      });
      await log.append("t", 0, records);
    }
    await fixture.retain(log, Date.now());
    const newest = new Map(written.map(({ key }, offset) => [key, offset]));
    const expected = written.flatMap(({ key, text }, offset) =>
      key === null || newest.get(key) === offset ? [{ offset, key, text }] : [],
    );
    const left = await readAll(log, "t", 0);
    const seen = left.map((found) => ({
      offset: found.offset,
      key: found.key,
      text: textOf(found),
    }));
    assert.deepEqual(seen, expected);
    assert.ok(left.length < written.length / 2, "nothing was compacted");
    assert.deepEqual(await log.heads("t"), [written.length]);
    for (const from of [1, 2, 40, 1999, 2999]) {
      const read = await log.read("t", 0, from, { recordsMax: 3, bytesMax: 1_000_000 });
      assert.deepEqual(
        read.records.map(({ offset }) => offset),
        expected
          .map(({ offset }) => offset)
          .filter((offset) => offset >= from)
          .slice(0, 3),
      );
      assert.ok(read.next > from && read.next <= written.length);
    }
  });
}
