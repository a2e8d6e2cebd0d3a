import { tokenise } from "@penstock-dev/contract";
import type { FieldKind } from "./field-kind.ts";

/** Words of a text. A value is its tokens, joined by a space; several are a phrase. */
export const text: FieldKind = {
  prefixes: [""],
  normalise: (value, field) => {
    if (typeof value !== "string")
      return { wrong: `must be a text such as ${JSON.stringify(field.example)}` };
    if (value.length > 512) return { wrong: "must have at most 512 characters" };
    if (!value.isWellFormed()) return { wrong: "must be well-formed Unicode" };
    const tokens = tokenise(value);
    if (tokens.length === 0) return { wrong: "must have at least one letter, digit or _" };
    return { value: tokens.join(" ") };
  },
  eventTerms: (taken) => tokenise(typeof taken === "string" ? taken : taken.join(" \n ")),
  // The longest token of a phrase is likely its rarest.
  filterTerms: (values) =>
    values.map((value) =>
      value.split(" ").reduce((best, token) => (token.length > best.length ? token : best)),
    ),
  verify: (values, terms) => {
    for (const value of values) {
      if (!value.includes(" ")) {
        if (terms.includes(value)) return true;
      } else if (hasPhrase(terms, value.split(" "))) {
        return true;
      }
    }
    return false;
  },
  means: "phrases",
  mapTerms: (value, map) => value.split(" ").map(map).join(" "),
};

function hasPhrase(terms: readonly string[], phrase: readonly string[]): boolean {
  for (let at = 0; at + phrase.length <= terms.length; at++) {
    if (phrase.every((token, index) => terms[at + index] === token)) return true;
  }
  return false;
}
