/**
 * The index and the plain evaluation, held against a third one that is written here from the
 * protocol's text alone: it shares no code with the room.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DomainEvent, hashTerm, type Limits, type Route } from "@penstock-dev/contract";
import fc from "fast-check";
import type { StreamEvent } from "../streams/index.ts";
import { thingField, thingsStream, thingType } from "../streams/things-stream.ts";
import { EventTerms } from "./event-terms.ts";
import { type FilterHandle, FilterIndex, type FilterIndexOptions } from "./filter-index.ts";
import { parseFilters } from "./filter-parser.ts";
import { couldMatch, type Filters, matches } from "./filters.ts";

const LIMITS: Limits = {
  rules_max: 100,
  values_max: 1000,
  match_all: true,
  max_events_per_second: null,
  when_behind: [],
};

const stream = thingsStream({
  event_types: {
    made: thingType(),
    sold: thingType(),
    gone: thingType({ deletion: true }),
    moved: thingType({ broadcast: { field: "owner" } }),
    sealed: thingType({ on_request: true }),
  },
  fields: {
    owner: thingField("exact", "owner"),
    marks: {
      ...thingField("set", "marks"),
      normalise: (value: string) => {
        const bare = value.replace(/^#/, "").toLowerCase();
        return bare === "" ? { wrong: "must not be empty" } : { value: bare };
      },
    },
    words: thingField("text", "words"),
    price: thingField("range", "price"),
    weight: thingField("range", "weight"),
  },
});

/** Words as somebody writes them, with the tokens that they are compared by. */
const WORDS: readonly (readonly [written: string, ...tokens: string[]])[] = [
  ["coin", "coin"],
  ["COIN", "coin"],
  ["coin-base", "coin", "base"],
  ["Base", "base"],
  ["coinbase", "coinbase"],
  ["Straße", "strasse"],
  ["STRASSE", "strasse"],
  ["ΟΔΟΣ", "οδοσ"],
  ["οδος", "οδοσ"],
  ["ｆｕｌｌ", "full"],
  ["full", "full"],
  ["東京都", "東", "京", "都"],
  ["東京", "東", "京"],
  ["a_b", "a_b"],
  ["é", "é"],
  ["e\u0301", "é"],
];
/** Numbers as somebody writes them, with what they are in units of 10^-30. */
const NUMBERS: readonly (readonly [written: string | number, units: bigint])[] = [
  ["0", 0n],
  ["-0.0", 0n],
  ["0.1", 10n ** 29n],
  [0.1, 10n ** 29n],
  ["+0.10", 10n ** 29n],
  ["0.1000000000000000000000001", 10n ** 29n + 10n ** 5n],
  [1e-7, 10n ** 23n],
  ["0.0000001", 10n ** 23n],
  ["1", 10n ** 30n],
  ["10", 10n ** 31n],
  ["9", 9n * 10n ** 30n],
  ["007", 7n * 10n ** 30n],
  [1e21, 10n ** 51n],
  ["1000000000000000000001", 10n ** 51n + 10n ** 30n],
  [1e23, 10n ** 53n],
  ["9007199254740993", 9007199254740993n * 10n ** 30n],
  ["9007199254740992", 9007199254740992n * 10n ** 30n],
  ["-1", -(10n ** 30n)],
  ["-1.5", -15n * 10n ** 29n],
  ["-10", -(10n ** 31n)],
  ["99999999999999999999999999999999999999999999999999", (10n ** 50n - 1n) * 10n ** 30n],
];
const OWNERS = ["ann", "Ann", "bob", "min_5", "max_3", "__proto__", "constructor"];
const MARKS = ["red", "#Red", "RED", "blue", "#blue", "min_9", "max_1", "green"];
const TYPES = ["made", "sold", "gone", "moved", "sealed"];

interface Rule {
  readonly tag?: string;
  readonly owner?: string | readonly string[];
  readonly marks?: readonly string[];
  readonly event_types?: readonly string[];
  /** Phrases, as indices of words. */
  readonly words?: readonly (readonly number[])[];
  readonly min_price?: number;
  readonly max_price?: number;
  readonly min_weight?: number;
  readonly max_weight?: number;
}

interface Thing {
  readonly type: string;
  readonly owner?: string;
  readonly marks?: readonly string[];
  readonly words?: readonly number[];
  readonly price?: number;
  readonly weight?: number;
}

