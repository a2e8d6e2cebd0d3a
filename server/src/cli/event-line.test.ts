import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { eventLine, gapLine } from "./event-line.ts";

const event = (type: string, noun: string, payload: object, more: object = {}) => ({
  event_type: type,
  position: "0:1",
  at: Date.UTC(2025, 6, 3, 22, 9, 0, 123),
  id: "the-id",
  [noun]: payload,
  ...more,
});
const plain = (...args: Parameters<typeof event>): string =>
  stripVTControlCharacters(eventLine(event(...args)));

describe("events as a person reads them", () => {
  test("posts, deletions, tags and undos", () => {
    const post = { id: "1", user_id: "ann", text: "Hello #world" };
    assert.equal(plain("new_tweet", "tweet", post), "22:09:00.123Z new_tweet @ann Hello #world");
    assert.equal(
      plain("reply", "tweet", post, { tags: ["a", "b"], removed: true }),
      "22:09:00.123Z -reply    [a, b] @ann Hello #world",
    );
    const repeat = { id: "2", user_id: "bob", text: "", retweet_id: "1" };
    assert.match(plain("retweet", "tweet", repeat), /retweet {3}@bob repeats 1$/);
    assert.match(plain("delete", "delete", { id: "1", user_id: "ann" }), /@ann deleted 1$/);
  });

  test("what chains tell", () => {
    const to = "0x1234567890abcdef1234567890abcdef12345678";
    assert.match(plain("block", "block", { chain: "ETH", number: 7, hash: "0xh" }), /ETH 7 0xh$/);
    assert.match(
      plain("tx", "tx", { chain: "ETH", hash: "0xh", from: "0xa", to, value: "1.5" }),
      /ETH 1\.5 from 0xa to 0x123456…5678 0xh$/,
    );
    assert.match(
      plain("reorg", "reorg", { chain: "ETH", removed: [1, 2], added: [3] }),
      /ETH replaced 2 block\(s\) by 1$/,
    );
    assert.match(
      plain("tx", "tx", { chain: "ETH", value: "0", from: "0xa" }),
      /from 0xa to nobody/,
    );
  });

  test("anything else as JSON, and by its id where there is nothing", () => {
    assert.match(plain("trade", "trade", { price: "1" }), /\{"price":"1"\}$/);
    assert.match(plain("odd", "thing", null as never), /odd {7}the-id$/);
  });

  test("stay on one line, of a bounded length, and command no terminal", () => {
    const text = `a\u001b[8mb\u001b]0;title\u0007c\u009b31md\r\ne\u202ef\u2066g\u2028h`;
    const line = eventLine(event("new_tweet", "tweet", { user_id: "x\u001b[2J", text }));
    assert.equal(stripVTControlCharacters(line).split(" @")[1], "x[2J a[8mb]0;titlec31md efg h");
    const long = plain("new_tweet", "tweet", { user_id: "x", text: "🔥".repeat(500) });
    assert.ok(long.endsWith(`${"🔥".repeat(240)}…`));
    assert.ok(long.isWellFormed());
    const others = event(
      "t\u001b[8m",
      "tweet",
      { user_id: "x", text: "y" },
      { tags: ["\u001b[8m"] },
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for one.
    assert.doesNotMatch(eventLine(others), /\u001b\[8m/);
  });

  test("gaps say how many, and whether that is exact", () => {
    const gap = {
      type: "gap",
      reason: "behind",
      from: {},
      to: {},
      count: 7,
      recover: null,
    } as const;
    assert.equal(gapLine({ ...gap, exact: true }), "gap (behind): 7 events were not delivered");
    assert.match(gapLine({ ...gap, count: 1, exact: true }), /: 1 event was not delivered$/);
    assert.match(gapLine({ ...gap, exact: false }), /up to 7 events/);
  });
});
