import type { FieldDefinition } from "@penstock-dev/contract";

/** A value that may be compared, or what is wrong with what was given. */
export type Normalised = { readonly value: string } | { readonly wrong: string };

/** The numbers that a filter's values admit, bounds included; a side without a bound is infinite. */
export interface Span {
  readonly min: number;
  readonly max: number;
}

/**
 * A kind of field: four functions, of which an index and a plain evaluation are made. A new kind is
 * one file with these four and one line in `kinds.ts`.
 */
export interface FieldKind {
  /** The prefixes under which a filter names the field: none but `""`, or `min_` and `max_`. */
  readonly prefixes: readonly string[];
  /** One value of a filter in the form in which it is compared. */
  readonly normalise: (value: unknown, field: FieldDefinition) => Normalised;
  /** What an event has, in the form in which it is compared: values, or a text's tokens in order. */
  readonly eventTerms: (
    taken: string | readonly string[],
    field: FieldDefinition,
  ) => readonly string[];
  /**
   * Terms of which an event that satisfies the values has at least one: where an index looks.
   * Undefined where no such terms can be told.
   */
  readonly filterTerms: (values: readonly string[]) => readonly string[] | undefined;
  /**
   * Of a kind of numbers: what the values admit, and where in it an event's first term lies. Both
   * may be rounded, as long as order is kept.
   */
  readonly span?: (values: readonly string[]) => Span;
  readonly point?: (term: string) => number;
  /** Whether an event's terms satisfy a filter's values. */
  readonly verify: (values: ReadonlySet<string>, terms: readonly string[]) => boolean;
  /**
   * Where an index need not ask `verify`, for it says no more than this. `members`: one of the
   * event's terms is one of the values. `phrases`: the tokens of a value, parted by a space, follow
   * one another among the event's terms. `numbers`: the first of the event's terms, a canonical
   * decimal, lies between the bounds, which are `min_` and `max_` before canonical decimals.
   */
  readonly means?: "members" | "phrases" | "numbers";
  /** The values with each term replaced, as a deletion's routes have them. */
  readonly mapTerms: (value: string, map: (term: string) => string) => string;
}

/** The definition's own normal form of a value. */
export function normaliseBy(value: string, field: FieldDefinition): Normalised {
  const normalised = field.normalise?.(value) ?? { value };
  if ("wrong" in normalised || field.values === undefined) return normalised;
  if (field.values.includes(normalised.value)) return normalised;
  return { wrong: `must be one of ${field.values.join(", ")}` };
}
