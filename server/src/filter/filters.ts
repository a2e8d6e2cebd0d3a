import type { FilterRule } from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import type { EventTerms } from "./event-terms.ts";
import { filterMembers } from "./filter-members.ts";
import { Condition, type Rule, ruleHolds } from "./rule.ts";

/**
 * What a client asked for, in its one normal form: a text, of which the rest is made when somebody
 * asks for it, for a process holds as many of these as there are different filters.
 */
export class Filters {
  /** Equal for equal filters: the rules as JSON, a line for each, in the order of the lines. */
  readonly key: string;
  readonly tagged: boolean;
  /** A rate that stood among the fields. */
  readonly maxEventsPerSecond: number | undefined;
  readonly #stream: Stream;
  #rules: readonly Rule[] | undefined;

  constructor(init: {
    readonly stream: Stream;
    readonly key: string;
    /** In the order of the key's lines. */
    readonly rules: readonly Rule[];
    readonly maxEventsPerSecond: number | undefined;
  }) {
    this.key = init.key;
    this.tagged = init.rules.some(({ tag }) => tag !== undefined);
    this.maxEventsPerSecond = init.maxEventsPerSecond;
    this.#stream = init.stream;
    this.#rules = init.rules;
  }

  get rules(): readonly Rule[] {
    this.#rules ??= this.wire.map((rule) => ruleOf(this.#stream, rule));
    return this.#rules;
  }

  /** The rules as understood, for `subscribed`. */
  get wire(): readonly FilterRule[] {
    return this.key.split("\n").map((line) => JSON.parse(line) as FilterRule);
  }

  /** Lets go of the rules until somebody asks for them again. */
  compact(): void {
    this.#rules = undefined;
  }
}

/** That an event matches, and the tags of the rules that it matched. */
export interface Match {
  readonly tags: readonly string[] | undefined;
}

/** A rule as `wireOf` wrote it. */
function ruleOf(stream: Stream, wire: FilterRule): Rule {
  const members = filterMembers(stream);
  const conditions = new Map<string, Condition>();
  let tag: string | undefined;
  for (const [name, given] of Object.entries(wire)) {
    if (name === "tag") tag = String(given);
    const member = name === "tag" ? undefined : members.get(name);
    if (member === undefined) continue;
    const { field, prefix, kind } = member;
    const values = [given].flat().map((value) => prefix + String(value));
    const before = conditions.get(field)?.values ?? [];
    conditions.set(field, new Condition(field, kind, [...before, ...values].sort()));
  }
  const fields = [...conditions.keys()].sort();
  return { tag, conditions: fields.map((field) => conditions.get(field) as Condition) };
}

/** A rule in normal form, as JSON. */
export function wireOf(stream: Stream, { tag, conditions }: Rule): string {
  const members = filterMembers(stream);
  // Joined, for a text that is put together bit by bit keeps its bits.
  const parts = tag === undefined ? ["{"] : ['{"tag":', JSON.stringify(tag)];
  for (const { field, kind, values } of conditions) {
    if (kind.prefixes.includes("")) {
      if (parts.length > 1) parts.push(",");
      parts.push(members.get(field)?.quoted ?? "", JSON.stringify(values));
      continue;
    }
    for (const value of values) {
      if (parts.length > 1) parts.push(",");
      parts.push(JSON.stringify(value.slice(0, 4) + field), ':"', value.slice(4), '"');
    }
  }
  parts.push("}");
  return parts.join("");
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
