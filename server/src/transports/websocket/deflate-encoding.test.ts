import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { WebSocketReader } from "../../../../test/transports/drivers.ts";
import { deflatedFrame } from "./deflate-encoding.ts";
import { closeFrame, numberedPing, textFrame } from "./frames.ts";
import { inflateMessage } from "./message-inflater.ts";

/** A whole frame's payload, read by its own length. */
function payloadOf(frame: Buffer): Buffer {
  const short = frame[1] ?? 0;
  const head = short < 126 ? 2 : short === 126 ? 4 : 10;
  const length =
    short < 126 ? short : short === 126 ? frame.readUInt16BE(2) : Number(frame.readBigUInt64BE(2));
  assert.equal(frame.length, head + length);
  return frame.subarray(head);
}

describe("frames out", () => {
  test("a compressed frame inflates to its text, alone and with a window of 4 KiB", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }).map((text) => text.toWellFormed()),
      fc
        .array(fc.constantFrom("hash", "tags", '":[', "0x00", "é"), {
          maxLength: 5000,
          size: "max",
        })
        .map((parts) => parts.join("")),
    );
    let compressed = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const frame = deflatedFrame(text);
        assert.ok(frame.length <= textFrame(text).length);
        const payload = payloadOf(frame);
        if (frame[0] === 0x81) {
          assert.equal(payload.toString("utf8"), text);
          return;
        }
        assert.equal(frame[0], 0xc1);
        compressed += 1;
        assert.equal(inflateMessage(payload, 1_000_000).toString("utf8"), text);
        const whole = Buffer.concat([payload, Buffer.from([0x00, 0x00, 0xff, 0xff])]);
        const narrow = inflateRawSync(whole, { windowBits: 12, finishFlush: 2 });
        assert.equal(narrow.toString("utf8"), text);
      }),
      { seed: 31, numRuns: 300 },
    );
    assert.ok(compressed > 50, `${compressed} were compressed`);
  });

  test("what does not get smaller is sent as it is", () => {
    assert.equal(deflatedFrame('{"type":"heartbeat"}')[0], 0x81);
    const distinct = Array.from({ length: 70 }, (_, n) => String.fromCodePoint(33 + n));
    assert.equal(deflatedFrame(distinct.join(""))[0], 0x81);
  });

  test("a text of each length's form is one whole frame", () => {
    for (const length of [0, 125, 126, 65_535, 65_536]) {
      const reader = new WebSocketReader();
      assert.deepEqual(reader.feed(textFrame("x".repeat(length))), ["x".repeat(length)]);
    }
  });

  test("pings of a number are one buffer", () => {
    assert.equal(numberedPing(7), numberedPing(7));
    assert.deepEqual(numberedPing(999), Buffer.from([0x89, 3, 0x39, 0x39, 0x39]));
  });

  test("a close frame's reason is cut between characters", () => {
    assert.deepEqual(closeFrame(undefined, "unsaid"), Buffer.from([0x88, 0]));
    const frame = closeFrame(1000, `${"x".repeat(122)}é`);
    assert.equal(frame.length, 2 + 2 + 122);
    assert.equal(
      payloadOf(closeFrame(4400, "é".repeat(100)))
        .subarray(2)
        .toString(),
      "é".repeat(61),
    );
  });
});
