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
      const normalised = field.normalise(value);
      if ("value" in normalised) terms.push(normalised.value);
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
