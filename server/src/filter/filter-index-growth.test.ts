/** The index with thousands of filters that come and go, held against the plain evaluation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DomainEvent, hashTerm, type Limits } from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import { thingField, thingsStream } from "../streams/things-stream.ts";
import { EventTerms } from "./event-terms.ts";
import { type FilterHandle, FilterIndex } from "./filter-index.ts";
import { parseFilters } from "./filter-parser.ts";
import { type Filters, matches } from "./filters.ts";
import type { FieldKind } from "./kinds/field-kind.ts";
import { registerKind } from "./kinds/kinds.ts";
import { range } from "./kinds/range.ts";
import { set } from "./kinds/set.ts";
import { text } from "./kinds/text.ts";

const LIMITS: Limits = {
  rules_max: 100,
  values_max: 1000,
  match_all: true,
  max_events_per_second: null,
  when_behind: [],
};

function streamOf(kinds: Readonly<Record<string, string>>): Stream {
  const fields = Object.entries(kinds).map(([name, kind]) => [name, thingField(kind, name)]);
  return thingsStream({ fields: Object.fromEntries(fields) });
}

const stream = streamOf({ owner: "exact", marks: "set", words: "text", price: "range" });

const termsOf = (payload: DomainEvent["payload"], of = stream, routes?: DomainEvent["routes"]) =>
  new EventTerms(of, {
    event_type: "made",
    id: "1",
    noun: "thing",
    payload,
    source: undefined,
    contentKey: undefined,
    tail: "",
    ...(routes === undefined ? {} : { routes }),
  });

function ownersOf(index: FilterIndex<number>, terms: EventTerms): number[] {
  const found: number[] = [];
  index.match(terms, (owner) => found.push(owner));
  return found.sort((a, b) => a - b);
}

/** Numbers below a limit, the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = Math.imul(state, 1664525) + 1013904223;
    return ((state >>> 8) % limit) | 0;
  };
}

test("thirty thousand filters come and go in any order, and each event finds the right ones", () => {
  const index = new FilterIndex<number>(stream);
  const below = numbers(5);
  const held = new Map<number, { readonly filters: Filters; readonly handle: FilterHandle }>();
  const rule = (number: number): object =>
    [
      { owner: `o${number}` },
      { owner: `o${below(50)}`, marks: [`m${below(3000)}`, "hot"] },
      { words: [`w${below(60)} w${below(60)} w${below(60)}`, `w${below(60)} w${below(60)}`] },
      { min_price: below(1000) + number / 7, max_price: below(1000) + 1000 + number / 7 },
      { marks: Array.from({ length: 100 }, (_, at) => `m${number + at}`), min_price: below(3000) },
    ][below(5)] ?? {};
  const add = (number: number): void => {
    const filters = parseFilters(stream, { rules: [rule(number), rule(number)] }, LIMITS);
    held.set(number, { filters, handle: index.add(filters, number) });
  };
  for (let number = 0; number < 30_000; number++) {
    add(number);
    // Three of four go again, some of them long after.
    if (below(4) === 0) continue;
    const gone = number - below(2000);
    const one = held.get(gone);
    if (one !== undefined) index.remove(one.handle);
    held.delete(gone);
    if (number % 1500 !== 0) continue;
    const terms = termsOf({
      owner: `o${below(number + 1)}`,
      marks: [`m${below(3000)}`, `m${below(number + 100)}`],
      words: Array.from({ length: 40 }, () => `w${below(60)}`).join(" "),
      price: String(below(4000)),
    });
    const expected = [...held].filter(([, { filters }]) => matches(filters, terms) !== undefined);
    assert.deepEqual(
      ownersOf(index, terms),
      expected.map(([owner]) => owner).sort((a, b) => a - b),
    );
  }
  assert.equal(index.size, held.size);
  for (const { handle } of held.values()) index.remove(handle);
  assert.equal(index.size, 0);
  assert.equal(index.terms, 0);
});

test("ten thousand ranges lead to those that hold a number, and to few others", () => {
  const index = new FilterIndex<number>(stream);
  const wanted: number[] = [];
  for (let owner = 0; owner < 10_000; owner++) {
    const min = owner * 10;
    const bound =
      owner % 2 === 0 ? { min_price: min, max_price: min + 10 } : { min_price: min, owner: "ann" };
    index.add(parseFilters(stream, { filters: bound }, LIMITS), owner);
    if (owner % 2 === 0 && min <= 500 && 500 <= min + 10) wanted.push(owner);
  }
  assert.deepEqual(ownersOf(index, termsOf({ owner: "bob", price: "500" })), wanted);
  const { considered } = index;
  assert.ok(considered < 100, `${considered} rules were looked at`);
});

test("thousands of events that are expected find what they find by themselves", () => {
  const index = new FilterIndex<number>(stream);
  const next = numbers(5);
  for (let number = 0; number < 20_000; number++) {
    const word = () => `w${next(300)}`;
    const rule =
      number % 2 === 0
        ? { words: [`${word()} ${word()}`], marks: [`m${next(50)}`] }
        : { owner: `someone-${number}`, min_price: next(100) };
    index.add(parseFilters(stream, { filters: rule }, LIMITS), number);
  }
  const payloads = Array.from({ length: 3000 }, () => ({
    owner: `someone-${next(20_000)}`,
    marks: [`m${next(50)}`, `m${next(50)}`],
    words: Array.from({ length: 20 }, () => `w${next(300)}`).join(" "),
    price: String(next(100)),
  }));
  const alone = payloads.map((payload) => ownersOf(index, termsOf(payload)));
  const expected = payloads.map((payload) => termsOf(payload));
  index.expect(expected);
  let found = 0;
  for (const [number, terms] of expected.entries()) {
    const owners = ownersOf(index, terms);
    assert.deepEqual(owners, alone[number]);
    found += owners.length;
  }
  assert.ok(found > 500, `${found} were found`);
});

test("rules leave a term that became frequent, and are still found", () => {
  const index = new FilterIndex<number>(stream);
  const kept: Filters[] = [];
  const add = (rule: object): void => {
    const filters = parseFilters(stream, { filters: rule }, LIMITS);
    kept.push(filters);
    index.add(filters, kept.length - 1);
  };
  // Fewer filters ask for each of the marks than for each of the owners: the marks seem rare.
  for (let number = 0; number < 5000; number++) {
    add({ owner: `o${number % 10}`, marks: [`m${number % 41}`], min_price: number });
  }
  const loud = termsOf({ owner: "other", marks: ["m1", "m2", "m3"], price: "6000" });
  const before = index.considered;
  ownersOf(index, loud);
  const atFirst = index.considered - before;
  for (let event = 0; event < 2000; event++) ownersOf(index, loud);
  const settled = index.considered;
  ownersOf(index, loud);
  const atLast = index.considered - settled;
  assert.ok(atFirst > 100, `${atFirst} rules were looked at before`);
  assert.ok(atLast < 50, `${atLast} rules were looked at after`);
  const quiet = termsOf({ owner: "o2", marks: ["m1", "m2"], price: "2500" });
  const expected = kept.flatMap((filters, owner) =>
    matches(filters, quiet) === undefined ? [] : [owner],
  );
  assert.ok(expected.length > 5);
  assert.deepEqual(ownersOf(index, quiet), expected);
});

test("rules that are alone under frequent terms leave them too, expected or not", () => {
  const index = new FilterIndex<number>(stream);
  const kept: Filters[] = [];
  // Each term is asked for once, so that nothing tells beforehand which of them are frequent.
  for (let number = 0; number < 3000; number++) {
    const filters = { marks: [`m${number}`], owner: `o${number}`, words: [`w${number}`] };
    kept.push(parseFilters(stream, { filters }, LIMITS));
    index.add(kept[number] as Filters, number);
  }
  const loud = Array.from({ length: 20 }, (_, at) => at * 3);
  const event = (owner: string) =>
    termsOf({
      owner,
      marks: loud.map((number) => `m${number}`),
      words: loud.map((number) => `w${number}`).join(" "),
    });
  const visitsOf = (terms: readonly EventTerms[]): number => {
    const before = index.considered;
    index.expect(terms);
    for (const one of terms) ownersOf(index, one);
    return index.considered - before;
  };
  const atFirst = visitsOf([event("other")]);
  for (let turn = 0; turn < 30; turn++) visitsOf(Array.from({ length: 100 }, () => event("other")));
  const atLast = visitsOf([event("other")]);
  assert.ok(atFirst >= loud.length, `${atFirst} rules were looked at before`);
  assert.ok(atLast < 3, `${atLast} rules were looked at after`);
  const wanted = event("o6");
  assert.deepEqual(ownersOf(index, wanted), [6]);
  assert.notEqual(matches(kept[6] as Filters, wanted), undefined);
});

test("what is known of a cancelled event by one field finds all its rules, at once and later", () => {
  const index = new FilterIndex<number>(stream);
  const kept: Filters[] = [];
  const handles: FilterHandle[] = [];
  const add = (rule: object): void => {
    const filters = parseFilters(stream, { filters: rule }, LIMITS);
    kept.push(filters);
    handles.push(index.add(filters, kept.length - 1));
  };
  for (let number = 0; number < 4000; number++) {
    add({ owner: `o${number % 100}`, marks: [`m${number}`] });
    add({ owner: `o${number % 100}`, min_price: number });
  }
  const cancelled = (owner: string) =>
    termsOf({}, stream, [{ fields: { owner: [hashTerm(owner)] }, partial: true }]);
  const check = (owner: string): void => {
    const terms = cancelled(owner);
    const expected = kept.flatMap((filters, number) =>
      handles[number] === undefined || matches(filters, terms) === undefined ? [] : [number],
    );
    assert.ok(expected.length > 50);
    assert.deepEqual(ownersOf(index, terms), expected);
  };
  for (let event = 0; event < 30; event++) {
    check(`o${event}`);
    add({ owner: `o${event + 1}`, marks: ["new"] });
    index.remove(handles[event * 7] as FilterHandle);
    delete handles[event * 7];
  }
  const before = index.considered;
  check("o50");
  const considered = index.considered - before;
  assert.ok(considered < 200, `${considered} rules were looked at`);
  for (const handle of handles) if (handle !== undefined) index.remove(handle);
  assert.equal(index.terms, 0);
});

test("whoever is told may add, remove and match", () => {
  const index = new FilterIndex<number>(stream);
  const filters = parseFilters(stream, { filters: { owner: "ann" } }, LIMITS);
  const handles = Array.from({ length: 100 }, (_, owner) => index.add(filters, owner));
  const terms = termsOf({ owner: "ann" });
  const told: number[] = [];
  index.match(terms, (owner) => {
    told.push(owner);
    if (owner === 50) assert.equal(ownersOf(index, terms).length, 100);
    index.remove(handles[owner] as FilterHandle);
    index.add(filters, owner + 1000);
  });
  assert.equal(told.length, 100);
  assert.ok(ownersOf(index, terms).every((owner) => owner >= 1000));
  for (const handle of handles) index.remove(handle);
  assert.equal(index.size, 100, "a handle is worth nothing once its row is another's");
});

test("a kind whose terms only lead to a rule is asked, also where they are all that a rule asks for", () => {
  const { means: _, ...plain } = text;
  registerKind("test-led", plain);
  const of = streamOf({ words: "test-led", owner: "exact" });
  const index = new FilterIndex<number>(of);
  for (const [owner, filters] of [
    { words: ["a bb"] },
    { words: ["a bb"], owner: "ann" },
    { words: ["bb"] },
  ].entries())
    index.add(parseFilters(of, { filters }, LIMITS), owner);
  assert.deepEqual(ownersOf(index, termsOf({ words: "bb a", owner: "ann" }, of)), [2]);
  assert.deepEqual(ownersOf(index, termsOf({ words: "a bb", owner: "ann" }, of)), [0, 1, 2]);
});

test("a kind that only says terms, a span or nothing is found as its own `verify` has it", () => {
  const { means: _, ...plain } = set;
  const { means: __, ...numeric } = range;
  const untold: FieldKind = { ...plain, filterTerms: () => undefined };
  registerKind("test-terms", plain);
  registerKind("test-span", numeric);
  registerKind("test-untold", untold);
  const of = streamOf({ tags: "test-terms", size: "test-span", hidden: "test-untold" });
  const index = new FilterIndex<number>(of);
  const below = numbers(9);
  const kept: Filters[] = [];
  const rule = (): object =>
    [
      { tags: [`t${below(9)}`, `t${below(9)}`] },
      { min_size: below(90), max_size: 90 + below(20) },
      { min_size: below(90) },
      { max_size: below(90) },
      { hidden: [`h${below(3)}`] },
      { hidden: [`h${below(3)}`], tags: [`t${below(9)}`] },
    ][below(6)] ?? {};
  const handles: FilterHandle[] = [];
  for (let number = 0; number < 300; number++) {
    const filters = parseFilters(of, { filters: rule() }, LIMITS);
    kept.push(filters);
    handles.push(index.add(filters, number));
  }
  for (let event = 0; event < 100; event++) {
    const tags = [`t${below(9)}`, `t${below(9)}`];
    const terms = termsOf({ tags, size: String(below(120)), hidden: `h${below(3)}` }, of);
    const expected = kept.flatMap((filters, owner) =>
      matches(filters, terms) === undefined ? [] : [owner],
    );
    assert.deepEqual(ownersOf(index, terms), expected);
  }
  for (const handle of handles) index.remove(handle);
  assert.equal(index.terms, 0);
  assert.deepEqual(ownersOf(index, termsOf({ tags: ["t1"], size: "95", hidden: "h1" }, of)), []);
});
