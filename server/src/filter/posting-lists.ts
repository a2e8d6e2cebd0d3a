import { Rows } from "./rows.ts";
import type { TermTable } from "./term-table.ts";

/** Words of a posting. */
const NEXT = 0;
/** The posting before it, or, negative, whose first it is. */
const PREVIOUS = 1;
const RULE = 2;
const SIBLING = 3;
const WORDS = 4;

/**
 * Lists of rules, each linked both ways through typed rows. A list begins at a term, or is one by
 * itself with a number.
 */
export class PostingLists {
  readonly #postings = new Rows(WORDS);
  readonly #heads = new Rows(1);
  readonly #terms: TermTable;

  constructor(terms: TermTable) {
    this.#terms = terms;
  }

  makeList(): number {
    return this.#heads.take();
  }

  /** Gives the number of an empty list back. */
  dropList(list: number): void {
    this.#heads.give(list);
  }

  /** The first posting of a list; 0 where it is empty. */
  first(list: number): number {
    return this.#heads.get(list, 0);
  }

  next(posting: number): number {
    return this.#postings.get(posting, NEXT);
  }

  rule(posting: number): number {
    return this.#postings.get(posting, RULE);
  }

  /** The next posting of the same rule. */
  sibling(posting: number): number {
    return this.#postings.get(posting, SIBLING);
  }

  /** Puts a rule under a term. @param sibling the rule's posting before, or 0 */
  addUnder(term: number, rule: number, sibling: number): number {
    const head = this.#terms.head(term);
    const posting = this.#make(rule, sibling, head, -2 * term);
    this.#terms.setHead(term, posting, rule, head);
    return posting;
  }

  /** Puts a rule into a list. @param sibling the rule's posting before, or 0 */
  addTo(list: number, rule: number, sibling: number): number {
    const posting = this.#make(rule, sibling, this.first(list), -2 * list - 1);
    this.#heads.set(list, 0, posting);
    return posting;
  }

  remove(posting: number): void {
    const rows = this.#postings;
    const next = rows.get(posting, NEXT);
    const previous = rows.get(posting, PREVIOUS);
    if (next !== 0) rows.set(next, PREVIOUS, previous);
    if (previous > 0) this.#setNext(previous, next);
    else if ((previous & 1) === 0) {
      const term = -previous / 2;
      if (next === 0) this.#terms.setHead(term, 0, 0, 0);
      else this.#terms.setHead(term, next, rows.get(next, RULE), rows.get(next, NEXT));
    } else this.#heads.set((-previous - 1) / 2, 0, next);
    rows.give(posting);
  }

  /** A term knows what is behind its first posting. */
  #setNext(posting: number, next: number): void {
    this.#postings.set(posting, NEXT, next);
    const previous = this.#postings.get(posting, PREVIOUS);
    if (previous <= 0 && (previous & 1) === 0) this.#terms.setHeadNext(-previous / 2, next);
  }

  #make(rule: number, sibling: number, next: number, previous: number): number {
    const rows = this.#postings;
    const posting = rows.take();
    rows.set(posting, NEXT, next);
    rows.set(posting, PREVIOUS, previous);
    rows.set(posting, RULE, rule);
    rows.set(posting, SIBLING, sibling);
    if (next !== 0) rows.set(next, PREVIOUS, posting);
    return posting;
  }
}
