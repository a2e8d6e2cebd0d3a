import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, type Limits, PenstockError } from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import { declaredStream } from "../streams/declared-stream.ts";
import { typedStream } from "../streams/index.ts";
import { fieldMembers } from "./filter-members.ts";
import { parseFilters } from "./filter-parser.ts";
import { couldMatch } from "./filters.ts";
import { queryFilters } from "./query-filters.ts";

const LIMITS: Limits = {
  rules_max: 3,
  values_max: 10,
  match_all: true,
  max_events_per_second: null,
  when_behind: [],
};

const posts = typedStream("tweets", tweets, { partitions: 1 });
const chains = typedStream("chain-events", chainEvents, { partitions: 1 });
const orders = declaredStream(
  "orders",
  {
    topic: "orders",
    fields: { amount: { path: "$.total", kind: "range" }, status: { path: "$.status" } },
  },
  1,
);

const parse = (request: object, stream = posts, limits = LIMITS) =>
  parseFilters(stream, request, limits);

interface Refusal {
  readonly code: string;
  readonly errors: readonly (readonly [path: string, message: string])[];
  readonly meant: readonly (string | undefined)[];
}

function refusal(read: () => unknown): Refusal {
  try {
    read();
  } catch (caught) {
    assert.ok(caught instanceof PenstockError, String(caught));
    const { code, errors } = caught;
    return {
      code,
      errors: errors.map(({ path, message }) => [path, message]),
      meant: errors.map(({ did_you_mean }) => did_you_mean),
    };
  }
  assert.fail("nothing was refused");
}

/** Asserts that a request is refused with a code and one error. */
function refuses(
  request: object,
  code: ErrorCode,
  path: string,
  message: RegExp,
  stream = posts,
): void {
  const told = refusal(() => parse(request, stream));
  assert.equal(told.code, code, JSON.stringify(request));
  assert.equal(told.errors.length, 1, JSON.stringify(told.errors));
  assert.equal(told.errors[0]?.[0], path);
  assert.match(told.errors[0]?.[1] ?? "", message);
}

test("nothing, an empty filter and an empty rule all match everything, and are one filter", () => {
  const keys = [{}, { filters: {} }, { rules: [{}] }].map((request) => parse(request).key);
  assert.equal(new Set(keys).size, 1);
  assert.deepEqual(parse({}).wire, [{}]);
});

test("an empty rule is refused where the tier does not allow it, also beside others", () => {
  for (const request of [{}, { rules: [{ lang: "en" }, { tag: "all" }] }]) {
    const told = refusal(() => parse(request, posts, { ...LIMITS, match_all: false }));
    assert.equal(told.code, "match_all_refused");
  }
  parse({ filters: { lang: "en" } }, posts, { ...LIMITS, match_all: false });
});

test("values are normalised as their field says, sorted, and kept once", () => {
  const { wire } = parse({
    filters: {
      keywords: ["Hello,  World!", "coinbase", "COINBASE"],
      hashtags: "#Crypto",
      lang: ["EN", "de"],
    },
  });
  assert.deepEqual(wire, [
    { hashtags: ["crypto"], keywords: ["coinbase", "hello world"], lang: ["de", "en"] },
  ]);
  const bounds = parse({ filters: { min_value: "+01.50", max_value: 1e21 } }, chains).wire;
  assert.deepEqual(bounds, [{ max_value: "1000000000000000000000", min_value: "1.5" }]);
});

test("a bound keeps the digits that were written, also of small numbers", () => {
  const bound = (min_amount: unknown) => parse({ filters: { min_amount } }, orders).wire[0];
  assert.deepEqual(bound(1e-7), { min_amount: "0.0000001" });
  assert.deepEqual(bound(0.1), { min_amount: "0.1" });
  assert.deepEqual(bound("1e2"), { min_amount: "100" });
  assert.deepEqual(bound(-0), { min_amount: "0" });
});

test("an unknown field is refused with the fields that there are and the one that was meant", () => {
  const told = refusal(() => parse({ filters: { hashtag: ["a"] } }));
  assert.equal(told.code, "unknown_field");
  assert.equal(told.errors[0]?.[0], "/filters/hashtag");
  assert.match(
    told.errors[0]?.[1] ?? "",
    /^is not a field of tweets, which has user_ids, hashtags/,
  );
  assert.deepEqual(told.meant, ["hashtags"]);
  for (const [name, pointer] of [
    ["a/b~c", "/filters/a~1b~0c"],
    ["constructor", "/filters/constructor"],
    ["toString", "/filters/toString"],
    ["min_hashtags", "/filters/min_hashtags"],
    ["value", "/filters/value"],
  ] as const)
    refuses({ filters: { [name]: "x" } }, "unknown_field", pointer, /^is not a field of/);
  const proto = JSON.parse('{"filters":{"__proto__":["x"]}}') as object;
  refuses(proto, "unknown_field", "/filters/__proto__", /^is not a field of tweets/);
});

