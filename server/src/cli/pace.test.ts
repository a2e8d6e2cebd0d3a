import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Pace, readSpeed, recordedMs } from "./pace.ts";

const NOON_MS = Date.UTC(2023, 6, 13, 12);

describe("the pace of a file", () => {
  test("speeds are read, and anything else is refused", () => {
    assert.deepEqual(readSpeed("max"), { kind: "rate", perSecond: Number.POSITIVE_INFINITY });
    assert.deepEqual(readSpeed("realtime"), { kind: "recorded", times: 1 });
    assert.deepEqual(readSpeed("10x"), { kind: "recorded", times: 10 });
    assert.deepEqual(readSpeed("0.5x"), { kind: "recorded", times: 0.5 });
    assert.deepEqual(readSpeed("100"), { kind: "rate", perSecond: 100 });
    assert.deepEqual(readSpeed("2.5/s"), { kind: "rate", perSecond: 2.5 });
    for (const text of ["", "0", "0x", "-1", "x", "1e3", "10 x", "fast", "NaN"])
      assert.throws(() => readSpeed(text), /^CommandError: --speed is max, realtime/);
  });

  test("at a rate records are due one after the other; without bound at once", () => {
    const pace = new Pace(readSpeed("100"), 1000);
    assert.deepEqual([pace.dueMs({}), pace.dueMs({}), pace.dueMs({})], [1000, 1010, 1020]);
    const free = new Pace(readSpeed("max"), 1000);
    assert.deepEqual([free.dueMs({}), free.dueMs({})], [1000, 1000]);
    assert.equal(free.isLost, false);
  });

  test("by recorded times the distance to the first counts, and those without one go along", () => {
    const pace = new Pace(readSpeed("10x"), 1000);
    assert.equal(pace.isLost, true);
    const at = (ms: number) => pace.dueMs({ timestamp: new Date(NOON_MS + ms).toISOString() });
    assert.deepEqual(
      [at(0), at(500), pace.dueMs({}), at(-500), at(2000)],
      [1000, 1050, 1050, 950, 1200],
    );
    assert.equal(pace.isLost, false);
  });

  test("times are found where recordings have them", () => {
    const seconds = NOON_MS / 1000;
    for (const record of [
      { timestamp: "2023-07-13T12:00:00Z" },
      { timestamp: "2023-07-13T14:00:00+02:00" },
      { created_at: "2023-07-13 12:00:00" },
      { time: seconds },
      { recv_ts: seconds + 0 },
      { ts: NOON_MS },
      { at: NOON_MS * 1000 },
      { at: NOON_MS * 1_000_000 },
      { at: String(seconds) },
      { block: { timestamp: `0x${seconds.toString(16)}` } },
      { type: "block", block: { time: seconds } },
    ])
      assert.equal(recordedMs(record), NOON_MS, JSON.stringify(record));
    for (const record of [
      undefined,
      null,
      5,
      "x",
      [],
      {},
      { timestamp: "soon" },
      { time: 5 },
      { at: {} },
    ])
      assert.equal(recordedMs(record), undefined, JSON.stringify(record));
  });
});