const index = (list: readonly unknown[]) => fc.nat({ max: list.length - 1 });
const some = <T>(list: readonly T[], maxLength = 3) =>
  fc.array(fc.constantFrom(...list), { minLength: 1, maxLength });
const bounds = (name: "price" | "weight") =>
  fc
    .record(
      { [`min_${name}`]: index(NUMBERS), [`max_${name}`]: index(NUMBERS) },
      { requiredKeys: [] },
    )
    .filter((given) => {
      const { [`min_${name}`]: min, [`max_${name}`]: max } = given as Record<string, number>;
      return min === undefined || max === undefined || unitsOf(min) <= unitsOf(max);
    });
const rule: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.record(
      {
        tag: fc.constantFrom("x", "y", "z"),
        owner: fc.oneof(fc.constantFrom(...OWNERS), some(OWNERS)),
        marks: some(MARKS),
        event_types: some(TYPES, 4),
        words: fc.array(fc.array(index(WORDS), { minLength: 1, maxLength: 3 }), {
          minLength: 1,
          maxLength: 3,
        }),
      },
      { requiredKeys: [] },
    ),
    fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, bounds("price")),
    fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, bounds("weight")),
  )
  .map((parts) => Object.assign({}, ...parts) as Rule);
const thing: fc.Arbitrary<Thing> = fc.record(
  {
    type: fc.constantFrom("made", "sold", "sold", "moved", "sealed"),
    owner: fc.constantFrom(...OWNERS),
    marks: some(MARKS, 4),
    words: fc.array(index(WORDS), { maxLength: 6 }),
    price: index(NUMBERS),
    weight: index(NUMBERS),
  },
  { requiredKeys: ["type"] },
);

const unitsOf = (number: number): bigint => NUMBERS[number]?.[1] ?? 0n;
const tokensOf = (words: readonly number[]): string[] =>
  words.flatMap((word) => (WORDS[word] ?? []).slice(1));
const writtenOf = (words: readonly number[]): string =>
  words.map((word) => WORDS[word]?.[0]).join(" ");
const markOf = (mark: string): string => mark.replace("#", "").toLowerCase();

/** A rule as a client sends it. */
function onTheWire(given: Rule): object {
  const { words, ...rest } = given;
  const numbers = Object.entries(rest).map(([name, value]) => [
    name,
    /^(min|max)_/.test(name) ? NUMBERS[value as number]?.[0] : value,
  ]);
  return {
    ...Object.fromEntries(numbers),
    ...(words === undefined ? {} : { words: words.map(writtenOf) }),
  };
}

/** Which members of a rule a thing satisfies; a member that it does not ask is left out. */
function verdicts(given: Rule, { type, owner, marks, words, price, weight }: Thing) {
  const asked = new Map<string, boolean>();
  if (given.owner !== undefined)
    asked.set("owner", owner !== undefined && [given.owner].flat().includes(owner));
  if (given.marks !== undefined) {
    const wanted = given.marks.map(markOf);
    asked.set(
      "marks",
      (marks ?? []).some((mark) => wanted.includes(markOf(mark))),
    );
  }
  if (given.event_types !== undefined) asked.set("event_types", given.event_types.includes(type));
  if (given.words !== undefined) {
    const text = `|${tokensOf(words ?? []).join("|")}|`;
    asked.set(
      "words",
      given.words.some((phrase) => text.includes(`|${tokensOf(phrase).join("|")}|`)),
    );
  }
  const within = (value: number | undefined, min: number | undefined, max: number | undefined) =>
    value !== undefined &&
    (min === undefined || unitsOf(min) <= unitsOf(value)) &&
    (max === undefined || unitsOf(value) <= unitsOf(max));
  if (given.min_price !== undefined || given.max_price !== undefined)
    asked.set("price", within(price, given.min_price, given.max_price));
  if (given.min_weight !== undefined || given.max_weight !== undefined)
    asked.set("weight", within(weight, given.min_weight, given.max_weight));
  return asked;
}

/** What cancels a thing: its whole route, only whose it was, or nothing known but its own fields. */
type Cancel = "whole" | "partial" | undefined;

