import assert from "node:assert/strict";
import { test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import fc from "fast-check";
import type { Log, NewRecord } from "../log.ts";
import { code, type LogFixture, type LogUnderTest, logUnderTest } from "./fixture.ts";
import { otherProcess } from "./other-process.ts";

const PARTITIONS = 2;

interface Append {
  /** Which of those who have the log open. */
  readonly by: number;
  readonly partition: number;
  readonly sizes: readonly number[];
  /** The offset that is expected, less the head; undefined: none is. */
  readonly expected: number | undefined;
}

type Step =
  | { readonly kind: "append"; readonly appends: readonly Append[] }
  | {
      readonly kind: "read";
      readonly by: number;
      readonly partition: number;
      /** Where, as a part of what there is: below the floor and above the head too. */
      readonly at: number;
      readonly recordsMax: number;
      readonly bytesMax: number;
    }
  | { readonly kind: "time"; readonly by: number; readonly partition: number; readonly at: number }
  | { readonly kind: "clock"; readonly jumpMs: number }
  | { readonly kind: "retain"; readonly keepMs: number };

const by = fc.nat(2);
const partition = fc.nat(PARTITIONS - 1);
const append: fc.Arbitrary<Append> = fc.record({
  by,
  partition,
  sizes: fc.array(fc.oneof(fc.nat(50), fc.nat(5000)), { maxLength: 8 }),
  expected: fc.option(fc.integer({ min: -1, max: 1 }), { nil: undefined, freq: 4 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      appends: fc.array(append, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      by,
      partition,
      at: fc.double({ min: -0.1, max: 1.1, noNaN: true }),
      recordsMax: fc.integer({ min: 1, max: 10 }),
      bytesMax: fc.nat(8000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("time" as const),
      by,
      partition,
      at: fc.double({ min: -0.1, max: 1.1, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("clock" as const),
      jumpMs: fc.integer({ min: -100_000, max: 100_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("retain" as const), keepMs: fc.nat(200_000) }),
  },
);

interface Known {
  readonly value: Buffer;
  readonly key: string | null;
  readonly timestampMs: number;
}

/** A log as plain as can be: by partition an array of records, and where it begins. */
class Model {
  readonly records: Known[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly floors: number[] = new Array(PARTITIONS).fill(0);

  head(at: number): number {
    return this.records[at]?.length ?? 0;
  }

  /** An offset from below the floor to above the head. */
  offset(at: number, part: number): number {
    const floor = this.floors[at] ?? 0;
    return Math.max(0, floor + Math.round((this.head(at) - floor) * part));
  }
}

class Run {
  readonly #topic: string;
  readonly #handles: readonly Log[];
  readonly #made: LogUnderTest;
  readonly #clock: { nowMs: number };
  readonly #model = new Model();
  #serial = 0;

  constructor(
    topic: string,
    made: LogUnderTest,
    handles: readonly Log[],
    clock: { nowMs: number },
  ) {
    this.#topic = topic;
    this.#made = made;
    this.#handles = handles;
    this.#clock = clock;
  }

  async take(one: Step): Promise<void> {
    if (one.kind === "append") await this.#append(one.appends);
    else if (one.kind === "read") await this.#read(one);
    else if (one.kind === "time") await this.#time(one);
    else if (one.kind === "clock") this.#clock.nowMs += one.jumpMs;
    else await this.#retain(one.keepMs);
    for (const handle of this.#handles) {
      assert.deepEqual(
        await handle.heads(this.#topic),
        this.#model.records.map(({ length }) => length),
      );
      assert.deepEqual(await handle.floors(this.#topic), this.#model.floors);
    }
  }

  #handle(number: number): Log {
    return this.#handles[number % this.#handles.length] as Log;
  }

  /** All at once: in which order they lie is the log's to say, that they lie whole is not. */
  async #append(appends: readonly Append[]): Promise<void> {
    const before = this.#model.records.map(({ length }) => length);
    const sent = appends.map(({ sizes, expected, partition: at }) => ({
      records: sizes.map((size) => this.#record(size)),
      expected: expected === undefined ? undefined : Math.max(0, (before[at] ?? 0) + expected),
    }));
    const settled = await Promise.allSettled(
      appends.map(({ by: number, partition: at }, index) => {
        const { records = [], expected } = sent[index] ?? {};
        const options = expected === undefined ? {} : { expected };
        return this.#handle(number).append(this.#topic, at, records, options);
      }),
    );
    const laid: {
      at: number;
      first: number;
      records: readonly NewRecord[];
      timestampMs: number;
      expected: number | undefined;
    }[] = [];
    for (const [index, result] of settled.entries()) {
      const { partition: at = 0 } = appends[index] ?? {};
      const { records = [], expected } = sent[index] ?? {};
      if (result.status === "rejected") {
        assert.equal(PenstockError.from(result.reason).code, "cursor_foreign");
        assert.notEqual(expected, undefined);
        if (appends.length === 1) assert.notEqual(expected, before[at]);
        continue;
      }
      const { firstOffset: first, timestampMs } = result.value;
      laid.push({ at, first, records, timestampMs, expected });
    }
    laid.sort((a, b) => a.first - b.first || a.records.length - b.records.length);
    for (const { at, first, records, timestampMs, expected } of laid) {
      const known = this.#model.records[at] ?? [];
      assert.equal(first, known.length, "a hole, or one append upon another");
      if (expected !== undefined) assert.equal(first, expected);
      assert.ok(timestampMs >= (known.at(-1)?.timestampMs ?? 0), "a time went backwards");
      for (const { key, value } of records)
        known.push({ key, value: Buffer.from(value), timestampMs });
    }
  }

  #record(size: number): NewRecord {
    this.#serial += 1;
    const value = Buffer.alloc(size, `${this.#serial} `);
    return { key: this.#serial % 3 === 0 ? null : `key ${this.#serial % 7}`, value };
  }

  async #read(one: Extract<Step, { kind: "read" }>): Promise<void> {
    const { partition: at, recordsMax, bytesMax } = one;
    const from = this.#model.offset(at, one.at);
    const reading = this.#handle(one.by).read(this.#topic, at, from, { recordsMax, bytesMax });
    if (from < (this.#model.floors[at] ?? 0))
      return await assert.rejects(reading, code("cursor_too_old"));
    if (from > this.#model.head(at)) return await assert.rejects(reading, code("cursor_ahead"));
    const { records, next } = await reading;
    const known = (this.#model.records[at] ?? []).slice(from, next);
    assert.equal(next, from + records.length);
    assert.ok(records.length <= recordsMax);
    assert.ok(records.length > 0 || from === this.#model.head(at), "no progress");
    for (const [index, record] of records.entries()) {
      assert.equal(record.offset, from + index);
      assert.equal(record.key, known[index]?.key);
      assert.equal(record.timestampMs, known[index]?.timestampMs);
      assert.ok(known[index]?.value.equals(record.value));
    }
    let bytes = 0;
    for (const { value } of records.slice(0, -1)) bytes += value.length;
    assert.ok(records.length <= 1 || bytes < bytesMax, "more than was asked for");
  }

  async #time(one: Extract<Step, { kind: "time" }>): Promise<void> {
    const known = this.#model.records[one.partition] ?? [];
    const first = known[0]?.timestampMs ?? 0;
    const last = known.at(-1)?.timestampMs ?? 0;
    const timeMs = Math.round(first + (last - first) * one.at);
    const floor = this.#model.floors[one.partition] ?? 0;
    const found = known.findIndex(
      (record, offset) => offset >= floor && record.timestampMs >= timeMs,
    );
    const offset = await this.#handle(one.by).offsetAt(this.#topic, one.partition, timeMs);
    assert.equal(offset, found < 0 ? known.length : found);
  }

  /** What is too old goes, and nothing else does. */
  async #retain(keepMs: number): Promise<void> {
    const nowMs = this.#clock.nowMs;
    const { log, fixture } = this.#made;
    await log.createTopic(this.#topic, { partitions: PARTITIONS, retentionMs: keepMs });
    await fixture.retain(log, nowMs);
    for (const [at, records] of this.#model.records.entries()) {
      const floor = this.#model.floors[at] ?? 0;
      const young = records.findIndex(
        (record, offset) => offset >= floor && record.timestampMs >= nowMs - keepMs,
      );
      this.#model.floors[at] = young < 0 ? records.length : young;
    }
    await log.createTopic(this.#topic, { partitions: PARTITIONS });
  }
}

/** Random steps, of several who have the log open, beside a model of it. */
export function testModel(fixture: LogFixture): void {
  test("whatever is done in whatever order, by whomever, the log is what a plain model says", async () => {
    const clock = { nowMs: Date.now() };
    await using made = await logUnderTest(fixture, () => clock.nowMs);
    await using other = await otherProcess(made);
    const handles = [made.log, other.log, made.log];
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        runs += 1;
        const topic = `run-${runs}`;
        clock.nowMs = Date.now();
        await made.log.createTopic(topic, { partitions: PARTITIONS });
        const run = new Run(topic, made, handles, clock);
        for (const one of steps) await run.take(one);
      }),
      { numRuns: 150 },
    );
  });
}
