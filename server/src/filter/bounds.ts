import { canonicalDecimal, compareDecimals, nearestNumber } from "./decimal.ts";
import type { Span } from "./kinds/field-kind.ts";
import { Rows, RowValues } from "./rows.ts";

const floats = new Float64Array(2);
const words = new Int32Array(floats.buffer);
/** Two floating-point numbers. */
const WORDS = 4;

/** A bound as exact text, where its nearest floating-point number is another. */
interface Texts {
  readonly min: string | undefined;
  readonly max: string | undefined;
}

/**
 * The bounds of ranges, each pair under a number: as floating-point numbers, which nearly always
 * decide, and as text where they do not say the bound exactly.
 */
export class Bounds {
  readonly #rows = new Rows(WORDS);
  readonly #texts = new RowValues<Texts>();

  /** Keeps what `min_…` and `max_…` say. */
  put(values: readonly string[]): number {
    const min = boundOf(values, "min_");
    const max = boundOf(values, "max_");
    floats[0] = min === undefined ? Number.NEGATIVE_INFINITY : nearestNumber(min);
    floats[1] = max === undefined ? Number.POSITIVE_INFINITY : nearestNumber(max);
    const row = this.#rows.take();
    for (let word = 0; word < WORDS; word++) this.#rows.set(row, word, words[word] as number);
    const texts = { min: inexact(min, floats[0]), max: inexact(max, floats[1]) };
    if (texts.min !== undefined || texts.max !== undefined) this.#texts.set(row, texts);
    return row;
  }

  give(row: number): void {
    if (this.#texts.get(row) !== undefined) this.#texts.set(row, undefined);
    this.#rows.give(row);
  }

  span(row: number): Span {
    this.#load(row);
    return { min: floats[0] as number, max: floats[1] as number };
  }

  /** Whether a decimal lies between bounds, both included. @param point its nearest number */
  holds(row: number, point: number, decimal: string): boolean {
    this.#load(row);
    const min = floats[0] as number;
    const max = floats[1] as number;
    if (!(point >= min && point <= max)) return false;
    if (point === min) {
      const bound = this.#texts.get(row)?.min ?? textOf(min);
      if (compareDecimals(decimal, bound) < 0) return false;
    }
    if (point === max) {
      const bound = this.#texts.get(row)?.max ?? textOf(max);
      if (compareDecimals(decimal, bound) > 0) return false;
    }
    return true;
  }

  #load(row: number): void {
    for (let word = 0; word < WORDS; word++) words[word] = this.#rows.get(row, word);
  }
}

function boundOf(values: readonly string[], prefix: string): string | undefined {
  return values.find((value) => value.startsWith(prefix))?.slice(prefix.length);
}

/** The exact text of a bound, where its number does not say it. */
function inexact(bound: string | undefined, number: number): string | undefined {
  return bound === undefined || textOf(number) === bound ? undefined : bound;
}

function textOf(number: number): string {
  return canonicalDecimal(String(number)) ?? "";
}
