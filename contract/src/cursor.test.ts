import assert from "node:assert/strict";
import { test } from "node:test";
import zlib from "node:zlib";
import fc from "fast-check";
import { type Cursor, decodeCursor, encodeCursor } from "./cursor.ts";
import { PenstockError } from "./errors.ts";

/** A record as literals make it: with the prototype that objects have. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });

const offset = fc.maxSafeNat();
const source = record({
  generation: fc.nat(),
  offset: fc.maxSafeNat(),
  index: fc.nat({ max: 999_999_999 }),
  last: fc.boolean(),
});
const partition = fc.oneof(record({ offset }), record({ offset, source }));
const name = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: "grapheme", maxLength: 20 }));
const cursor: fc.Arbitrary<Cursor> = record({
  stream: name,
  topic: name,
  logId: name,
  generation: offset,
  partitions: fc
    .array(fc.tuple(fc.nat({ max: 10_000 }), partition), { maxLength: 20 })
    .map((list) => new Map(list)),
});

/** A text that is no cursor is refused with its code, and with nothing else. */
function assertInvalid(text: string): void {
  assert.throws(
    () => decodeCursor(text),
    (caught: unknown) => caught instanceof PenstockError && caught.code === "cursor_invalid",
    JSON.stringify(text),
  );
}

const example = encodeCursor({
  stream: "tweets",
  topic: "tweets.enriched",
  logId: "Zt3k9Q",
  generation: 1,
  partitions: new Map([
    [0, { offset: 918_274, source: { generation: 0, offset: 900_000, index: 1, last: true } }],
    [1, { offset: 12 }],
  ]),
});

test("a cursor means what it was made of, and is safe in a URL", () => {
  fc.assert(
    fc.property(cursor, (made) => {
      const text = encodeCursor(made);
      assert.match(text, /^c1\.[\w-]+$/);
      assert.equal(encodeURIComponent(text), text);
      assert.deepEqual(decodeCursor(text), made);
    }),
  );
});

test("equal cursors have equal texts", () => {
  fc.assert(
    fc.property(cursor, (made) => {
      const text = encodeCursor(made);
      assert.equal(encodeCursor(decodeCursor(text)), text);
    }),
  );
});

test("cut short anywhere, it is invalid", () => {
  for (let length = 0; length < example.length; length++) assertInvalid(example.slice(0, length));
});

test("altered anywhere, to any letter of its alphabet or another, it is invalid", () => {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ é\0";
  for (let at = 0; at < example.length; at++) {
    for (const letter of letters) {
      if (letter === example[at]) continue;
      assertInvalid(example.slice(0, at) + letter + example.slice(at + 1));
    }
  }
});

test("lengthened, it is invalid", () => {
  for (const more of ["A", "AA", "AAA", "AAAA", "=", " ", "\n", example]) {
    assertInvalid(example + more);
    assertInvalid(more + example);
  }
});

test("no text whatever breaks the decoder", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.base64String().map((body) => `c1.${body}`),
    fc
      .uint8Array({ maxLength: 200 })
      .map((bytes) => `c1.${Buffer.from(bytes).toString("base64url")}`),
  );
  fc.assert(fc.property(text, assertInvalid), { numRuns: 500 });
});

test("a checksum that is right does not make a cursor of another form", () => {
  const forms: readonly unknown[] = [
    null,
    {},
    [],
    ["tweets", "topic", "log", 0],
    ["tweets", "topic", "log", 0, [], "more"],
    [5, "topic", "log", 0, []],
    ["tweets", "topic", "log", -1, []],
    ["tweets", "topic", "log", 0.5, []],
    ["tweets", "topic", "log", 2 ** 53, []],
    ["tweets", "topic", "log", 0, {}],
    ["tweets", "topic", "log", 0, [0]],
    ["tweets", "topic", "log", 0, [[0]]],
    ["tweets", "topic", "log", 0, [[0, -1]]],
    ["tweets", "topic", "log", 0, [[-1, 0]]],
    ["tweets", "topic", "log", 0, [[0, "0"]]],
    ["tweets", "topic", "log", 0, [[0, 0, "no source"]]],
    ["tweets", "topic", "log", 0, [[0, 0, 5]]],
    ["tweets", "topic", "log", 0, [[0, 0, null]]],
    [
      "tweets",
      "topic",
      "log",
      0,
      [
        [0, 0],
        [0, 1],
      ],
    ],
  ];
  for (const form of forms) assertInvalid(checksummed(JSON.stringify(form)));
  assertInvalid(checksummed("no JSON"));
  assertInvalid(checksummed(""));
  const good = decodeCursor(checksummed('["tweets","topic","log",0,[[0,1]]]'));
  assert.deepEqual([...good.partitions], [[0, { offset: 1 }]]);
});

test("a cursor is some bytes a partition", () => {
  const partitions = new Map(
    Array.from({ length: 64 }, (_, at) => [
      at,
      { offset: 10 ** 12 + at, source: { generation: 0, offset: 10 ** 12, index: 3, last: false } },
    ]),
  );
  const text = encodeCursor({
    stream: "s",
    topic: "s.enriched",
    logId: "x",
    generation: 0,
    partitions,
  });
  assert.ok(text.length < 64 * 64, `${text.length} characters of 64 partitions`);
});

/** A text with the prefix and checksum of a cursor (CRC-32 of zlib, which is not ours). */
function checksummed(text: string): string {
  const body = Buffer.from(text);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(zlib.crc32(body));
  return `c1.${Buffer.concat([body, sum]).toString("base64url")}`;
}
