import assert from "node:assert/strict";
import { test } from "node:test";
import { EVERYTHING, type LogFixture, logUnderTest, readAll, record } from "./fixture.ts";

/** Topics' identity, and times. */
export function testTopicsAndTimes(fixture: LogFixture): void {
  test("a topic has an identity of its own, which stays", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    const a = await log.createTopic("a", { partitions: 2, retentionMs: 1000 });
    const b = await log.createTopic("b", { partitions: 1, compacted: true });
    assert.notEqual(a.logId, b.logId);
    assert.equal(a.generation, 0);
    assert.equal(await log.generationStart("a", 0, 0), undefined);
    const again = await log.createTopic("a", { partitions: 5, retentionBytes: 77 });
    assert.equal(again.logId, a.logId);
    assert.equal(again.partitions, 2, "the partitions are what they were");
    assert.equal(again.retentionMs, undefined);
    assert.equal(again.retentionBytes, 77);
    const all = await log.topics();
    assert.deepEqual(
      [...all].sort((one, other) => one.topic.localeCompare(other.topic)),
      [again, b],
    );
    await using other = await logUnderTest(fixture);
    const foreign = await other.log.createTopic("a", { partitions: 2 });
    assert.notEqual(foreign.logId, a.logId, "two logs' topics of one name differ");
  });

  test("many topics keep apart, whatever their names", async () => {
    await using made = await logUnderTest(fixture);
    const { log } = made;
    const names = ["t", "t.dead", "t-1", "T", "1", "a".repeat(200), "__proto__", "raw_ü"];
    for (const name of names) await log.createTopic(name, { partitions: 2 });
    await Promise.all(names.map((name) => log.append(name, 1, [record(name)])));
    for (const name of names) {
      const [only, ...others] = (await log.read(name, 1, 0, EVERYTHING)).records;
      assert.equal(new TextDecoder().decode(only?.value), name);
      assert.equal(others.length, 0);
      assert.deepEqual(await log.heads(name), [0, 1]);
    }
  });

  test("times never go backwards in a partition, though the clock jumps", async () => {
    let nowMs = 1_700_000_000_000;
    await using made = await logUnderTest(fixture, () => nowMs);
    const { log } = made;
    await log.createTopic("t", { partitions: 2 });
    const jumps = [0, 5000, -3_600_000, 1, -1, 86_400_000, -172_800_000, 0];
    for (const jump of jumps) {
      nowMs += jump;
      await log.append("t", 0, [record("a"), record("b")]);
    }
    await log.append("t", 1, [record("other")]);
    const times = (await readAll(log, "t", 0)).map(({ timestampMs }) => timestampMs);
    assert.equal(times.length, jumps.length * 2);
    for (const [at, time] of times.entries()) assert.ok(time >= (times[at - 1] ?? 0));
    const [other] = await readAll(log, "t", 1);
    assert.equal(other?.timestampMs, nowMs, "another partition has its own time");
  });

  test("offsetAt finds the first record at or after a time", async () => {
    let nowMs = 1000;
    await using made = await logUnderTest(fixture, () => nowMs);
    const { log } = made;
    await log.createTopic("t", { partitions: 1 });
    assert.equal(await log.offsetAt("t", 0, 0), 0);
    for (const count of [3, 1, 2500]) {
      await log.append(
        "t",
        0,
        Array.from({ length: count }, () => record("x")),
      );
      nowMs += 10;
    }
    const found = async (timeMs: number) => await log.offsetAt("t", 0, timeMs);
    assert.deepEqual(
      await Promise.all([0, 1000, 1001, 1010, 1011, 1020, 1021, 9999].map(found)),
      [0, 0, 3, 3, 4, 4, 2504, 2504],
    );
  });
}
