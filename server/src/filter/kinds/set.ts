import type { FieldDefinition } from "@penstock-dev/contract";
import { type FieldKind, normaliseBy } from "./field-kind.ts";

/** Whole values, of which an event may have several: any of the filter's is enough. */
export const set: FieldKind = {
  prefixes: [""],
  normalise: (value, field) => {
    if (typeof value !== "string")
      return { wrong: `must be a text such as ${JSON.stringify(field.example)}` };
    if (value === "" || value.length > 512) return { wrong: "must have 1 to 512 characters" };
    if (!value.isWellFormed()) return { wrong: "must be well-formed Unicode" };
    return normaliseBy(value, field);
  },
  eventTerms: (taken, field) => {
    const values = typeof taken === "string" ? [taken] : taken;
    if (field.normalise === undefined) return values;
    const terms: string[] = [];
    for (const value of values) {
      const term = normalisedOf(field.normalise, value);
      if (term !== undefined) terms.push(term);
    }
    return terms;
  },
  filterTerms: (values) => values,
  verify: (values, terms) => {
    for (const term of terms) if (values.has(term)) return true;
    return false;
  },
  means: "members",
  mapTerms: (value, map) => map(value),
};

/** Values of late: an event has one in several fields, such as an address in every role. */
const LATE = 4;
const lateValues: string[] = new Array(LATE).fill("");
const lateTerms: (string | undefined)[] = new Array(LATE).fill(undefined);
const lateBy: (NonNullable<FieldDefinition["normalise"]> | undefined)[] = new Array(LATE).fill(
  undefined,
);
let nextLate = 0;

/** A value's normal form; undefined where it has none. */
function normalisedOf(
  normalise: NonNullable<FieldDefinition["normalise"]>,
  value: string,
): string | undefined {
  for (let at = 0; at < LATE; at++)
    if (lateBy[at] === normalise && lateValues[at] === value) return lateTerms[at];
  const normalised = normalise(value);
  const term = "value" in normalised ? normalised.value : undefined;
  lateBy[nextLate] = normalise;
  lateValues[nextLate] = value;
  lateTerms[nextLate] = term;
  nextLate = (nextLate + 1) % LATE;
  return term;
}
