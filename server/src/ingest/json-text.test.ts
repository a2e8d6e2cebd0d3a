import assert from "node:assert/strict";
import { test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import { parseRecordBytes, RECORD_DEPTH_MAX } from "./json-text.ts";

const nested = (open: string, close: string, depth: number) =>
  Buffer.from(`${open.repeat(depth)}0${close.repeat(depth)}`);

test("what lies deeper than it may is refused, in lists and in objects", () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
    ["[ ", "\n]"],
  ] as const) {
    assert.ok(parseRecordBytes(nested(open, close, RECORD_DEPTH_MAX)));
    for (const depth of [RECORD_DEPTH_MAX + 1, 5000, 500_000]) {
      assert.throws(
        () => parseRecordBytes(nested(open, close, depth)),
        (caught) => caught instanceof PenstockError && caught.code === "invalid_event",
      );
    }
  }
});

test("brackets that do not lie in each other, or stand in a text, are no depth", () => {
  const wide = { list: new Array(1000).fill([[], {}]), text: '[{"\\['.repeat(1000) };
  assert.deepEqual(parseRecordBytes(Buffer.from(JSON.stringify(wide))), wide);
});