function naive(
  rules: readonly Rule[],
  event: Thing,
  cancelled: Thing | undefined,
  cancel: Cancel,
): { tags: readonly string[] | undefined } | undefined {
  const holds = (given: Rule, about: Thing) => [...verdicts(given, about).values()].every(Boolean);
  if (event.type === "moved") {
    const reached = rules.some(
      ({ owner }) =>
        event.owner !== undefined && (owner === undefined || [owner].flat().includes(event.owner)),
    );
    return reached ? { tags: undefined } : undefined;
  }
  const held = rules.filter((given) => {
    if (event.type === "sealed" && given.event_types?.includes("sealed") !== true) return false;
    if (holds(given, event)) return true;
    if (cancelled === undefined) return false;
    if (cancel === "whole") return holds(given, cancelled);
    const asked = verdicts(given, cancelled);
    return asked.size === 0 || asked.get("owner") === true;
  });
  if (held.length === 0) return undefined;
  const tags = [...new Set(held.flatMap(({ tag }) => (tag === undefined ? [] : [tag])))].sort();
  return { tags: tags.length === 0 ? undefined : tags };
}

function payloadOf({ owner, marks, words, price, weight }: Thing): DomainEvent["payload"] {
  const all = {
    owner,
    marks,
    words: words === undefined ? undefined : writtenOf(words),
    price: price === undefined ? undefined : String(NUMBERS[price]?.[0]),
    weight: weight === undefined ? undefined : String(NUMBERS[weight]?.[0]),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function routeOf({ type, owner, marks, words, price, weight }: Thing, cancel: Cancel): Route {
  const owners = owner === undefined ? {} : { owner: [hashTerm(owner)] };
  if (cancel === "partial") return { fields: { owner: [], ...owners }, partial: true };
  const number = (value: number | undefined) => String(decimalText(unitsOf(value ?? 0)));
  return {
    fields: {
      event_types: [hashTerm(type)],
      ...owners,
      ...(marks === undefined ? {} : { marks: marks.map((mark) => hashTerm(markOf(mark))) }),
      ...(words === undefined ? {} : { words: tokensOf(words).map(hashTerm) }),
      ...(price === undefined ? {} : { price: [number(price)] }),
      ...(weight === undefined ? {} : { weight: [number(weight)] }),
    },
  };
}

function decimalText(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(31, "0");
  const text = `${digits.slice(0, -30)}.${digits.slice(-30)}`.replace(/\.?0*$/, "");
  return units < 0n ? `-${text}` : text;
}

function termsOf(event: Thing, routes: readonly Route[] | undefined): EventTerms {
  const whole: StreamEvent = {
    event_type: event.type,
    id: "1",
    noun: "thing",
    payload: payloadOf(event),
    source: undefined,
    contentKey: undefined,
    tail: "",
    ...(routes === undefined ? {} : { routes }),
  };
  return new EventTerms(stream, whole);
}

const parse = (rules: readonly Rule[]): Filters =>
  parseFilters(stream, { rules: rules.map(onTheWire) }, LIMITS);

type Step =
  | { readonly kind: "add"; readonly rules: readonly Rule[] }
  | { readonly kind: "remove"; readonly which: number }
  | { readonly kind: "event"; readonly event: Thing; readonly cancel: Cancel };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), which: fc.nat() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("event" as const),
      event: thing,
      cancel: fc.constantFrom<Cancel>(undefined, undefined, "whole", "partial"),
    }),
  },
);

/** All terms fall into four hashes, and what is marked is forgotten every few events. */
const CROWDED: FilterIndexOptions = {
  hashOf: (first, second) => (first ^ second) & 3,
  stampsMax: 5,
};

for (const [way, options, isExpected] of [
  ["", {}, false],
  [", though hashes collide and marks run out", CROWDED, false],
  [", when events are expected", {}, true],
  [", when they are expected and hashes collide", CROWDED, true],
] as const) {
  test(`the index and the plain evaluation agree with the protocol, whatever filters come and go${way}`, () =>
    agrees(options, isExpected));
}

/** A step's event as the index gets it. */
function termsAt({
  event,
  cancel,
}: {
  readonly event: Thing;
  readonly cancel: Cancel;
}): EventTerms {
  return cancel === undefined
    ? termsOf(event, undefined)
    : termsOf({ type: "gone" }, [routeOf(event, cancel)]);
}

