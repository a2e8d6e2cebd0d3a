import {
  type FieldError,
  type FilterRule,
  type Limits,
  nearest,
  PenstockError,
} from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import { compareDecimals } from "./decimal.ts";
import type { EventTerms } from "./event-terms.ts";
import { kindOf } from "./kinds/kinds.ts";
import { Condition, type Rule, ruleHolds } from "./rule.ts";

/** What a client asked for, in its one normal form. */
export interface Filters {
  readonly rules: readonly Rule[];
  /** Equal for equal filters. */
  readonly key: string;
  readonly tagged: boolean;
  /** The rules as understood, for `subscribed`. */
  readonly wire: readonly FilterRule[];
  /** A rate that stood among the fields. */
  readonly maxEventsPerSecond: number | undefined;
}

/** That an event matches, and the tags of the rules that it matched. */
export interface Match {
  readonly tags: readonly string[] | undefined;
}

interface Reading {
  readonly stream: Stream;
  readonly limits: Limits;
  readonly errors: FieldError[];
  unknown: boolean;
  values: number;
}

/**
 * Reads `filters` or `rules` of a request.
 *
 * @throws PenstockError `unknown_field`, `invalid_filter`, `filter_too_large` or
 *   `match_all_refused`, with the JSON Pointer of each member that is wrong
 */
export function parseFilters(
  stream: Stream,
  request: { readonly filters?: unknown; readonly rules?: unknown },
  limits: Limits,
): Filters {
  const reading: Reading = { stream, limits, errors: [], unknown: false, values: 0 };
  const given = rulesOf(request, reading);
  if (given.length > limits.rules_max) {
    throw new PenstockError(
      "filter_too_large",
      `${given.length} rules are more than the ${limits.rules_max} allowed.`,
      {
        errors: [{ path: "/rules", message: `must have at most ${limits.rules_max} rules` }],
      },
    );
  }
  let rate: number | undefined;
  const rules: Rule[] = [];
  for (const { path, members } of given) {
    rate = readRate(members, path, reading) ?? rate;
    rules.push(readRule(members, path, reading));
  }
  fail(reading);
  if (reading.values > limits.values_max) {
    throw new PenstockError(
      "filter_too_large",
      `${reading.values} values are more than the ${limits.values_max} allowed.`,
      {
        errors: [
          {
            path: given[0]?.path ?? "",
            message: `must have at most ${limits.values_max} values in all`,
          },
        ],
      },
    );
  }
  if (!limits.match_all && rules.some(({ conditions }) => conditions.length === 0)) {
    throw new PenstockError(
      "match_all_refused",
      "A rule without a field matches everything, which is not allowed here.",
    );
  }
  return normalForm(rules, rate);
}

function rulesOf(
  request: { readonly filters?: unknown; readonly rules?: unknown },
  reading: Reading,
): { readonly path: string; readonly members: ReadonlyMap<string, unknown> }[] {
  const { filters, rules } = request;
  if (filters !== undefined && rules !== undefined) {
    throw new PenstockError("invalid_filter", "Give `filters` or `rules`, not both.", {
      errors: [{ path: "/rules", message: "must be left out where there are `filters`" }],
    });
  }
  if (rules === undefined)
    return [
      {
        path: "/filters",
        members: membersOf(filters === undefined ? {} : filters, "/filters", reading),
      },
    ];
  if (!Array.isArray(rules) || rules.length === 0) {
    throw new PenstockError("invalid_filter", "`rules` is a list of at least one rule.", {
      errors: [{ path: "/rules", message: "must be a list of at least one object of fields" }],
    });
  }
  return rules.map((rule: unknown, at) => ({
    path: `/rules/${at}`,
    members: membersOf(rule, `/rules/${at}`, reading),
  }));
}

/** Own members only, so that no name reaches a prototype. */
function membersOf(rule: unknown, path: string, reading: Reading): ReadonlyMap<string, unknown> {
  if (typeof rule === "object" && rule !== null && !Array.isArray(rule)) {
    return new Map(Object.entries(rule).filter(([, value]) => value !== undefined));
  }
  reading.errors.push({ path, message: "must be an object of fields" });
  return new Map();
}

function readRate(
  members: ReadonlyMap<string, unknown>,
  path: string,
  reading: Reading,
): number | undefined {
  let rate: number | undefined;
  for (const name of ["max_events_per_second", reading.stream.rateAlias]) {
    if (name === undefined || !members.has(name)) continue;
    const value = members.get(name);
    if (typeof value === "number" && value > 0 && value <= 1_000_000) rate = value;
    else reading.errors.push({ path: `${path}/${name}`, message: "must be a number above 0" });
  }
  return rate;
}

function readRule(members: ReadonlyMap<string, unknown>, path: string, reading: Reading): Rule {
  const { stream } = reading;
  const byField = new Map<string, Map<string, unknown>>();
  let tag: string | undefined;
  for (const [name, value] of members) {
    if (name === "max_events_per_second" || name === stream.rateAlias) continue;
    if (name === "tag") {
      if (typeof value === "string" && value.length > 0 && value.length <= 64) tag = value;
      else
        reading.errors.push({
          path: `${path}/tag`,
          message: "must be a text of 1 to 64 characters",
        });
      continue;
    }
    const found = fieldOf(stream, name);
    if (found === undefined) {
      tellUnknown(name, path, reading);
      continue;
    }
    const prefixed = byField.get(found.field) ?? new Map<string, unknown>();
    prefixed.set(found.prefix, value);
    byField.set(found.field, prefixed);
  }
  const conditions: Condition[] = [];
  for (const field of [...byField.keys()].sort()) {
    const condition = readCondition(field, byField.get(field) ?? new Map(), path, reading);
    if (condition !== undefined) conditions.push(condition);
  }
  return { tag, conditions };
}