test("a range is named by its bounds alone", () => {
  assert.ok(fieldMembers(orders).includes("min_amount"));
  assert.ok(fieldMembers(orders).includes("max_amount"));
  assert.ok(!fieldMembers(orders).includes("amount"));
  const told = refusal(() => parse({ filters: { amount: 5 } }, orders));
  assert.equal(told.code, "unknown_field");
  assert.deepEqual(told.meant, ["min_amount"]);
});

test("a value of a wrong type, or one that cannot be, is refused where it stands", () => {
  const wrong: readonly (readonly [filters: object, path: string, message: RegExp])[] = [
    [{ hashtags: 7 }, "/filters/hashtags", /^must be a text such as "crypto"$/],
    [{ hashtags: null }, "/filters/hashtags", /^must be a text/],
    [{ hashtags: {} }, "/filters/hashtags", /^must be a text/],
    [{ hashtags: ["a", ["b"]] }, "/filters/hashtags/1", /^must be a text/],
    [{ hashtags: [] }, "/filters/hashtags", /^must have at least one value$/],
    [{ hashtags: ["a", ""] }, "/filters/hashtags/1", /^must have 1 to 512 characters$/],
    [{ hashtags: ["#"] }, "/filters/hashtags/0", /^must not be empty$/],
    [{ user_ids: "x".repeat(513) }, "/filters/user_ids", /^must have 1 to 512 characters$/],
    [{ user_ids: "\ud800" }, "/filters/user_ids", /^must be well-formed Unicode$/],
    [
      { keywords: ["ok", "!?"] },
      "/filters/keywords/1",
      /^must have at least one letter, digit or _$/,
    ],
    [{ keywords: "x".repeat(513) }, "/filters/keywords", /^must have at most 512 characters$/],
    [{ keywords: "a\udc00" }, "/filters/keywords", /^must be well-formed Unicode$/],
    [{ keywords: true }, "/filters/keywords", /^must be a text such as "coinbase"$/],
    [
      { event_types: "tweet" },
      "/filters/event_types",
      /^must be one of new_tweet, retweet, reply, delete$/,
    ],
    [
      { tag: "" },
      "/filters/tag",
      /^must be a text of 1 to 64 characters, without lone surrogates$/,
    ],
    [
      { tag: "a\ud800" },
      "/filters/tag",
      /^must be a text of 1 to 64 characters, without lone surrogates$/,
    ],
    [
      { tag: ["a"] },
      "/filters/tag",
      /^must be a text of 1 to 64 characters, without lone surrogates$/,
    ],
    [{ max_tweets_per_second: 0 }, "/filters/max_tweets_per_second", /^must be a number above 0/],
    [{ max_events_per_second: "5" }, "/filters/max_events_per_second", /^must be a number above 0/],
  ];
  for (const [filters, path, message] of wrong)
    refuses({ filters }, "invalid_filter", path, message);
});

test("a bound must be one number, and bounds must leave something", () => {
  const number = /^must be a number or a decimal text such as "1\.5"$/;
  const wrong: readonly (readonly [filters: object, path: string, message: RegExp])[] = [
    [{ min_amount: "ten" }, "/filters/min_amount", number],
    [{ min_amount: "" }, "/filters/min_amount", number],
    [{ min_amount: "1,5" }, "/filters/min_amount", number],
    [{ min_amount: "0x10" }, "/filters/min_amount", number],
    [{ min_amount: Number.NaN }, "/filters/min_amount", number],
    [{ max_amount: null }, "/filters/max_amount", number],
    [{ max_amount: `1${"0".repeat(100)}` }, "/filters/max_amount", number],
    [{ max_amount: ["1"] }, "", /./],
    [{ max_amount: [1, 2] }, "/filters/max_amount", /^must be one number$/],
    [
      { min_amount: 3, max_amount: "2.99" },
      "/filters/min_amount",
      /^must not be above max_amount: nothing could match$/,
    ],
  ];
  for (const [filters, path, message] of wrong) {
    if (path === "") parse({ filters }, orders);
    else refuses({ filters }, "invalid_filter", path, message, orders);
  }
  parse({ filters: { min_amount: "3.0", max_amount: 3 } }, orders);
});