/** @param isExpected the index is told beforehand of some events, of which not all come */
function agrees(options: FilterIndexOptions, isExpected: boolean): void {
  let compared = 0;
  let matched = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 80 }), (steps) => {
      const filterIndex = new FilterIndex<number>(stream, options);
      const allTerms = steps.map((one) => (one.kind === "event" ? termsAt(one) : undefined));
      const held = new Map<
        number,
        { rules: readonly Rule[]; filters: Filters; handle: FilterHandle }
      >();
      for (const [number, one] of steps.entries()) {
        if (one.kind === "add") {
          const filters = parse(one.rules);
          held.set(number, { rules: one.rules, filters, handle: filterIndex.add(filters, number) });
        } else if (one.kind === "remove") {
          const owner = [...held.keys()][one.which % Math.max(1, held.size)];
          const gone = owner === undefined ? undefined : held.get(owner);
          if (owner === undefined || gone === undefined) continue;
          filterIndex.remove(gone.handle);
          filterIndex.remove(gone.handle);
          held.delete(owner);
        } else {
          const { event, cancel } = one;
          const about: Thing = cancel === undefined ? event : { type: "gone" };
          const terms = allTerms[number] ?? assert.fail();
          if (isExpected && number % 4 === 0) {
            const coming = allTerms.slice(number, number + 40).filter((one) => one !== undefined);
            filterIndex.expect([termsOf(event, undefined), ...coming]);
          }
          const found = new Map<number, readonly string[] | undefined>();
          filterIndex.match(terms, (owner, tags) => {
            assert.ok(!found.has(owner), "an owner is told once");
            found.set(owner, tags);
          });
          for (const [owner, { rules, filters, handle }] of held) {
            const told = filterIndex.couldMatch(handle, "owner", event.owner ?? "");
            assert.equal(told, couldMatch(filters, "owner", event.owner ?? ""));
            const expected = naive(rules, about, cancel === undefined ? undefined : event, cancel);
            assert.deepEqual(matches(filters, terms), expected);
            compared += 1;
            if (expected !== undefined) matched += 1;
            if (about.type === "moved") continue;
            assert.equal(found.has(owner), expected !== undefined);
            assert.deepEqual(found.get(owner), expected?.tags);
          }
          for (const owner of found.keys()) assert.ok(held.has(owner));
        }
        assert.equal(filterIndex.size, held.size);
      }
      for (const { handle } of held.values()) filterIndex.remove(handle);
      assert.equal(filterIndex.size, 0);
      assert.equal(filterIndex.terms, 0, "nothing is kept of filters that are gone");
    }),
    { numRuns: 400 },
  );
  // Otherwise the pools are such that the property says nothing.
  assert.ok(
    matched > compared / 20 && matched < compared * 0.9,
    `${matched} of ${compared} matched`,
  );
}

test("filters that mean the same have the same key, however they are written", () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), fc.nat(), (rules, turn) => {
      const rewritten = [...rules, ...rules.slice(0, turn % 2)].reverse().map((given) => {
        const members = Object.entries(given).reverse();
        return Object.fromEntries(
          members.map(([name, value]) => [
            name,
            Array.isArray(value) ? [...value, ...value].reverse() : value,
          ]),
        ) as Rule;
      });
      const first = parse(rules);
      const second = parse(rewritten);
      assert.equal(second.key, first.key);
      assert.deepEqual(second.wire, first.wire);
      const written = JSON.stringify(first.rules);
      first.compact();
      assert.equal(JSON.stringify(first.rules), written, "the key alone gives the rules again");
    }),
    { numRuns: 500 },
  );
});

test("what is normalised stays as it is when it is read again, and means the same", () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), thing, (rules, event) => {
      const filters = parse(rules);
      const again = parseFilters(
        stream,
        { rules: JSON.parse(JSON.stringify(filters.wire)) as unknown },
        LIMITS,
      );
      assert.equal(again.key, filters.key);
      assert.deepEqual(again.wire, filters.wire);
      const terms = termsOf(event, undefined);
      assert.deepEqual(matches(again, terms), matches(filters, terms));
    }),
    { numRuns: 500 },
  );
});

test("filters with the same key match the same", () => {
  fc.assert(
    fc.property(rule, rule, thing, (a, b, event) => {
      const [first, second] = [parse([a]), parse([b])];
      if (first.key !== second.key) return;
      const terms = termsOf(event, undefined);
      assert.deepEqual(matches(first, terms), matches(second, terms));
    }),
    { numRuns: 2000 },
  );
});
