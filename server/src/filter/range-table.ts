import type { Span } from "./kinds/field-kind.ts";

/** Things under numbers, in the order of the numbers. */
class OrderedBuckets<T> {
  readonly #numbers: number[] = [];
  readonly #items = new Map<number, Set<T>>();

  get isEmpty(): boolean {
    return this.#numbers.length === 0;
  }

  add(number: number, item: T): void {
    const items = this.#items.get(number);
    if (items !== undefined) {
      items.add(item);
      return;
    }
    this.#items.set(number, new Set([item]));
    this.#numbers.splice(this.#firstFrom(number), 0, number);
  }

  delete(number: number, item: T): void {
    const items = this.#items.get(number);
    if (items === undefined || !items.delete(item) || items.size > 0) return;
    this.#items.delete(number);
    this.#numbers.splice(this.#firstFrom(number), 1);
  }

  /** Visits what stands between two numbers, both included. */
  visit(low: number, high: number, visit: (item: T) => void): void {
    for (let at = this.#firstFrom(low); at < this.#numbers.length; at++) {
      const number = this.#numbers[at] as number;
      if (number > high) return;
      for (const item of this.#items.get(number) ?? []) visit(item);
    }
  }

  #firstFrom(number: number): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * Things under spans of numbers, found by a point in them. Those with one bound are ordered by it.
 * Those with two are put together by the magnitude of their width and ordered by the lower bound:
 * whatever holds a point begins no further before it than its magnitude allows, so that what is
 * visited in vain is at most a few times what is found, where spans lie evenly.
 */
export class RangeTable<T> {
  readonly #from = new OrderedBuckets<T>();
  readonly #upTo = new OrderedBuckets<T>();
  readonly #closed = new Map<number, OrderedBuckets<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds something that does not stand there yet. */
  add(span: Span, item: T): void {
    this.#size += 1;
    if (span.max === Number.POSITIVE_INFINITY) this.#from.add(span.min, item);
    else if (span.min === Number.NEGATIVE_INFINITY) this.#upTo.add(span.max, item);
    else {
      const magnitude = magnitudeOf(span);
      const buckets = this.#closed.get(magnitude) ?? new OrderedBuckets<T>();
      this.#closed.set(magnitude, buckets);
      buckets.add(span.min, item);
    }
  }

  /** Takes away something that stands there. */
  delete(span: Span, item: T): void {
    this.#size -= 1;
    if (span.max === Number.POSITIVE_INFINITY) this.#from.delete(span.min, item);
    else if (span.min === Number.NEGATIVE_INFINITY) this.#upTo.delete(span.max, item);
    else {
      const magnitude = magnitudeOf(span);
      const buckets = this.#closed.get(magnitude);
      buckets?.delete(span.min, item);
      if (buckets?.isEmpty === true) this.#closed.delete(magnitude);
    }
  }

  /** Visits everything whose span holds a point, and some things whose span does not. */
  visit(point: number, visit: (item: T) => void): void {
    this.#from.visit(Number.NEGATIVE_INFINITY, point, visit);
    this.#upTo.visit(point, Number.POSITIVE_INFINITY, visit);
    for (const [magnitude, buckets] of this.#closed) {
      // Twice the greatest width there, since widths are rounded.
      const reach = magnitude === Number.NEGATIVE_INFINITY ? 0 : 2 ** (magnitude + 2);
      buckets.visit(point - reach, point, visit);
    }
  }
}

function magnitudeOf({ min, max }: Span): number {
  return Math.floor(Math.log2(max - min));
}
