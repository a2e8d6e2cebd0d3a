import type { Span } from "./kinds/field-kind.ts";
import type { Numbers } from "./numbers.ts";
import { SpanOrder } from "./span-order.ts";

/**
 * Rules under spans of numbers, found by a point in them. Those with one bound are ordered by it.
 * Those with two are put together by the magnitude of their width and ordered by the lower bound:
 * whatever holds a point begins no further before it than its magnitude allows, so that few are gone
 * through that do not hold it.
 */
export class RangeTable {
  readonly #from = new SpanOrder(false);
  readonly #upTo = new SpanOrder(false);
  readonly #closed = new Map<number, SpanOrder>();
  /** Those of `#closed`, each with its reach, for an event to go through. */
  #reaches: number[] = [];
  #orders: SpanOrder[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts a rule under a span. */
  add(span: Span, rule: number): void {
    this.#size += 1;
    const order = this.#orderOf(span) ?? this.#newOrder(span);
    order.add(numberOf(span), span.max, rule);
  }

  /** Takes away a rule that stands under a span. */
  remove(span: Span, rule: number): void {
    this.#size -= 1;
    const order = this.#orderOf(span);
    order?.delete(numberOf(span), rule);
    if (order?.isEmpty !== true || !isClosed(span)) return;
    this.#closed.delete(magnitudeOf(span));
    this.#list();
  }

  /**
   * Appends the rules whose span holds a point: to `inside` where it lies between the bounds, to
   * `atEnd` where it is one of them, so that more than floating-point numbers must decide.
   */
  collect(point: number, inside: Numbers, atEnd: Numbers): void {
    this.#from.collect(Number.NEGATIVE_INFINITY, point, point, inside, atEnd);
    this.#upTo.collect(point, Number.POSITIVE_INFINITY, point, inside, atEnd);
    for (let at = 0; at < this.#orders.length; at++) {
      const low = point - (this.#reaches[at] as number);
      (this.#orders[at] as SpanOrder).collect(low, point, point, inside, atEnd);
    }
  }

  #orderOf(span: Span): SpanOrder | undefined {
    if (span.max === Number.POSITIVE_INFINITY) return this.#from;
    if (span.min === Number.NEGATIVE_INFINITY) return this.#upTo;
    return this.#closed.get(magnitudeOf(span));
  }

  #newOrder(span: Span): SpanOrder {
    const order = new SpanOrder(true);
    this.#closed.set(magnitudeOf(span), order);
    this.#list();
    return order;
  }

  #list(): void {
    this.#orders = [...this.#closed.values()];
    this.#reaches = [...this.#closed.keys()].map(reachOf);
  }
}

/** The greatest width of a magnitude, and a little more, since widths and logarithms are rounded. */
function reachOf(magnitude: number): number {
  return magnitude === Number.NEGATIVE_INFINITY ? 0 : 1.001 * 2 ** (magnitude + 1);
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
