import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { readWhole } from "./json-body.ts";
import { readLines } from "./line-reader.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const BYTES = 5000;

/** Bytes each of which comes in a chunk of its own; tells how many of them are held at their end. */
function drops(told: (held: number) => void): Readable {
  const pieces: WeakRef<ArrayBufferLike>[] = [];
  const end = (body: Readable): void => {
    collect();
    told(pieces.filter((piece) => piece.deref() !== undefined).length);
    body.push(null);
  };
  return new Readable({
    // Or it would join several pieces into one by itself.
    highWaterMark: 1,
    read() {
      if (pieces.length === BYTES) {
        // What a reference that was just made leads to is held until a turn later.
        setImmediate(() => setImmediate(end, this));
        return;
      }
      const piece = Buffer.allocUnsafeSlow(1).fill("x");
      pieces.push(new WeakRef(piece.buffer));
      this.push(piece);
    },
  });
}

test("a line that comes byte by byte is held as a whole, and not in its pieces", async () => {
  let pieces = BYTES;
  let counted = 0;
  const add = (bytes: number): void => {
    counted += bytes;
  };
  const body = drops((held) => {
    pieces = held;
  });
  const limits = { lineBytesMax: BYTES, batchLinesMax: 1, held: { add, release: () => undefined } };
  const lines: string[] = [];
  for await (const batch of readLines(body, limits))
    for (const { bytes } of batch) lines.push(String(bytes));
  assert.deepEqual(lines, ["x".repeat(BYTES)]);
  assert.equal(counted, BYTES);
  assert.ok(pieces < 100, `${pieces} pieces are held`);
});

test("a body that comes byte by byte is held as a whole, and not in its pieces", async () => {
  let pieces = BYTES;
  const body = drops((held) => {
    pieces = held;
  });
  const whole = await readWhole(body, BYTES, "too large");
  assert.equal(whole.toString(), "x".repeat(BYTES));
  assert.ok(pieces < 100, `${pieces} pieces are held`);
});
