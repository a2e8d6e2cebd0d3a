import { type Domain, ENVELOPE_MEMBERS, nearest, RESERVED_NAMES } from "@penstock-dev/contract";
import { wrong } from "./declaration-error.ts";

type Members = { readonly [member: string]: unknown };
/** Names what is wrong by the path of its member. */
type Refuse = (member: string, message: string) => Error;

const STREAM_NAME = /^[a-z][a-z0-9-]{0,62}$/;
const SNAKE_CASE = /^[a-z][a-z0-9_]{0,62}$/;

/** Every member of a domain, and whether it is a function where it is no more than that. */
const MEMBERS: { readonly [Member in keyof Required<Domain>]: "function" | undefined } = {
  name: undefined,
  description: undefined,
  topics: undefined,
  ingest: undefined,
  process: undefined,
  toEvent: "function",
  event_types: undefined,
  fields: undefined,
  contentKey: "function",
  latestBy: "function",
  own: undefined,
  rateAlias: undefined,
  fromRecording: "function",
  endOfRecording: "function",
  demo: "function",
};

/** What nothing else has two of: an export with them is meant to be a domain. */
const MARKS = ["topics", "ingest", "event_types", "fields"];

/** Whether something that a module exports is meant to be a domain, right or wrong. */
export function isMeantAsDomain(value: unknown): boolean {
  return isObject(value) && MARKS.filter((member) => member in value).length >= 2;
}

/**
 * Checks a domain before anything is served by it: it may be written in JavaScript.
 *
 * @param from where it was loaded from, for what has no good name
 * @param kinds of fields that there are
 * @throws PenstockError `invalid_request`, naming the domain, its member, and what that may be
 */
export function checkDomain(value: unknown, from: string, kinds: readonly string[]): Domain {
  if (!isObject(value)) throw wrong(`the domain in ${from}`, "must be an object");
  const isNamed = typeof value.name === "string" && STREAM_NAME.test(value.name);
  const domain = isNamed ? `the domain ${String(value.name)}` : `the domain in ${from}`;
  const refuse: Refuse = (member, message) => wrong(`${domain}: ${member}`, message);
  if (!isNamed)
    throw refuse(
      "name",
      `must be in lower case, with digits and dashes, such as "orders"; it is ${shown(value.name)}`,
    );
  if (RESERVED_NAMES.includes(String(value.name)))
    throw refuse("name", "is one that the addresses use");
  checkMembers(value, refuse);
  checkTopics(value, refuse);
  checkEventTypes(value, refuse);
  checkFields(value, kinds, refuse);
  return value as unknown as Domain;
}

function checkMembers(value: Members, refuse: Refuse): void {
  for (const member of Object.keys(value)) {
    if (Object.hasOwn(MEMBERS, member)) continue;
    const meant = nearest(member, Object.keys(MEMBERS));
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    throw refuse(member, `is no member of a domain${hint}`);
  }
  needText(value, "description", "", refuse);
  for (const [member, kind] of Object.entries(MEMBERS)) {
    if (kind === "function" && value[member] !== undefined) needFunction(value, member, "", refuse);
  }
  const ingest = needObject(value, "ingest", "", refuse);
  needObject(ingest, "schema", "ingest.", refuse);
  for (const member of ["parse", "complete", "key", "id"])
    needFunction(ingest, member, "ingest.", refuse);
  if (value.process !== undefined) {
    const process = needObject(value, "process", "", refuse);
    for (const member of ["create", "apply", "stateFrom"])
      needFunction(process, member, "process.", refuse);
  }
}

function checkTopics(value: Members, refuse: Refuse): void {
  const topics = needObject(value, "topics", "", refuse);
  for (const member of ["raw", "enriched"]) needText(topics, member, "topics.", refuse);
  for (const member of ["final", "tombstones"])
    if (topics[member] !== undefined) needText(topics, member, "topics.", refuse);
  const isProcessed = value.process !== undefined;
  if (isProcessed && topics.raw === topics.enriched)
    throw refuse("topics.enriched", "must be another topic than raw, for there is a process");
  if (!isProcessed && topics.raw !== topics.enriched)
    throw refuse("topics.enriched", "must be the raw topic, for there is no process to fill it");
}