function fieldOf(stream: Stream, name: string): { field: string; prefix: string } | undefined {
  for (const prefix of ["", "min_", "max_"]) {
    if (!name.startsWith(prefix)) continue;
    const field = name.slice(prefix.length);
    const definition = stream.fields.get(field);
    if (definition !== undefined && kindOf(definition.kind).prefixes.includes(prefix))
      return { field, prefix };
  }
  return undefined;
}

/** The names that a filter of a stream may have: its fields, ranges with `min_` and `max_`. */
export function fieldMembers(stream: Stream): readonly string[] {
  return [...stream.fields].flatMap(([field, { kind }]) =>
    kindOf(kind).prefixes.map((prefix) => prefix + field),
  );
}

function tellUnknown(name: string, path: string, reading: Reading): void {
  const names = fieldMembers(reading.stream);
  // A range is mostly asked for by its own name, which is none of a filter's.
  const meant = reading.stream.fields.has(name) ? `min_${name}` : nearest(name, names);
  reading.unknown = true;
  reading.errors.push({
    path: `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`,
    message: `is not a field of ${reading.stream.name}, which has ${names.join(", ")}`,
    ...(meant === undefined ? {} : { did_you_mean: meant }),
  });
}

function readCondition(
  field: string,
  members: ReadonlyMap<string, unknown>,
  path: string,
  reading: Reading,
): Condition | undefined {
  const definition = reading.stream.fields.get(field);
  if (definition === undefined) return undefined;
  const kind = kindOf(definition.kind);
  const values = new Set<string>();
  for (const [prefix, given] of members) {
    const pointer = `${path}/${prefix}${field}`;
    const isList = Array.isArray(given);
    const list = isList ? (given as unknown[]) : [given];
    if (list.length === 0)
      reading.errors.push({ path: pointer, message: "must have at least one value" });
    if (prefix !== "" && isList && list.length !== 1) {
      reading.errors.push({ path: pointer, message: "must be one number" });
      continue;
    }
    reading.values += list.length;
    if (reading.values > reading.limits.values_max) continue;
    for (const [at, value] of list.entries()) {
      const normalised = kind.normalise(value, definition);
      if ("value" in normalised) values.add(prefix + normalised.value);
      else
        reading.errors.push({
          path: isList ? `${pointer}/${at}` : pointer,
          message: normalised.wrong,
        });
    }
  }
  const sorted = [...values].sort();
  if (kind.prefixes.includes("min_") && isEmptyRange(sorted)) {
    reading.errors.push({
      path: `${path}/min_${field}`,
      message: `must not be above max_${field}: nothing could match`,
    });
  }
  return new Condition(field, kind, sorted);
}

function isEmptyRange(values: readonly string[]): boolean {
  const min = values.find((value) => value.startsWith("min_"))?.slice(4);
  const max = values.find((value) => value.startsWith("max_"))?.slice(4);
  return min !== undefined && max !== undefined && compareDecimals(min, max) > 0;
}

function fail(reading: Reading): void {
  const [first] = reading.errors;
  if (first === undefined) return;
  const detail = `${first.path} ${first.message}.`;
  throw new PenstockError(reading.unknown ? "unknown_field" : "invalid_filter", detail, {
    errors: reading.errors.slice(0, 20),
  });
}

function normalForm(rules: readonly Rule[], rate: number | undefined): Filters {
  const byKey = new Map(rules.map((rule) => [JSON.stringify(wireOf(rule)), rule]));
  const keys = [...byKey.keys()].sort();
  const sorted = keys.map((key) => byKey.get(key) as Rule);
  return {
    rules: sorted,
    key: keys.join("\n"),
    tagged: sorted.some(({ tag }) => tag !== undefined),
    wire: sorted.map(wireOf),
    maxEventsPerSecond: rate,
  };
}

function wireOf({ tag, conditions }: Rule): FilterRule {
  const members: [string, string | readonly string[]][] = tag === undefined ? [] : [["tag", tag]];
  for (const { field, kind, values } of conditions) {
    if (kind.prefixes.includes("")) {
      members.push([field, values]);
      continue;
    }
    for (const value of values) members.push([`${value.slice(0, 4)}${field}`, value.slice(4)]);
  }
  return Object.fromEntries(members);
}

/** Whether an event matches: the plain evaluation that the index must always agree with. */
export function matches(filters: Filters, terms: EventTerms): Match | undefined {
  const broadcast = terms.stream.eventTypes.get(terms.event.event_type)?.broadcast;
  if (broadcast !== undefined) {
    const values = terms.terms(broadcast.field);
    return values.some((value) => couldMatch(filters, broadcast.field, value))
      ? { tags: undefined }
      : undefined;
  }
  const held = filters.rules.filter((rule) =>
    terms.views.some((view) => ruleHolds(rule, view, terms)),
  );
  if (held.length === 0) return undefined;
  const tags = new Set(held.map(({ tag }) => tag).filter((tag) => tag !== undefined));
  return { tags: filters.tagged && tags.size > 0 ? [...tags].sort() : undefined };
}

/** Whether some rule asks nothing of a field, or admits the value: whom a broadcast reaches. */
export function couldMatch(filters: Filters, field: string, value: string): boolean {
  return filters.rules.some((rule) => {
    const condition = rule.conditions.find((candidate) => candidate.field === field);
    return condition === undefined || condition.has(value);
  });
}
