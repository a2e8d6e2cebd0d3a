import assert from "node:assert/strict";
import { test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { directMessages } from "@penstock-dev/domain-direct-messages";
import { tweets } from "@penstock-dev/domain-tweets";
import { checkDomain, isMeantAsDomain } from "./domain-check.ts";

const KINDS = ["exact", "set", "text", "range"];

type Members = Record<string, unknown>;

/** A good domain, with some of its members changed; undefined takes one out. */
function domainWith(changes: Members): Members {
  const field = { kind: "range", description: "d", example: "1", take: () => "1" };
  const good: Members = {
    name: "readings",
    description: "Temperatures.",
    topics: { raw: "readings", enriched: "readings" },
    ingest: {
      schema: {},
      parse: () => ({ ok: true, value: {} }),
      complete: (raw: unknown) => raw,
      key: () => "k",
      id: () => "i",
    },
    event_types: { reading: { noun: "reading", description: "d", schema: {} } },
    fields: { celsius: field },
  };
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split(".");
    const last = names.pop() as string;
    let at = good;
    for (const name of names) {
      at[name] = { ...(at[name] as Members) };
      at = at[name] as Members;
    }
    if (value === undefined) delete at[last];
    else at[last] = value;
  }
  return good;
}

test("the domains that ship are right", () => {
  for (const domain of [tweets, chainEvents, directMessages, domainWith({})]) {
    assert.ok(isMeantAsDomain(domain));
    assert.equal(checkDomain(domain, "./x.ts", KINDS), domain);
  }
});

const fn = (): void => undefined;
const WRONG: readonly (readonly [Members, string])[] = [
  [
    { name: "bad name!" },
    'the domain in ./x.ts: name must be in lower case, with digits and dashes, such as "orders"; it is "bad name!".',
  ],
  [{ name: undefined }, "the domain in ./x.ts: name must be in lower case"],
  [{ name: "streams" }, "the domain streams: name is one that the addresses use."],
  [
    { "fields.celsius.kind": "rnge" },
    'the domain readings: fields.celsius.kind must be one of exact, set, text, range; it is "rnge"; did you mean range?',
  ],
  [
    { "fields.celsius.kind": undefined },
    "fields.celsius.kind must be one of exact, set, text, range; it is missing.",
  ],
  [{ "fields.celsius.take": undefined }, "fields.celsius.take must be a function; it is missing."],
  [{ "fields.celsius.values": [1] }, "fields.celsius.values must be a list of texts."],
  [
    { "fields.min_celsius": { kind: "exact", description: "d", example: "e", take: fn } },
    "fields.min_celsius has a name by which the range celsius is filtered.",
  ],
  [{ "fields.Bad": {} }, "fields.Bad must be named in snake_case."],
  [{ "fields.limit": {} }, "fields.limit has a name that the addresses use."],
  [{ fields: [] }, "the domain readings: fields must be an object; it is a list."],
  [
    { "ingest.complete": undefined },
    "the domain readings: ingest.complete must be a function; it is missing.",
  ],
  [{ ingest: undefined }, "the domain readings: ingest must be an object; it is missing."],
  [{ "ingest.key": "sensor" }, 'ingest.key must be a function; it is "sensor".'],
  [
    { "topics.enriched": "other" },
    "topics.enriched must be the raw topic, for there is no process to fill it.",
  ],
  [
    { process: { create: fn, apply: fn, stateFrom: fn } },
    "topics.enriched must be another topic than raw, for there is a process.",
  ],
  [{ process: { create: fn, apply: fn } }, "process.stateFrom must be a function; it is missing."],
  [{ "topics.raw": undefined }, "topics.raw must be a text; it is missing."],
  [{ event_types: {} }, "event_types must have one at least."],
  [
    { "event_types.other": { noun: "other", description: "d", schema: {} } },
    "toEvent must say which of the event types a record is",
  ],
  [
    { "event_types.reading.noun": "position" },
    "event_types.reading.noun must be a name in snake_case, and none of",
  ],
  [
    { "event_types.reading.broadcast": { field: "nope" } },
    "event_types.reading.broadcast.field must be one of the fields: celsius.",
  ],
  [
    { "event_types.reading.deletion": "yes" },
    "event_types.reading.deletion must be true, or left out.",
  ],
  [{ own: { field: "nope" } }, "own.field must be one of the fields: celsius."],
  [{ rateAlias: "celsius" }, "rateAlias must be a name in snake_case, and no field's."],
  [{ contentkey: fn }, "contentkey is no member of a domain; did you mean contentKey?"],
  [{ latestBy: "id" }, 'latestBy must be a function; it is "id".'],
];

for (const [changes, message] of WRONG) {
  test(`refused with its member and what it may be: ${Object.keys(changes)}`, () => {
    const domain = domainWith(changes);
    assert.ok(isMeantAsDomain(domain));
    assert.throws(
      () => checkDomain(domain, "./x.ts", KINDS),
      (caught) => caught instanceof PenstockError && caught.message.includes(message),
    );
  });
}

test("what a module exports besides is no domain", () => {
  for (const other of [undefined, null, 7, "topics", [], fn, {}, { topics: {} }])
    assert.equal(isMeantAsDomain(other), false);
});
