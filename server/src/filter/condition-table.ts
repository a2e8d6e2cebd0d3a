import { hashTerm } from "@penstock-dev/contract";
import type { TermsView } from "./event-terms.ts";
import { RangeTable } from "./range-table.ts";
import type { Condition } from "./rule.ts";
import { TermTable } from "./term-table.ts";

/** The part of all ranges that a number is likely to lie in. */
const RANGE_SHARE = 0.5;

/** Things under a condition on one field: what an event has of the field leads to them. */
export class ConditionTable<T> {
  readonly #field: string;
  readonly #terms = new TermTable<T>(hashTerm);
  readonly #ranges = new RangeTable<T>();
  /** Those of a kind that tells neither terms nor spans: only a scan leads to them. */
  readonly #others = new Set<T>();
  #point: ((term: string) => number) | undefined;

  constructor(field: string) {
    this.#field = field;
  }

  /** Adds something that does not stand there yet. */
  add(condition: Condition, item: T): void {
    const { kind, values } = condition;
    const terms = kind.filterTerms(values);
    if (terms !== undefined) {
      for (const term of terms) this.#terms.add(term, item);
    } else if (kind.span !== undefined && kind.point !== undefined) {
      this.#point = kind.point;
      this.#ranges.add(kind.span(values), item);
    } else {
      this.#others.add(item);
    }
  }

  /** Takes away something that stands there under that condition. */
  delete(condition: Condition, item: T): void {
    const { kind, values } = condition;
    const terms = kind.filterTerms(values);
    if (terms !== undefined) {
      for (const term of terms) this.#terms.delete(term, item);
    } else if (kind.span !== undefined && kind.point !== undefined) {
      this.#ranges.delete(kind.span(values), item);
    } else {
      this.#others.delete(item);
    }
  }

  /** Visits everything that an event may satisfy, and some things that it does not. */
  visit(view: TermsView, visit: (item: T) => void): void {
    for (const item of this.#others) visit(item);
    if (this.#terms.size > 0) {
      for (const term of view.terms(this.#field)) {
        const plain = view.hashed ? this.#terms.termOf(term) : term;
        if (plain !== undefined) this.#terms.visit(plain, visit);
      }
    }
    if (this.#point === undefined || this.#ranges.size === 0) return;
    const [term] = view.terms(this.#field);
    if (term !== undefined) this.#ranges.visit(this.#point(term), visit);
  }

  /** How much an event that satisfies a condition is likely to lead to. */
  count(condition: Condition): number {
    const { kind, values } = condition;
    const terms = kind.filterTerms(values);
    if (terms === undefined)
      return kind.span === undefined ? this.#others.size : this.#ranges.size * RANGE_SHARE;
    let count = 0;
    for (const term of terms) count += this.#terms.count(term);
    return count;
  }
}
