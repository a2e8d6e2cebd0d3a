import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clientFrame, FrameReader, serverFrame } from "./frame-reader.ts";

/** What a reader finds in bytes that come in chunks of one shared buffer, as sockets give them. */
function framesOf(bytes: Buffer, cuts: readonly number[]): string[] {
  const found: string[] = [];
  const reader = new FrameReader((first, chunk, start, end) =>
    found.push(`${first & 0x0f}:${chunk.toString("latin1", start, end)}`),
  );
  const shared = Buffer.alloc(bytes.length);
  const ends = [...new Set([...cuts, bytes.length])].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    bytes.copy(shared, 0, from, end);
    reader.read(shared, 0, end - from);
    shared.fill(0xff);
    from = end;
  }
  return found;
}

test("frames are found wherever the bytes are cut", () => {
  const texts = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 8 });
  const cuts = fc.array(fc.nat(2000), { maxLength: 12 });
  fc.assert(
    fc.property(texts, cuts, (lengths, places) => {
      const payloads = lengths.map((length, at) => String(at % 10).repeat(length));
      const bytes = Buffer.concat(payloads.map((text) => serverFrame(Buffer.from(text))));
      const found = framesOf(
        bytes,
        places.filter((place) => place <= bytes.length),
      );
      assert.deepEqual(
        found,
        payloads.map((text) => `1:${text}`),
      );
    }),
  );
});

test("a frame longer than 64 KiB is one frame", () => {
  const payload = Buffer.alloc(70_000, "x");
  const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(70_000n, 2);
  const found = framesOf(Buffer.concat([head, payload]), [3, 65_536]);
  assert.deepEqual(found, [`2:${"x".repeat(70_000)}`]);
});

test("a client's frame is masked, and its mask leaves it as it is", () => {
  const frame = clientFrame(10, Buffer.from("17"));
  assert.deepEqual([...frame], [0x8a, 0x82, 0, 0, 0, 0, 0x31, 0x37]);
});
