import type { Span } from "./kinds/field-kind.ts";
import type { PostingLists } from "./posting-lists.ts";
import { type ConditionWords, RULE, type RuleRows } from "./rule-rows.ts";
import type { TermTable } from "./term-table.ts";

/** Events that are imagined where few were seen: how often filters name a term stands for them. */
const PRIOR_EVENTS = 64;
/** What a scan costs, beside anything that leads to a part of the rules. */
const SCAN_COST = 1000;
/** A rule moves where that leads to it half as often, or less: otherwise it would come and go. */
const MOVE_GAIN = 2;
/** Postings that one step looks at: some tens of microseconds. */
const STEP_POSTINGS = 128;
/** Rules that wait to be looked at, at most. */
const SUSPECTS_MAX = 16;
/** Values that those may have together which are looked at at a time: some tens of microseconds. */
const SUSPECT_VALUES = 256;
/** Visits in vain, at most, between two of which the rules are looked at. */
const PAUSE_MAX = 256;
/** Terms whose turn is remembered. */
const RESTS_MAX = 10_000;

/**
 * Under which of its conditions each rule stands: the one that the fewest events satisfy, as far as
 * late events and other filters tell. Where that was guessed wrong, or changes, because a term
 * became frequent, the rules under it move to better places, some at each event.
 */
export class RuleAccess {
  readonly #rules: RuleRows;
  readonly #terms: TermTable;
  readonly #postings: PostingLists;
  /** The next posting of the term whose rules are being looked at; 0 where there is none. */
  #cursor = 0;
  /** Rules that moved so far. */
  moves = 0;
  #moved = 0;
  #looked = 0;
  #hot = 0;
  /** How often a term that was looked at in vain may heat again before its next turn. */
  readonly #rests = new Map<number, { readonly length: number; left: number }>();
  /** Rules that were visited in vain and are looked at next. */
  readonly #suspects: number[] = [];
  /** Visits in vain to let pass: more after each that told nothing, for a look costs more than a visit. */
  #pause = 0;
  #passed = 0;

  constructor(rules: RuleRows, terms: TermTable, postings: PostingLists) {
    this.#rules = rules;
    this.#terms = terms;
    this.#postings = postings;
  }

  /** Puts a rule with conditions under one of them. @param filters how many there are */
  put(row: number, filters: number): void {
    const conditions = this.#rules.conditions(row);
    this.#link(row, conditions, this.#best(conditions, filters));
  }

