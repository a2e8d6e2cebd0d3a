import { canonicalDecimal, compareDecimals } from "../decimal.ts";
import type { FieldKind } from "./field-kind.ts";

/** Numbers between two bounds, both included. Values are `min_1.5` and `max_20`. */
export const range: FieldKind = {
  prefixes: ["min_", "max_"],
  normalise: (value) => {
    const text = typeof value === "number" && Number.isFinite(value) ? plain(value) : value;
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
  mapTerms: (value) => value,
};

/** A number without an exponent. */
function plain(value: number): string {
  const text = String(value);
  if (!/e/i.test(text)) return text;
  return Math.abs(value) >= 1 ? BigInt(value).toString() : value.toFixed(100);
}
