import type { Span } from "./kinds/field-kind.ts";
import { NumberOrder } from "./number-order.ts";
import type { PostingLists } from "./posting-lists.ts";

/**
 * Rules under spans of numbers, found by a point in them. Those with one bound are ordered by it.
 * Those with two are put together by the magnitude of their width and ordered by the lower bound:
 * whatever holds a point begins no further before it than its magnitude allows, so that what is
 * visited in vain is at most a few times what is found, where spans lie evenly.
 */
export class RangeTable {
  readonly #postings: PostingLists;
  readonly #from = new NumberOrder();
  readonly #upTo = new NumberOrder();
  readonly #closed = new Map<number, NumberOrder>();
  #size = 0;

  constructor(postings: PostingLists) {
    this.#postings = postings;
  }

  get size(): number {
    return this.#size;
  }

  /** Puts a rule under a span. @param sibling the rule's posting before, or 0 */
  add(span: Span, rule: number, sibling: number): number {
    this.#size += 1;
    const order = this.#orderOf(span) ?? this.#newOrder(span);
    const number = numberOf(span);
    let list = order.get(number);
    if (list === 0) {
      list = this.#postings.makeList();
      order.add(number, list);
    }
    return this.#postings.addTo(list, rule, sibling);
  }

  /** Takes away a posting that stands under a span. */
  remove(span: Span, posting: number): void {
    this.#size -= 1;
    this.#postings.remove(posting);
    const order = this.#orderOf(span);
    const number = numberOf(span);
    const list = order?.get(number) ?? 0;
    if (order === undefined || this.#postings.first(list) !== 0) return;
    this.#postings.dropList(list);
    order.delete(number);
    if (order.isEmpty && isClosed(span)) this.#closed.delete(magnitudeOf(span));
  }

  /** Appends the lists of all rules whose span holds a point, and of some whose span does not. */
  collect(point: number, lists: number[]): void {
    this.#from.collect(Number.NEGATIVE_INFINITY, point, lists);
    this.#upTo.collect(point, Number.POSITIVE_INFINITY, lists);
    for (const [magnitude, order] of this.#closed) {
      // The greatest width there, and a little more, since widths and logarithms are rounded.
      const reach = magnitude === Number.NEGATIVE_INFINITY ? 0 : 1.001 * 2 ** (magnitude + 1);
      order.collect(point - reach, point, lists);
    }
  }

  #orderOf(span: Span): NumberOrder | undefined {
    if (span.max === Number.POSITIVE_INFINITY) return this.#from;
    if (span.min === Number.NEGATIVE_INFINITY) return this.#upTo;
    return this.#closed.get(magnitudeOf(span));
  }

  #newOrder(span: Span): NumberOrder {
    const order = new NumberOrder();
    this.#closed.set(magnitudeOf(span), order);
    return order;
  }
}

function isClosed({ min, max }: Span): boolean {
  return min !== Number.NEGATIVE_INFINITY && max !== Number.POSITIVE_INFINITY;
}

/** Where in the order a span stands. */
function numberOf({ min, max }: Span): number {
  return max !== Number.POSITIVE_INFINITY && min === Number.NEGATIVE_INFINITY ? max : min;
}

function magnitudeOf({ min, max }: Span): number {
  return Math.floor(Math.log2(max - min));
}