  /** Takes a rule out. */
  take(row: number): void {
    const condition = this.#rules.conditions(row)[this.#rules.access(row)];
    if (condition === undefined) return;
    condition.field.standing -= 1;
    if (this.#leadsBySpan(condition)) condition.field.ranges.remove(this.#spanOf(condition), row);
    for (let posting = this.#rules.get(row, RULE.posting); posting !== 0; ) {
      const sibling = this.#postings.sibling(posting);
      if (posting === this.#cursor) this.#cursor = this.#postings.next(posting);
      this.#postings.remove(posting);
      posting = sibling;
    }
    this.#rules.set(row, RULE.posting, 0);
  }

  /** An event had a term and visited many of the rules under it in vain. */
  heated(term: number): void {
    if (this.#cursor !== 0) return;
    const rest = this.#rests.get(term);
    if (rest !== undefined && rest.left > 0) {
      rest.left -= 1;
      return;
    }
    this.#hot = term;
    this.#cursor = this.#terms.head(term);
    this.#moved = 0;
    this.#looked = 0;
  }

  /** A rule of several conditions was visited in vain. */
  suspect(row: number): void {
    this.#passed += 1;
    if (this.#passed <= this.#pause || this.#suspects.length === SUSPECTS_MAX) return;
    this.#passed = 0;
    this.#suspects.push(row);
  }

  /** Looks at the rules that were visited in vain: most of what is visited so are a few, again and again. */
  reconsider(filters: number): void {
    let left = SUSPECT_VALUES;
    for (let at = 0; at < this.#suspects.length && left > 0; at++) {
      const row = this.#suspects[at] as number;
      // It may have been removed, and another be in its place: what is there now is looked at.
      if (this.#rules.get(row, RULE.holder) === 0) continue;
      for (const { count } of this.#rules.conditions(row)) left -= count;
      const moved = this.#improve(row, filters);
      this.#pause = moved ? this.#pause >>> 1 : Math.min(PAUSE_MAX, this.#pause * 2 + 1);
    }
    this.#suspects.length = 0;
  }

  /** Looks at some rules more of the term that is hot. */
  step(filters: number): void {
    if (this.#cursor === 0) return;
    for (let left = STEP_POSTINGS; left > 0 && this.#cursor !== 0; left--) {
      const row = this.#postings.rule(this.#cursor);
      this.#cursor = this.#postings.next(this.#cursor);
      this.#looked += 1;
      if (this.#improve(row, filters)) this.#moved += 1;
    }
    if (this.#cursor === 0) this.#rest();
  }

  #rest(): void {
    if (this.#moved * 2 > this.#looked) {
      this.#rests.delete(this.#hot);
      return;
    }
    if (this.#rests.size >= RESTS_MAX) this.#rests.clear();
    const length = Math.min(1 << 16, 2 * (this.#rests.get(this.#hot)?.length ?? 32));
    this.#rests.set(this.#hot, { length, left: length });
  }

  #improve(row: number, filters: number): boolean {
    const conditions = this.#rules.conditions(row);
    if (conditions.length < 2) return false;
    const present = conditions[this.#rules.access(row)];
    const best = this.#best(conditions, filters);
    const wanted = conditions[best];
    if (present === undefined || wanted === undefined || wanted === present) return false;
    if (this.#cost(wanted, filters) * MOVE_GAIN > this.#cost(present, filters)) return false;
    this.take(row);
    this.#link(row, conditions, best);
    this.moves += 1;
    return true;
  }

  #link(row: number, conditions: readonly ConditionWords[], number: number): void {
    const condition = conditions[number] as ConditionWords;
    const { field } = condition;
    const terms = this.#rules.termsOf(condition);
    let posting = 0;
    if (terms !== undefined) {
      for (const term of terms) posting = this.#postings.addUnder(term, row, posting);
    } else if (this.#leadsBySpan(condition)) {
      field.ranges.add(this.#spanOf(condition), row);
    } else {
      posting = this.#postings.addTo(field.others, row, 0);
    }
    field.standing += 1;
    this.#rules.setAccess(row, number, field.byTerms || field.byBounds);
    this.#rules.set(row, RULE.posting, posting);
  }

  #leadsBySpan(condition: ConditionWords): boolean {
    const { kind } = condition.field;
    return (
      this.#rules.termsOf(condition) === undefined &&
      kind.span !== undefined &&
      kind.point !== undefined
    );
  }

  #spanOf(condition: ConditionWords): Span {
    return this.#rules.spanOf(condition) ?? { min: -Infinity, max: Infinity };
  }

  #best(conditions: readonly ConditionWords[], filters: number): number {
    if (conditions.length === 1) return 0;
    let best = 0;
    let bestCost = Number.POSITIVE_INFINITY;
    for (let number = 0; number < conditions.length; number++) {
      const cost = this.#cost(conditions[number] as ConditionWords, filters);
      if (cost >= bestCost) continue;
      bestCost = cost;
      best = number;
    }
    return best;
  }

  /** How many of an event's visits a condition is likely to cost: at most about 1 for each term. */
  #cost(condition: ConditionWords, filters: number): number {
    const { field } = condition;
    const terms = this.#rules.termsOf(condition);
    if (terms === undefined) {
      if (!this.#leadsBySpan(condition)) return SCAN_COST;
      const { min, max } = this.#spanOf(condition);
      return field.shareOf(min, max);
    }
    const few = field.valuesCount === undefined ? 0 : 1 / field.valuesCount;
    let cost = 0;
    for (const term of terms) {
      const popular = Math.min(1, this.#terms.refs(term) / (filters + 1));
      const prior = PRIOR_EVENTS * Math.max(few, popular);
      cost += (this.#terms.hits(term) + prior) / (field.seen + PRIOR_EVENTS);
    }
    return cost;
  }
}