test("values that look like bounds are values where the field is no range", () => {
  const { wire } = parse({ filters: { hashtags: ["min_5", "max_3"] } });
  assert.deepEqual(wire, [{ hashtags: ["max_3", "min_5"] }]);
});

test("what is no list of rules is refused, and so are filters beside rules", () => {
  refuses({ filters: {}, rules: [{}] }, "invalid_filter", "/rules", /^must be left out/);
  for (const rules of [[], {}, "all", null])
    refuses({ rules }, "invalid_filter", "/rules", /^must be a list of at least one object/);
  for (const filters of ["a", [], null, 7])
    refuses({ filters }, "invalid_filter", "/filters", /^must be an object of fields$/);
  refuses({ rules: [{}, "a"] }, "invalid_filter", "/rules/1", /^must be an object of fields$/);
  refuses({ rules: [{}, { lang: 1 }] }, "invalid_filter", "/rules/1/lang", /^must be a text/);
});

test("everything that is wrong is told at once", () => {
  const told = refusal(() => parse({ rules: [{ lang: 7, tag: "" }, { hashtgs: "a" }] }));
  assert.equal(told.code, "unknown_field");
  assert.deepEqual(
    told.errors.map(([path]) => path),
    ["/rules/0/tag", "/rules/0/lang", "/rules/1/hashtgs"],
  );
});

test("more rules or values than are allowed are refused, and ten thousand values too", () => {
  assert.equal(refusal(() => parse({ rules: [{}, {}, {}, {}] })).code, "filter_too_large");
  const values = (count: number) => Array.from({ length: count }, (_, number) => `t${number}`);
  parse({ filters: { hashtags: values(10) } });
  for (const count of [11, 10_000]) {
    const told = refusal(() => parse({ filters: { hashtags: values(count) } }));
    assert.equal(told.code, "filter_too_large");
    assert.match(told.errors[0]?.[1] ?? "", /^must have at most 10 values/);
  }
});

test("a rate among the fields is no field", () => {
  const filters = parse({ filters: { lang: "en", max_tweets_per_second: 5 } });
  assert.equal(filters.maxEventsPerSecond, 5);
  assert.equal(filters.key, parse({ filters: { lang: "en" } }).key);
  refuses(
    { filters: { max_tweets_per_second: 5 } },
    "unknown_field",
    "/filters/max_tweets_per_second",
    /./,
    orders,
  );
});

test("tags are part of a filter, and the same rule with two tags is two", () => {
  const { wire, tagged } = parse({
    rules: [
      { tag: "b", lang: "en" },
      { tag: "a", lang: "en" },
    ],
  });
  assert.deepEqual(wire, [
    { tag: "a", lang: ["en"] },
    { tag: "b", lang: ["en"] },
  ]);
  assert.ok(tagged);
  assert.notEqual(
    parse({ filters: { lang: "en", tag: "a" } }).key,
    parse({ filters: { lang: "en" } }).key,
  );
});

test("a broadcast reaches whoever asks nothing of its field, or admits its value", () => {
  const of = (rules: readonly object[]) => couldMatch(parse({ rules }, chains), "chain", "ETH");
  assert.ok(of([{}]));
  assert.ok(of([{ event_types: "tx" }]));
  assert.ok(of([{ chain: "BTC" }, { chain: "ETH", min_value: 5 }]));
  assert.ok(!of([{ chain: "BTC" }]));
});

test("a query's filters are those of a body, parted by commas or repeated", () => {
  const query = new URLSearchParams("hashtags=a,%23B&hashtags=c&keywords=one+two");
  const filters = queryFilters(posts, query, LIMITS);
  const same = { filters: { hashtags: ["a", "b", "c"], keywords: "one two" } };
  assert.equal(filters.key, parse(same).key);
  const bounds = queryFilters(orders, new URLSearchParams("min_amount=1.50"), LIMITS);
  assert.equal(bounds.key, parse({ filters: { min_amount: "1.5" } }, orders).key);
});

test("what is wrong in a query is told by its parameter", () => {
  const told = (query: string) =>
    refusal(() => queryFilters(posts, new URLSearchParams(query), LIMITS));
  assert.deepEqual(told("hashtag=a").errors[0]?.[0], "/hashtag");
  assert.deepEqual(told("hashtags=a,,b").errors, [
    ["/hashtags/1", "must have 1 to 512 characters"],
  ]);
  assert.deepEqual(told("lang=").errors[0]?.[0], "/lang/0");
});
