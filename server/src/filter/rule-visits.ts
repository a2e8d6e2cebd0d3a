import type { IndexField } from "./index-field.ts";
import { Numbers } from "./numbers.ts";
import type { PostingLists } from "./posting-lists.ts";
import type { Rows } from "./rows.ts";
import type { RuleRows } from "./rule-rows.ts";
import type { TermTable } from "./term-table.ts";

/** Rules of a batch, about: what it reads of each stays in the nearest memory until it is used. */
const BATCH = 256;
/** Leads that are no terms: a list, and a span that holds the event's number. */
const BY_LIST = -1;
const BY_SPAN = -2;

/**
 * The rules that an event leads to, in batches: the lists of all its terms are gone through side by
 * side, and what a batch needs of memory is read before it is used, so that it comes at once.
 */
export class RuleVisits {
  readonly #terms: TermTable;
  readonly #postings: PostingLists;
  readonly #rules: RuleRows;
  readonly #holders: Rows;
  /** Terms that lead to rules, and how many of these were visited in vain. */
  readonly #leads = new Numbers();
  readonly #inVain = new Numbers();
  /** Postings that come next, and which lead each is of. */
  readonly #cursors = new Numbers();
  readonly #cursorLeads = new Numbers();
  /** Rules of the batch, and which lead each is of. */
  readonly #rows = new Numbers();
  readonly #rowLeads = new Numbers();
  #begun = 0;
  /** Rules whose span holds the event's number, and those that must be asked whether it does. */
  readonly #inside = new Numbers();
  readonly #atEnd = new Numbers();
  #spans = 0;
  #touched = 0;

  constructor(parts: {
    readonly terms: TermTable;
    readonly postings: PostingLists;
    readonly rules: RuleRows;
    readonly holders: Rows;
  }) {
    this.#terms = parts.terms;
    this.#postings = parts.postings;
    this.#rules = parts.rules;
    this.#holders = parts.holders;
  }

  begin(): void {
    this.#leads.clear();
    this.#inVain.clear();
    this.#cursors.clear();
    this.#cursorLeads.clear();
    this.#begun = 0;
    this.#inside.clear();
    this.#atEnd.clear();
    this.#spans = 0;
  }

  /** What stands under a term will be visited. */
  addTerm(term: number): void {
    this.#leads.push(term);
    this.#inVain.push(0);
  }

  /** What stands under spans of a field that hold the event's number will be visited. */
  addSpans({ ranges, point, byBounds }: IndexField): void {
    ranges.collect(point, byBounds ? this.#inside : this.#atEnd, this.#atEnd);
  }

  /** What stands in a list will be visited. */
  addList(list: number): void {
    const posting = this.#postings.first(list);
    if (posting !== 0) this.#follow(posting, BY_LIST);
  }

  /** Makes the next batch; its length, which is 0 when there is none. */
  next(): number {
    this.#rows.clear();
    this.#rowLeads.clear();
    for (; this.#begun < this.#leads.length; this.#begun++) {
      const term = this.#leads.at(this.#begun);
      this.#visit(this.#terms.headRule(term), this.#begun);
      const posting = this.#terms.headNext(term);
      if (posting !== 0) this.#follow(posting, this.#begun);
    }
    this.#visitSpans();
    while (this.#cursors.length > 0 && this.#rows.length < BATCH) this.#advance();
    this.#touch();
    return this.#rows.length;
  }

  rule(at: number): number {
    return this.#rows.at(at);
  }

  /** Whether a term or a span leads to a rule of the batch, so that the condition that it stands under holds. */
  isLed(at: number): boolean {
    return this.#rowLeads.at(at) !== BY_LIST;
  }

  noteInVain(at: number): void {
    const lead = this.#rowLeads.at(at);
    if (lead >= 0) this.#inVain.set(lead, this.#inVain.at(lead) + 1);
  }

  /** The term under which the most rules were visited in vain, if at least so many were. */
  hottest(least: number): number | undefined {
    let hottest = BY_LIST;
    let most = least - 1;
    for (let lead = 0; lead < this.#inVain.length; lead++) {
      const inVain = this.#inVain.at(lead);
      if (inVain <= most) continue;
      most = inVain;
      hottest = lead;
    }
    return hottest < 0 ? undefined : this.#leads.at(hottest);
  }

  #visitSpans(): void {
    const inside = this.#inside;
    const end = Math.min(inside.length + this.#atEnd.length, this.#spans + BATCH);
    for (; this.#spans < end; this.#spans++) {
      if (this.#spans < inside.length) this.#visit(inside.at(this.#spans), BY_SPAN);
      else this.#visit(this.#atEnd.at(this.#spans - inside.length), BY_LIST);
    }
  }

  #visit(row: number, lead: number): void {
    this.#rows.push(row);
    this.#rowLeads.push(lead);
  }

  #follow(posting: number, lead: number): void {
    this.#cursors.push(posting);
    this.#cursorLeads.push(lead);
  }

  /** One rule more of each list. */
  #advance(): void {
    const cursors = this.#cursors;
    const leads = this.#cursorLeads;
    let kept = 0;
    for (let at = 0; at < cursors.length; at++) {
      const posting = cursors.at(at);
      const lead = leads.at(at);
      this.#visit(this.#postings.rule(posting), lead);
      const next = this.#postings.next(posting);
      if (next === 0) continue;
      cursors.set(kept, next);
      leads.set(kept, lead);
      kept += 1;
    }
    cursors.cut(kept);
    leads.cut(kept);
  }

  #touch(): void {
    this.#touched ^= this.#rules.touchAll(this.#rows, this.#holders);
  }
}
