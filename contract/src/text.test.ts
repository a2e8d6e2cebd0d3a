import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { foldCase, hashTerm, hashWords, hasLoneSurrogate, tokenise, wordsOfHash } from "./text.ts";

const unicode = fc.string({ unit: "grapheme" });

test("texts that differ in case alone fold to one", () => {
  for (const [a, b] of [
    ["STRASSE", "straße"],
    ["ẞ", "ss"],
    ["ΣΊΣΥΦΟΣ", "σίσυφος"],
    ["ΟΔΟΣ", "οδοσ"],
    ["ﬁ", "FI"],
    ["Ǆ", "ǆ"],
    ["É", "é"],
    ["e\u0301", "é"],
    ["Ω", "ω"],
    ["\u2126", "ω"],
  ] as const) {
    assert.equal(foldCase(a), foldCase(b), `${a} ${b}`);
  }
  assert.notEqual(foldCase("e"), foldCase("é"));
});

test("folding twice is folding once, and ASCII is only put in lower case", () => {
  fc.assert(fc.property(unicode, (text) => foldCase(foldCase(text)) === foldCase(text)));
  fc.assert(
    fc.property(
      fc.string({ unit: "binary-ascii" }),
      (text) => foldCase(text) === text.toLowerCase(),
    ),
  );
});

test("a character, its capital and its small form are one, whichever it is", () => {
  const cased = /\p{Changes_When_Casemapped}/u;
  let count = 0;
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const character = String.fromCodePoint(point);
    if (!cased.test(character)) continue;
    count += 1;
    const folded = foldCase(character);
    assert.equal(foldCase(character.toLowerCase()), folded, character);
    assert.equal(foldCase(character.toUpperCase()), folded, character);
    assert.equal(foldCase(folded), folded, character);
  }
  assert.ok(count > 2000, `${count} characters have a case`);
});

test("words are runs of letters, marks, digits and _", () => {
  for (const [text, tokens] of [
    ["Loving #crypto at Coinbase!", ["loving", "crypto", "at", "coinbase"]],
    ["coinbase_pro's", ["coinbase_pro", "s"]],
    ["  ", []],
    ["", []],
    ["a-b", ["a", "b"]],
    ["東京都", ["東", "京", "都"]],
    ["BTC東京x", ["btc", "東", "京", "x"]],
    ["ひらがなカタカナ", ["ひ", "ら", "が", "な", "カ", "タ", "カ", "ナ"]],
    ["ｆｕｌｌ", ["full"]],
    ["№5", ["no5"]],
    ["نص عربي", ["نص", "عربي"]],
    ["한국어 text", ["한국어", "text"]],
    ["e\u0301te\u0301", ["été"]],
    ["👍🏽", []],
    ["٣٤", ["٣٤"]],
  ] as const) {
    assert.deepEqual(tokenise(text), tokens, text);
  }
});

test("tokens of tokens are themselves, and case never matters", () => {
  fc.assert(
    fc.property(unicode, (text) => {
      const tokens = tokenise(text);
      assert.deepEqual(tokenise(tokens.join(" ")), tokens);
      for (const token of tokens) assert.notEqual(token, "");
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."aBc éÉ ß ς Σ 東 _9-") }), (text) => {
      assert.deepEqual(tokenise(text.toUpperCase()), tokenise(text));
    }),
  );
});

test("of ASCII, tokens are runs of small letters, digits and _, with or without what follows", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii", maxLength: 40 }), (text) => {
      const tokens = text.toLowerCase().match(/[a-z0-9_]+/g) ?? [];
      assert.deepEqual(tokenise(text), [...tokens]);
      assert.deepEqual(tokenise(`${text} é`), [...tokens, "é"]);
    }),
  );
});

test("half a pair is found", () => {
  assert.equal(hasLoneSurrogate("half \ud83d"), true);
  assert.equal(hasLoneSurrogate("\udc00"), true);
  assert.equal(hasLoneSurrogate("whole 😀"), false);
});

test("a term's hash is always the same, tells nothing, and is another's almost never", () => {
  const seen = new Map<string, string>();
  for (let at = 0; at < 100_000; at++) {
    const term = `${at % 7 === 0 ? "tag" : "user"}${at}`;
    const hash = hashTerm(term);
    assert.equal(seen.get(hash), undefined, `${term} and ${seen.get(hash)}`);
    seen.set(hash, term);
  }
  fc.assert(
    fc.property(unicode, (term) => {
      assert.match(hashTerm(term), /^[0-9a-z]{8,14}$/);
      assert.equal(hashTerm(term), hashTerm(term));
    }),
  );
  // Records of deletions carry it, so it may never change.
  assert.equal(hashTerm("crypto"), HASH_OF_CRYPTO);
  assert.equal(hashTerm(""), HASH_OF_NOTHING);
});

test("the words of a hash are read from it, and from nothing else", () => {
  const words = new Uint32Array(2);
  const wanted = new Uint32Array(2);
  fc.assert(
    fc.property(unicode, (term) => {
      hashWords(term, wanted);
      assert.ok(wordsOfHash(hashTerm(term), words));
      assert.deepEqual(words, wanted);
    }),
  );
  for (const hash of ["", "0000000", "A0000001", "1000000 ", "1-000001", "010000001"])
    assert.equal(wordsOfHash(hash, words), false, hash);
  // Words above 32 bits.
  for (const hash of ["1zzzzzzz", "zzzzzzz0000000", "1z141z40000000"])
    assert.equal(wordsOfHash(hash, words), false, hash);
});

const HASH_OF_CRYPTO = "q9uorm0qt0gjf";
const HASH_OF_NOTHING = "ubz85s0e6f174";
