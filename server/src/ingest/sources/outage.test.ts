import assert from "node:assert/strict";
import { test } from "node:test";
import { Outage } from "./outage.ts";

test("an outage is told when it begins, once a minute, and when it is over", () => {
  let nowMs = 1_000_000;
  const lines: string[] = [];
  const outage = new Outage(
    (level, message, { attempts, chain } = {}) =>
      lines.push(`${level} ${message} ${chain} ${attempts}`),
    () => nowMs,
    { chain: "ETH" },
  );
  const fail = (): void => outage.failed("down", "refused");
  outage.worked("back");
  assert.deepEqual(lines, [], "nothing was wrong");
  for (let second = 0; second < 150; second += 2, nowMs += 2000) fail();
  outage.worked("back");
  outage.worked("back");
  assert.deepEqual(lines.splice(0), [
    "warn down ETH 1",
    "warn down ETH 31",
    "warn down ETH 61",
    "info back ETH 75",
  ]);
  // One that comes and goes is told of no more often, and never as back where it was not told as gone.
  for (let time = 0; time < 5; time++, nowMs += 1000) {
    fail();
    outage.worked("back");
  }
  assert.deepEqual(lines.splice(0), []);
  nowMs += 60_000;
  fail();
  outage.worked("back");
  assert.deepEqual(lines, ["warn down ETH 1", "info back ETH 1"]);
});
