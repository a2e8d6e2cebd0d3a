import type { Condition, Filters } from "../filter/index.ts";
import {
  EVENT_WORDS,
  fieldHash,
  floatAt,
  NUMBER_WORDS,
  type Sketch,
  termHash,
  UNTOLD,
} from "./sketch.ts";

/** What an event must have for a condition to hold: one of some terms, or a number in a span. */
type Need =
  | { readonly hashes: ReadonlySet<number> }
  | { readonly field: number; readonly min: number; readonly max: number };

/** A filter as it is held against sketches: what it does not admit cannot match. */
export class SketchFilter {
  readonly #rules: readonly (readonly Need[])[];
  /** One bit for the low half of each hash that some rule needs; undefined where a rule needs none. */
  readonly #marks: Uint8Array | undefined;

  constructor(filters: Filters) {
    this.#rules = filters.rules.map(({ conditions }) => conditions.flatMap(needOf));
    const terms = this.#rules.map((needs) => needs.filter((need) => "hashes" in need));
    if (terms.some((needs) => needs.length === 0)) return;
    this.#marks = new Uint8Array(8192);
    for (const { hashes } of terms.flat()) {
      for (const hash of hashes) {
        const at = (hash & 0xffff) >>> 3;
        this.#marks[at] = (this.#marks[at] as number) | (1 << (hash & 7));
      }
    }
  }

  /** Whether the event whose words begin there may match. */
  admits({ words }: Sketch, at: number): boolean {
    const terms = words[at + 2] as number;
    if (terms === UNTOLD) return true;
    const first = at + EVENT_WORDS;
    const end = first + terms;
    if (this.#marks !== undefined && !touches(this.#marks, words, first, end)) return false;
    const numbers = words[at + 3] as number;
    return this.#rules.some((needs) =>
      needs.every((need) =>
        "hashes" in need
          ? hasOne(need.hashes, words, first, end)
          : hasNumber(need, words, end, numbers),
      ),
    );
  }
}

function needOf({ field, kind, values }: Condition): Need[] {
  if (kind.span !== undefined && kind.point !== undefined)
    return [{ field: fieldHash(field), ...kind.span(values) }];
  const terms = kind.filterTerms(values);
  if (terms === undefined) return [];
  const hash = fieldHash(field);
  return [{ hashes: new Set(terms.map((term) => termHash(hash, term))) }];
}

function touches(marks: Uint8Array, words: Uint32Array, first: number, end: number): boolean {
  for (let at = first; at < end; at++) {
    const word = words[at] as number;
    if (((marks[(word & 0xffff) >>> 3] as number) & (1 << (word & 7))) !== 0) return true;
  }
  return false;
}

function hasOne(hashes: ReadonlySet<number>, words: Uint32Array, first: number, end: number) {
  for (let at = first; at < end; at++) if (hashes.has(words[at] as number)) return true;
  return false;
}

function hasNumber(
  { field, min, max }: { readonly field: number; readonly min: number; readonly max: number },
  words: Uint32Array,
  first: number,
  count: number,
): boolean {
  for (let at = first; at < first + count * NUMBER_WORDS; at += NUMBER_WORDS) {
    if (words[at] !== field) continue;
    const value = floatAt(words, at + 1);
    return value >= min && value <= max;
  }
  return false;
}
