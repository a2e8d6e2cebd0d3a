import type { IndexField } from "./index-field.ts";
import type { PostingLists } from "./posting-lists.ts";
import { RULE, type RuleRows } from "./rule-rows.ts";
import type { TermTable } from "./term-table.ts";

/** Rules that are gone through at a time, until all that ask for a field stand under it too. */
const STEP_RULES = 512;

/** A field by which cancelled events are known of which little else is. */
interface KnownField {
  readonly field: IndexField;
  /** Rules whose condition on it is by no term. */
  readonly rest: number;
  /** Rules before this row stand under it. */
  next: number;
}

/**
 * Rules by fields under which they do not stand, for cancelled events of which only such a field is
 * known. It begins when the first of these comes, and takes up the rules that are there little by
 * little; until it has them all, all rules must be looked at.
 */
export class KnownPostings {
  readonly #rules: RuleRows;
  readonly #terms: TermTable;
  readonly #postings: PostingLists;
  readonly #known: KnownField[] = [];

  constructor(rules: RuleRows, terms: TermTable, postings: PostingLists) {
    this.#rules = rules;
    this.#terms = terms;
    this.#postings = postings;
  }

  /** Makes a field one of those; true where every rule that asks for it stands under it. */
  covers(field: IndexField): boolean {
    const known = this.#known.find((one) => one.field === field);
    if (known !== undefined) return known.next >= this.#rules.end;
    this.#known.push({ field, rest: this.#postings.makeList(), next: 1 });
    return this.#rules.end <= 1;
  }

  /** The list of rules with a condition on a field that is by no term. */
  restOf(field: IndexField): number {
    return this.#known.find((one) => one.field === field)?.rest ?? 0;
  }

  /** Takes a new rule up. */
  add(row: number): void {
    for (const known of this.#known) {
      if (row < known.next) this.#link(known, row);
      else if (row === known.next) {
        known.next += 1;
        this.#link(known, row);
      }
    }
  }

  remove(row: number): void {
    let posting = this.#rules.get(row, RULE.known);
    if (posting === 0) return;
    while (posting !== 0) {
      const sibling = this.#postings.sibling(posting);
      this.#postings.remove(posting);
      posting = sibling;
    }
    this.#rules.set(row, RULE.known, 0);
    for (const condition of this.#rules.conditions(row)) {
      for (const term of this.#rules.termsOf(condition) ?? []) {
        const list = this.#terms.knownList(term);
        if (list === 0 || this.#postings.first(list) !== 0) continue;
        this.#postings.dropList(list);
        this.#terms.setKnownList(term, 0);
      }
    }
  }

  /** Goes through some rules more. */
  step(): void {
    for (const known of this.#known) {
      const end = Math.min(known.next + STEP_RULES, this.#rules.end);
      for (; known.next < end; known.next++) {
        if (this.#rules.get(known.next, RULE.holder) !== 0) this.#link(known, known.next);
      }
    }
  }

  /** A rule of one condition stands under it anyhow. */
  #link({ field, rest }: KnownField, row: number): void {
    if (this.#rules.get(row, RULE.conditions) < 2) return;
    const condition = this.#rules.conditions(row).find((one) => one.field === field);
    if (condition === undefined) return;
    let posting = this.#rules.get(row, RULE.known);
    const terms = this.#rules.termsOf(condition);
    if (terms === undefined) posting = this.#postings.addTo(rest, row, posting);
    for (const term of terms ?? []) {
      let list = this.#terms.knownList(term);
      if (list === 0) {
        list = this.#postings.makeList();
        this.#terms.setKnownList(term, list);
      }
      posting = this.#postings.addTo(list, row, posting);
    }
    this.#rules.set(row, RULE.known, posting);
  }
}