function checkEventTypes(value: Members, refuse: Refuse): void {
  const types = needObject(value, "event_types", "", refuse);
  const names = Object.keys(types);
  if (names.length === 0) throw refuse("event_types", "must have one at least");
  if (value.process === undefined && value.toEvent === undefined && names.length > 1)
    throw refuse(
      "toEvent",
      "must say which of the event types a record is, or be a process's task",
    );
  for (const name of names) {
    const at = `event_types.${name}`;
    if (!SNAKE_CASE.test(name)) throw refuse(at, "must be named in snake_case");
    const type = needObject(types, name, "event_types.", refuse);
    if (!isName(type.noun) || ENVELOPE_MEMBERS.includes(type.noun))
      throw refuse(
        `${at}.noun`,
        `must be a name in snake_case, and none of ${ENVELOPE_MEMBERS.join(", ")}`,
      );
    needText(type, "description", `${at}.`, refuse);
    needObject(type, "schema", `${at}.`, refuse);
    if (type.broadcast !== undefined)
      checkFieldOf(value, type.broadcast, `${at}.broadcast`, refuse);
    for (const flag of ["on_request", "deletion"])
      if (type[flag] !== undefined && type[flag] !== true)
        throw refuse(`${at}.${flag}`, "must be true, or left out");
  }
}

function checkFields(value: Members, kinds: readonly string[], refuse: Refuse): void {
  const fields = needObject(value, "fields", "", refuse);
  for (const name of Object.keys(fields)) {
    const at = `fields.${name}`;
    if (!SNAKE_CASE.test(name)) throw refuse(at, "must be named in snake_case");
    if (RESERVED_NAMES.includes(name) || name === "event_types")
      throw refuse(at, "has a name that the addresses use");
    const field = needObject(fields, name, "fields.", refuse);
    if (!kinds.includes(field.kind as string)) {
      const meant = typeof field.kind === "string" ? nearest(field.kind, kinds) : undefined;
      const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
      throw refuse(
        `${at}.kind`,
        `must be one of ${kinds.join(", ")}; it is ${shown(field.kind)}${hint}`,
      );
    }
    needText(field, "description", `${at}.`, refuse);
    needText(field, "example", `${at}.`, refuse);
    needFunction(field, "take", `${at}.`, refuse);
    if (field.normalise !== undefined) needFunction(field, "normalise", `${at}.`, refuse);
    const { values } = field;
    const areTexts = Array.isArray(values) && values.every((one) => typeof one === "string");
    if (values !== undefined && !areTexts) throw refuse(`${at}.values`, "must be a list of texts");
    const bound = [`min_${name}`, `max_${name}`].find((one) => Object.hasOwn(fields, one));
    if (field.kind === "range" && bound !== undefined)
      throw refuse(`fields.${bound}`, `has a name by which the range ${name} is filtered`);
  }
  if (value.own !== undefined) checkFieldOf(value, value.own, "own", refuse);
  const { rateAlias } = value;
  if (rateAlias !== undefined && (!isName(rateAlias) || Object.hasOwn(fields, rateAlias)))
    throw refuse("rateAlias", "must be a name in snake_case, and no field's");
}

/** A member that names a field: `{ field: "user_ids" }`. */
function checkFieldOf(value: Members, given: unknown, at: string, refuse: Refuse): void {
  const fields = isObject(value.fields) ? Object.keys(value.fields) : [];
  if (isObject(given) && fields.includes(given.field as string)) return;
  throw refuse(
    `${at}.field`,
    `must be one of the fields: ${fields.join(", ") || "there are none"}`,
  );
}

function needObject(value: Members, member: string, before: string, refuse: Refuse): Members {
  const found = value[member];
  if (isObject(found)) return found;
  throw refuse(before + member, `must be an object; it is ${shown(found)}`);
}

function needText(value: Members, member: string, before: string, refuse: Refuse): void {
  const found = value[member];
  if (typeof found === "string" && found !== "") return;
  throw refuse(before + member, `must be a text; it is ${shown(found)}`);
}

function needFunction(value: Members, member: string, before: string, refuse: Refuse): void {
  const found = value[member];
  if (typeof found === "function") return;
  throw refuse(before + member, `must be a function; it is ${shown(found)}`);
}

const isName = (value: unknown): value is string =>
  typeof value === "string" && SNAKE_CASE.test(value);

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands there, for whoever looks for it. */
function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (Array.isArray(value)) return "a list";
  return value === null || typeof value === "number" ? String(value) : `a ${typeof value}`;
}
