import assert from "node:assert/strict";
import { test } from "node:test";
import { completeTweet } from "./completion.ts";
import { parseRawTweet } from "./raw-tweet.ts";

const wrong = (value: unknown) => {
  const parsed = parseRawTweet(value);
  return parsed.ok ? [] : parsed.errors.map(({ path }) => path);
};

test("280 code points are taken and 281 are not, however many bytes they have", () => {
  assert.deepEqual(wrong({ user_id: "a", text: "😀".repeat(280) }), []);
  assert.deepEqual(wrong({ user_id: "a", text: "😀".repeat(281) }), ["/text"]);
});

test("only a retweet may be empty", () => {
  assert.deepEqual(wrong({ user_id: "a", text: "" }), ["/text"]);
  assert.deepEqual(wrong({ user_id: "a", text: "", retweet_id: "b" }), []);
});

test("what is wrong is named by its path", () => {
  assert.deepEqual(wrong({ user_id: "a", text: "x", hashtag: ["x"] }), ["/hashtag"]);
  assert.deepEqual(wrong({ user_id: "a", text: "x", hashtags: ["ok", "12"] }), ["/hashtags/1"]);
  assert.deepEqual(wrong({ user_id: "a", text: "half \ud83d" }), ["/text"]);
  assert.deepEqual(wrong({ type: "delete", id: "x" }), ["/user_id"]);
  assert.deepEqual(wrong(JSON.parse('{"user_id":"a","text":"x","__proto__":{}}')), ["/__proto__"]);
  assert.deepEqual(wrong([]), [""]);
});

test("times become UTC, with milliseconds only where they had a fraction", () => {
  const complete = (timestamp?: string) => {
    const raw = completeTweet(
      { user_id: "a", text: "x", ...(timestamp === undefined ? {} : { timestamp }) },
      { nowMs: 0, newId: () => "new" },
    );
    return "timestamp" in raw ? raw.timestamp : undefined;
  };
  assert.equal(complete("2025-07-04T00:09:00+02:00"), "2025-07-03T22:09:00Z");
  assert.equal(complete("2025-07-04T00:09:00.5Z"), "2025-07-04T00:09:00.500Z");
  assert.equal(complete(), "1970-01-01T00:00:00.000Z");
});
