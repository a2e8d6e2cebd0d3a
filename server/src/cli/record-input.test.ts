import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { InputMeasure, inputRecords } from "./record-input.ts";

const RECORDS = 3000;
const text = Array.from(
  { length: RECORDS },
  (_, at) => `${JSON.stringify({ at, text: Math.sin(at).toString(36).repeat(4) })}\n`,
).join("");
const NO_RECORDING = { line: () => undefined, end: () => [] };

/** The bytes in pieces as a file is read. */
function input(bytes: Buffer): Readable {
  const pieces: Buffer[] = [];
  for (let from = 0; from < bytes.length; from += 65_536)
    pieces.push(bytes.subarray(from, from + 65_536));
  return Readable.from(pieces);
}

describe("how much of an input lies before a record", () => {
  for (const [name, bytes] of [
    ["plain", Buffer.from(text)],
    ["packed", gzipSync(text)],
  ] as const) {
    test(`is told when it is read, however much is read ahead: ${name}`, async () => {
      const measure = new InputMeasure(bytes.length);
      assert.equal(measure.share(0), 0);
      let count = 0;
      let last = 0;
      for await (const { endBytes } of inputRecords(input(bytes), NO_RECORDING, measure)) {
        count += 1;
        const share = measure.share(endBytes) ?? Number.NaN;
        const off = Math.abs(share - count / RECORDS);
        assert.ok(off < 0.03, `record ${count} of ${RECORDS} is at ${share}`);
        last = share;
      }
      assert.equal(count, RECORDS);
      assert.ok(last > 0.99);
    });
  }

  test("is not known where its size is not, and all where there is nothing", () => {
    assert.equal(new InputMeasure(undefined).share(5), undefined);
    assert.equal(new InputMeasure(0).share(0), 1);
  });
});
