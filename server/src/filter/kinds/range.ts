import { canonicalDecimal, compareDecimals, nearestNumber } from "../decimal.ts";
import type { FieldKind } from "./field-kind.ts";

/** Numbers between two bounds, both included. Values are `min_1.5` and `max_20`. */
export const range: FieldKind = {
  prefixes: ["min_", "max_"],
  normalise: (value) => {
    const text = typeof value === "number" ? String(value) : value;
    const decimal = typeof text === "string" ? canonicalDecimal(text) : undefined;
    return decimal === undefined
      ? { wrong: 'must be a number or a decimal text such as "1.5"' }
      : { value: decimal };
  },
  eventTerms: (taken) => {
    const decimal = canonicalDecimal(typeof taken === "string" ? taken : (taken[0] ?? ""));
    return decimal === undefined ? [] : [decimal];
  },
  filterTerms: () => undefined,
  span: (values) => ({
    min: boundOf(values, "min_") ?? Number.NEGATIVE_INFINITY,
    max: boundOf(values, "max_") ?? Number.POSITIVE_INFINITY,
  }),
  point: nearestNumber,
  verify: (values, terms) => {
    const [term] = terms;
    if (term === undefined) return false;
    for (const value of values) {
      const bound = value.slice(4);
      if (
        value.startsWith("min_")
          ? compareDecimals(term, bound) < 0
          : compareDecimals(term, bound) > 0
      ) {
        return false;
      }
    }
    return true;
  },
  means: "numbers",
  mapTerms: (value) => value,
};

function boundOf(values: readonly string[], prefix: string): number | undefined {
  const value = values.find((one) => one.startsWith(prefix));
  return value === undefined ? undefined : nearestNumber(value.slice(prefix.length));
}
