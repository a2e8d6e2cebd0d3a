import type { EventTerms } from "./event-terms.ts";
import type { IndexField } from "./index-field.ts";
import { Numbers } from "./numbers.ts";
import type { PostingLists } from "./posting-lists.ts";
import type { Rows } from "./rows.ts";
import type { RuleRows } from "./rule-rows.ts";
import { TermLookups } from "./term-lookups.ts";
import type { TermTable } from "./term-table.ts";

/** Events that are looked up together: more would push one another out of the nearest memory. */
const GROUP = 16;
const NONE: readonly EventTerms[] = [];

/**
 * Looks the terms of the events up that come next, some together, and reads the rules to which they
 * lead, so that memory is asked for many things at once and has them when they are needed.
 */
export class LookAhead {
  readonly lookups: TermLookups;
  readonly #terms: TermTable;
  readonly #postings: PostingLists;
  readonly #rules: RuleRows;
  readonly #holders: Rows;
  readonly #fields: readonly IndexField[];
  #expected: readonly EventTerms[] = NONE;
  /** The events that were looked up, among those that are expected, and the next one. */
  #from = 0;
  #end = 0;
  #next = 0;
  /** How many are looked up together. */
  #size = 1;
  /** What the index was when they were. */
  #version = -1;
  readonly #leads = new Numbers();
  readonly #led = new Numbers();
  #touched = 0;

  constructor(parts: {
    readonly terms: TermTable;
    readonly postings: PostingLists;
    readonly rules: RuleRows;
    readonly holders: Rows;
    readonly fields: readonly IndexField[];
  }) {
    this.#terms = parts.terms;
    this.#postings = parts.postings;
    this.#rules = parts.rules;
    this.#holders = parts.holders;
    this.#fields = parts.fields;
    this.lookups = new TermLookups(parts.terms);
  }

  /** Says which events come next, in that order; some of them may not come. */
  expect(events: readonly EventTerms[]): void {
    this.#expected = events;
    this.#from = 0;
    this.#end = 0;
    this.#next = 0;
  }

  /** Whether the next event is not among those that were looked up. */
  get isUsedUp(): boolean {
    return this.#next >= this.#end;
  }

  /**
   * The number in `lookups` of an event, which is looked up with those that come next, or by itself
   * where it was not expected.
   *
   * @param version another one whenever the index has changed
   */
  find(event: EventTerms, version: number): number {
    let at = this.#next;
    while (at < this.#expected.length && this.#expected[at] !== event) at += 1;
    if (at === this.#expected.length) {
      this.expect([event]);
      at = 0;
    }
    const isOutdated = version !== this.#version && at < this.#end;
    // Where each event changes the index, looking further ahead is in vain.
    if (isOutdated) this.#size = 1;
    if (isOutdated || at >= this.#end) this.#lookUp(at, version);
    const number = at - this.#from;
    this.#next = at + 1;
    // Nothing keeps the events when all have come.
    if (this.#next === this.#expected.length) this.expect(NONE);
    return number;
  }

  #lookUp(from: number, version: number): void {
    this.#from = from;
    // Until all is looked up nothing is: an event's terms may be such that they cannot be taken.
    this.#end = from;
    const end = Math.min(this.#expected.length, from + this.#size);
    if (end - from === this.#size) this.#size = Math.min(GROUP, this.#size * 2);
    this.#version = version;
    const { lookups } = this;
    lookups.begin();
    for (let at = from; at < end; at++) {
      const event = this.#expected[at] as EventTerms;
      lookups.beginEvent();
      // Whom it reaches is not looked up here.
      if (event.stream.eventTypes.get(event.event.event_type)?.broadcast !== undefined) continue;
      for (const field of this.#fields) {
        if (field.standing === 0 || field.byBounds) continue;
        const terms = event.termsAt(field.number - 1);
        if (terms.length > 0) lookups.ask(field, terms);
      }
    }
    lookups.answer();
    this.#touch();
    this.#end = end;
  }

  #touch(): void {
    const leads = this.#leads;
    const led = this.#led;
    leads.clear();
    led.clear();
    this.lookups.leads(leads);
    let touched = 0;
    for (let at = 0; at < leads.length; at++) touched ^= this.#terms.head(leads.at(at));
    for (let at = 0; at < leads.length; at++) {
      const term = leads.at(at);
      led.push(this.#terms.headRule(term));
      const next = this.#terms.headNext(term);
      if (next !== 0) touched ^= this.#postings.next(next);
    }
    this.#touched ^= touched ^ this.#rules.touchAll(led, this.#holders);
  }
}
