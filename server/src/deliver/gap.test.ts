import assert from "node:assert/strict";
import { test } from "node:test";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { loadStreams, type Stream } from "../streams/index.ts";
import { type Gap, gapFrame } from "./gap.ts";

const domains = new Map([["chain-events", chainEvents]]);
const stream = loadStreams(undefined, domains, 1).get("chain-events") as Stream;
const gap: Gap = {
  reason: "behind",
  from: { offsets: [3], sources: [undefined] },
  to: { offsets: [7], sources: [undefined] },
  count: 2,
  exact: true,
  cancels: false,
};
const recoverOf = (topic: string) =>
  gapFrame(gap, { stream, topic, rules: [{ chain: ["ETH"] }] }, () => "c1.x", true).recover;

test("what recovers a gap reads the topic that the gap is in", () => {
  assert.deepEqual(recoverOf(stream.topic), {
    stream: "chain-events",
    rules: [{ chain: ["ETH"] }],
    start: { cursor: "c1.x" },
    until: { cursor: "c1.x" },
    when_behind: "wait",
  });
  assert.equal(recoverOf(String(stream.finalTopic))?.finality, "final");
});
