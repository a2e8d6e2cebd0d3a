import assert from "node:assert/strict";
import { test } from "node:test";
import { cashtagsOf, hashtagsOf, mentionsOf } from "./entities.ts";

test("hashtags are found where the rules say, each once, as written first", () => {
  const cases: readonly [string, readonly string[]][] = [
    ["Loving #crypto at #Crypto", ["#crypto"]],
    ["＃東京 and #Straße #STRASSE", ["#東京", "#Straße"]],
    ["#1st is one, #123 is none, #_a is one", ["#1st", "#_a"]],
    ["a#b &#c /#d _#e", []],
    ["see https://x.example/#anchor but (#this)", ["#this"]],
    ["#a#b", ["#a"]],
    ["😀#fun", ["#fun"]],
  ];
  for (const [text, tags] of cases) assert.deepEqual(hashtagsOf(text, []), tags, text);
  assert.deepEqual(hashtagsOf("#one", ["ONE", "#two", "３"]), ["#one", "#two"]);
});

test("mentions and cashtags are found, and not inside words or addresses", () => {
  assert.deepEqual(mentionsOf("@ann and @Ann, not a@b.example @@x"), ["ann"]);
  assert.deepEqual(cashtagsOf("$BTC $btc $BRK.B $100 US$5 $toolongone"), ["$BTC", "$BRK.B"]);
});
