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
 * The bounds of ranges, as words among others: two floating-point numbers, which nearly always
 * decide, and the number of their texts, where the numbers do not say them exactly.
 */
export class Bounds {
  readonly #numbers = new Rows(1);
  readonly #texts = new RowValues<Texts>();

  /** The words of what `min_…` and `max_…` say. */
  words(values: readonly string[]): number[] {
    const min = boundOf(values, "min_");
    const max = boundOf(values, "max_");
    floats[0] = min === undefined ? Number.NEGATIVE_INFINITY : nearestNumber(min);
    floats[1] = max === undefined ? Number.POSITIVE_INFINITY : nearestNumber(max);
    const texts = { min: inexact(min, floats[0]), max: inexact(max, floats[1]) };
    let number = 0;
    if (texts.min !== undefined || texts.max !== undefined) {
      number = this.#numbers.take();
      this.#texts.set(number, texts);
    }
    return [...words, number];
  }

  /** Lets go of what words stand for. */
  release(from: Int32Array, at: number): void {
    const number = from[at + WORDS] as number;
    if (number === 0) return;
    this.#texts.set(number, undefined);
    this.#numbers.give(number);
  }

  span(from: Int32Array, at: number): Span {
    load(from, at);
    return { min: floats[0] as number, max: floats[1] as number };
  }

  /** Whether a decimal lies between bounds, both included. @param point its nearest number */
  holds(from: Int32Array, at: number, point: number, decimal: string): boolean {
    load(from, at);
    const min = floats[0] as number;
    const max = floats[1] as number;
    if (!(point >= min && point <= max)) return false;
    if (point !== min && point !== max) return true;
    const texts = this.#texts.get(from[at + WORDS] as number);
    if (point === min && compareDecimals(decimal, texts?.min ?? textOf(min)) < 0) return false;
    return point !== max || compareDecimals(decimal, texts?.max ?? textOf(max)) <= 0;
  }
}

function load(from: Int32Array, at: number): void {
  for (let word = 0; word < WORDS; word++) words[word] = from[at + word] as number;
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
