import assert from "node:assert/strict";
import { test } from "node:test";
import { murmur2, partitionOf } from "./partitioner.ts";

test("murmur2 gives what Kafka's Java client gives", () => {
  const known: readonly [string, number][] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [text, hash] of known) assert.equal(murmur2(Buffer.from(text)), hash, text);
});

test("a key's partition is within the topic's", () => {
  for (const key of ["", "a", "user123", "ETH"]) {
    const partition = partitionOf(key, 4);
    assert.ok(partition >= 0 && partition < 4);
  }
});
