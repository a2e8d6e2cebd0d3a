import {
  FIELD_ERRORS_MAX,
  type FieldError,
  type Limits,
  nearest,
  PenstockError,
  pointer,
} from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import { compareDecimals } from "./decimal.ts";
import { type FilterMember, fieldMembers, filterMembers } from "./filter-members.ts";
import { Filters, wireOf } from "./filters.ts";
import { Condition, type Rule } from "./rule.ts";

interface Reading {
  readonly stream: Stream;
  readonly limits: Limits;
  readonly errors: FieldError[];
  readonly members: ReadonlyMap<string, FilterMember>;
  unknown: boolean;
  values: number;
  rate: number | undefined;
}

/** What a rule gives for one name. */
interface Given {
  readonly member: FilterMember;
  readonly value: unknown;
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
  const reading: Reading = {
    stream,
    limits,
    errors: [],
    members: filterMembers(stream),
    unknown: false,
    values: 0,
    rate: undefined,
  };
  const { filters, rules: list } = request;
  if (filters !== undefined && list !== undefined) {
    throw new PenstockError("invalid_filter", "Give `filters` or `rules`, not both.", {
      errors: [{ path: "/rules", message: "must be left out where there are `filters`" }],
    });
  }
  const rules =
    list === undefined
      ? [readRule(filters === undefined ? {} : filters, "/filters", reading)]
      : readRules(list, reading);
  fail(reading);
  if (reading.values > limits.values_max) {
    const message = `must have at most ${limits.values_max} values in all`;
    throw new PenstockError(
      "filter_too_large",
      `${reading.values} values are more than the ${limits.values_max} allowed.`,
      { errors: [{ path: list === undefined ? "/filters" : "/rules/0", message }] },
    );
  }
  if (!limits.match_all && rules.some(({ conditions }) => conditions.length === 0)) {
    throw new PenstockError(
      "match_all_refused",
      "A rule without a field matches everything, which is not allowed here.",
    );
  }
  return normalForm(rules, reading);
}

function readRules(list: unknown, reading: Reading): Rule[] {
  const { rules_max: max } = reading.limits;
  if (!Array.isArray(list) || list.length === 0) {
    throw new PenstockError("invalid_filter", "`rules` is a list of at least one rule.", {
      errors: [{ path: "/rules", message: "must be a list of at least one object of fields" }],
    });
  }
  if (list.length > max) {
    throw new PenstockError(
      "filter_too_large",
      `${list.length} rules are more than the ${max} allowed.`,
      { errors: [{ path: "/rules", message: `must have at most ${max} rules` }] },
    );
  }
  return list.map((rule: unknown, at) => readRule(rule, `/rules/${at}`, reading));
}

/** Reads one rule: own members only, so that no name reaches a prototype. */
function readRule(rule: unknown, path: string, reading: Reading): Rule {
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) {
    reading.errors.push({ path, message: "must be an object of fields" });
    return { tag: undefined, conditions: [] };
  }
  const given: Given[] = [];
  let tag: string | undefined;
  for (const [name, value] of Object.entries(rule)) {
    if (value === undefined) continue;
    if (name === "max_events_per_second" || name === reading.stream.rateAlias) {
      readRate(value, `${path}/${name}`, reading);
      continue;
    }
    if (name === "tag") {
      if (typeof value === "string" && isTag(value)) tag = value;
      else
        reading.errors.push({
          path: `${path}/tag`,
          message: "must be a text of 1 to 64 characters, without lone surrogates",
        });
      continue;
    }
    const member = reading.members.get(name);
    if (member === undefined) tellUnknown(name, path, reading);
    else given.push({ member, value });
  }
  if (given.length > 1) given.sort(byField);
  return { tag, conditions: readConditions(given, path, reading) };
}

function byField({ member: a }: Given, { member: b }: Given): number {
  return a.field < b.field ? -1 : a.field > b.field ? 1 : 0;
}

function readRate(value: unknown, path: string, reading: Reading): void {
  if (typeof value === "number" && value > 0 && value <= 1_000_000) reading.rate = value;
  else reading.errors.push({ path, message: "must be a number above 0" });
}

function tellUnknown(name: string, path: string, reading: Reading): void {
  reading.unknown = true;
  if (reading.errors.length >= FIELD_ERRORS_MAX) return;
  const names = fieldMembers(reading.stream);
  // A range is mostly asked for by its own name, which is none of a filter's.
  const meant = reading.stream.fields.has(name) ? `min_${name}` : nearest(name, names);
  reading.errors.push({
    path: `${path}${pointer([name])}`,
    message: `is not a field of ${reading.stream.name}, which has ${names.join(", ")}`,
    ...(meant === undefined ? {} : { did_you_mean: meant }),
  });
}

/** A condition for each field of what is given in the order of the fields. */
function readConditions(given: readonly Given[], path: string, reading: Reading): Condition[] {
  const conditions: Condition[] = [];
  for (let at = 0; at < given.length; ) {
    const { field, kind } = (given[at] as Given).member;
    const values: string[] = [];
    for (; given[at]?.member.field === field; at++)
      readValues(given[at] as Given, path, reading, values);
    const sorted = values.length > 1 ? [...new Set(values)].sort() : values;
    if (kind.prefixes.includes("min_") && isEmptyRange(sorted)) {
      reading.errors.push({
        path: `${path}/min_${field}`,
        message: `must not be above max_${field}: nothing could match`,
      });
    }
    conditions.push(new Condition(field, kind, sorted));
  }
  return conditions;
}

function readValues({ member, value }: Given, path: string, reading: Reading, values: string[]) {
  const { field, prefix, kind, definition } = member;
  const isList = Array.isArray(value);
  const list: readonly unknown[] = isList ? value : [value];
  if (list.length === 0) {
    const message = "must have at least one value";
    reading.errors.push({ path: `${path}/${prefix}${field}`, message });
  }
  if (prefix !== "" && isList && list.length !== 1) {
    reading.errors.push({ path: `${path}/${prefix}${field}`, message: "must be one number" });
    return;
  }
  reading.values += list.length;
  if (reading.values > reading.limits.values_max) return;
  for (let at = 0; at < list.length; at++) {
    const normalised = kind.normalise(list[at], definition);
    if ("value" in normalised) {
      values.push(prefix === "" ? normalised.value : prefix + normalised.value);
      continue;
    }
    const pointer = `${path}/${prefix}${field}`;
    const message = normalised.wrong;
    reading.errors.push({ path: isList ? `${pointer}/${at}` : pointer, message });
  }
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
    errors: reading.errors.slice(0, FIELD_ERRORS_MAX),
  });
}

/** Rules each once, in the order of their texts. */
function normalForm(rules: readonly Rule[], { stream, rate }: Reading): Filters {
  const [first] = rules;
  if (rules.length === 1 && first !== undefined)
    return new Filters({ stream, key: wireOf(stream, first), rules, maxEventsPerSecond: rate });
  const byKey = new Map(rules.map((rule) => [wireOf(stream, rule), rule]));
  const keys = [...byKey.keys()].sort();
  return new Filters({
    stream,
    key: keys.join("\n"),
    rules: keys.map((key) => byKey.get(key) as Rule),
    maxEventsPerSecond: rate,
  });
}

function isTag(text: string): boolean {
  return text.length > 0 && text.length <= 64 && text.isWellFormed();
}
