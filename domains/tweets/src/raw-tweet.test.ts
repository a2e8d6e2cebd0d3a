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

test("what completion makes of a record that is taken is taken again", () => {
  const letters = Array.from({ length: 93 }, (_, at) => `#${String.fromCodePoint(0x4e00 + at)}`);
  const given = (count: number) => Array.from({ length: count }, (_, at) => `tag${at}`);
  const posts = [
    { user_id: "a", text: letters.join(" ") },
    { user_id: "a", text: `#${"a".repeat(279)}` },
    { user_id: "a", text: `#${"ﬃ".repeat(279)}` },
    { user_id: "a", text: "#one #two", hashtags: given(148) },
    { user_id: "a", text: "#tag0 #tag1", hashtags: given(150) },
    { user_id: "a", text: "x", timestamp: "9999-12-31T23:59:59Z" },
    { user_id: "a", text: "x", timestamp: "0000-01-01T00:00:00Z" },
  ];
  for (const post of posts) {
    const parsed = parseRawTweet(post);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    const completed = completeTweet(parsed.value, { nowMs: 0, newId: () => "new" });
    assert.deepEqual(wrong(completed), [], JSON.stringify(post));
  }
});

test("what could not be read again is refused at once", () => {
  const hashtags = Array.from({ length: 150 }, (_, at) => `tag${at}`);
  assert.deepEqual(wrong({ user_id: "a", text: "#more", hashtags }), ["/hashtags"]);
  for (const timestamp of ["0000-01-01T00:00:00+23:59", "9999-12-31T23:59:00-23:59"])
    assert.deepEqual(wrong({ user_id: "a", text: "x", timestamp }), ["/timestamp"]);
});

test("of very many wrong members, the first are named", () => {
  const names = Array.from({ length: 5000 }, (_, at) => [`k${at}`, 1]);
  assert.equal(wrong({ user_id: "a", text: "x", ...Object.fromEntries(names) }).length, 20);
  const hashtags = new Array<string>(100).fill("1");
  assert.equal(wrong({ user_id: "a", text: "x", hashtags }).length, 20);
});
