import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRaw, TEXT_CODE_POINTS_MAX } from "./raw-record.ts";

const message = { from: "ann", to: "bob", text: "hello" };

const wrongPaths = (value: unknown): string[] => {
  const parsed = parseRaw(value);
  assert.ok(!parsed.ok, JSON.stringify(value));
  return parsed.errors.map(({ path }) => path);
};

test("a message, a receipt and a deletion are taken as they are", () => {
  for (const value of [
    message,
    { ...message, id: "m1", timestamp: "2026-01-01T00:00:00+01:00" },
    { ...message, text: "😀".repeat(TEXT_CODE_POINTS_MAX) },
    { type: "read", id: "m1", from: "ann", to: "bob" },
    { type: "delete", id: "m1", from: "ann", to: "bob" },
  ]) {
    assert.deepEqual(parseRaw(value), { ok: true, value });
  }
});

test("what is wrong is named by its path", () => {
  for (const [value, path] of [
    [null, ""],
    [[message], ""],
    [{ ...message, from: "" }, "/from"],
    [{ from: "ann", text: "to nobody" }, "/to"],
    [{ ...message, text: "x".repeat(TEXT_CODE_POINTS_MAX + 1) }, "/text"],
    [{ ...message, text: "half of one: \ud83d" }, "/text"],
    [{ ...message, timestamp: "yesterday" }, "/timestamp"],
    [{ ...message, txt: "twice" }, "/txt"],
    [{ ...message, type: "edit" }, "/type"],
    [{ ...message, type: "toString" }, "/type"],
    [{ type: "delete", id: "m1", from: "ann" }, "/to"],
    [JSON.parse('{"from":"ann","to":"bob","text":"x","__proto__":{}}'), "/__proto__"],
  ] as const) {
    assert.deepEqual(wrongPaths(value), [path], JSON.stringify(value));
  }
});

test("a member that is nearly right is guessed", () => {
  const parsed = parseRaw({ from: "ann", to: "bob", text: "hello", timestmap: "2026-01-01" });
  assert.ok(!parsed.ok);
  assert.equal(parsed.errors[0]?.did_you_mean, "timestamp");
});
