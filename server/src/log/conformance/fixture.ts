import assert from "node:assert/strict";
import { type ErrorCode, PenstockError } from "@penstock-dev/contract";
import type { Log, LogRecord, NewRecord } from "../log.ts";

/** What the suite needs of an implementation. */
export interface LogFixture {
  readonly name: string;
  /** The address of the module that exports this as `fixture`: other processes import it. */
  readonly module: string;
  /** A place for a log of a test's own, where there is none yet. */
  make(): Promise<{ readonly place: string } & AsyncDisposable>;
  /** Opens the log in a place: several times at once, in one process or in several. */
  open(place: string, now: () => number): Promise<Log>;
  /** Lets go of what need not be kept at a time; resolves when it is gone. */
  retain(log: Log, nowMs: number): Promise<void>;
}

/** A log in a place of its own, and the fixture that opens it once more. */
export interface LogUnderTest extends AsyncDisposable {
  readonly fixture: LogFixture;
  readonly place: string;
  readonly log: Log;
}

export async function logUnderTest(
  fixture: LogFixture,
  now: () => number = Date.now,
): Promise<LogUnderTest> {
  const made = await fixture.make();
  const log = await fixture.open(made.place, now);
  return {
    fixture,
    place: made.place,
    log,
    [Symbol.asyncDispose]: async () => {
      await log[Symbol.asyncDispose]();
      await made[Symbol.asyncDispose]();
    },
  };
}

export const EVERYTHING = { recordsMax: 1_000_000, bytesMax: 1_000_000_000 };
export const NEVER = new AbortController().signal;

export const record = (text: string, key: string | null = null): NewRecord => ({
  key,
  value: new TextEncoder().encode(text),
});

export const textOf = ({ value }: Pick<LogRecord, "value">): string =>
  new TextDecoder("utf-8", { fatal: true }).decode(value);

/** All that a partition holds, read in steps that make any progress. */
export async function readAll(log: Log, topic: string, partition: number): Promise<LogRecord[]> {
  const head = (await log.heads(topic))[partition] ?? 0;
  const records: LogRecord[] = [];
  for (let next = (await log.floors(topic))[partition] ?? 0; next < head; ) {
    const read = await log.read(topic, partition, next, { recordsMax: 700, bytesMax: 1_000_000 });
    records.push(...read.records);
    assert.ok(read.next > next, `reading stands still at ${next} of ${head}`);
    next = read.next;
  }
  return records;
}

export const code =
  (expected: ErrorCode) =>
  (caught: unknown): boolean =>
    caught instanceof PenstockError && caught.code === expected;
