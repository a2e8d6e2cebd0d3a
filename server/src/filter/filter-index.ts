import type { Stream } from "../streams/index.ts";
import { EventMarks } from "./event-marks.ts";
import type { EventTerms } from "./event-terms.ts";
import type { Filters } from "./filters.ts";
import { IndexField } from "./index-field.ts";
import { KnownPostings } from "./known-postings.ts";
import { LookAhead } from "./look-ahead.ts";
import { Numbers } from "./numbers.ts";
import { PostingLists } from "./posting-lists.ts";
import { Rows, RowValues } from "./rows.ts";
import { RuleAccess } from "./rule-access.ts";
import { RULE, RuleRows } from "./rule-rows.ts";
import { RuleVisits } from "./rule-visits.ts";
import { TagSets } from "./tag-sets.ts";
import { TermTable } from "./term-table.ts";

/** What `add` gives, for `remove`. */
export type FilterHandle = number & { readonly handle: unique symbol };

/** Words of the row of one who holds filters. */
const FIRST_RULE = 0;
/** The event that it matched last. */
const STAMP = 1;
/** Where its matched tags begin; -1 of one whose rules have none. */
const TAGS = 2;
const SERIAL = 3;
const HOLDER_WORDS = 4;
/** A handle is a serial number times this, and a row: one that is used again has another handle. */
const HANDLE_ROWS = 2 ** 25;
const SERIAL_MAX = 2 ** 28 - 1;
/** Events after which the hits of one chunk of terms count half. */
const AGE_EVENTS = 4096;
/** Rules that were visited in vain by one event, before somebody asks whether they stand well. */
const HEATED_MIN = 32;
/** Every so many events, all fields are looked at, to know how frequent their terms are. */
const SAMPLE_EVENTS = 16;

export interface FilterIndexOptions {
  /** The hash of a term's two words, or of a phrase's two numbers: a test makes collisions of it. */
  readonly hashOf?: (first: number, second: number, scope: number) => number;
  /** Views that are told apart by number, before all is unmarked and numbers begin anew. */
  readonly stampsMax?: number;
}

/**
 * Finds the filters that an event matches. Each rule stands under its most selective condition; an
 * event's terms lead to the candidates, whose other conditions are then held against the terms that
 * are marked. The cost grows with the candidates, not with the filters; everything is in rows of
 * typed arrays that grow without a pause.
 *
 * Broadcast events are not looked up here: `couldMatch` says whom they reach.
 */
export class FilterIndex<T> {
  readonly #terms: TermTable;
  readonly #postings: PostingLists;
  readonly #rules: RuleRows;
  readonly #access: RuleAccess;
  readonly #known: KnownPostings;
  readonly #marks: EventMarks;
  readonly #visits: RuleVisits;
  readonly #ahead: LookAhead;
  readonly #fields: readonly IndexField[];
  /** Rules without conditions. */
  readonly #unconditional: number;
  readonly #holders = new Rows(HOLDER_WORDS);
  readonly #owners = new RowValues<T>();
  readonly #tags = new TagSets();
  readonly #stampsMax: number;
  /** Those whom the event in hand matches, and apart, those of them who have tags. */
  #found = new Numbers();
  #tagged = new Numbers();
  #serial = 0;
  /** Another one whenever what events lead to has changed. */
  #version = 0;
  #size = 0;
  #stamp = 0;
  #matchStamp = 0;
  #events = 0;
  /** The type of an event that only those get who name it. */
  #requested: string | undefined;
  #considered = 0;

  constructor(stream: Stream, options: FilterIndexOptions = {}) {
    this.#stampsMax = options.stampsMax ?? 2 ** 31 - 1;
    this.#terms = new TermTable(options.hashOf);
    this.#postings = new PostingLists(this.#terms);
    this.#fields = [...stream.fields.keys()].map(
      (name, at) => new IndexField(at + 1, name, stream, this.#postings),
    );
    this.#rules = new RuleRows(this.#terms, this.#fields);
    this.#access = new RuleAccess(this.#rules, this.#terms, this.#postings);
    this.#known = new KnownPostings(this.#rules, this.#terms, this.#postings);
    this.#marks = new EventMarks(this.#terms);
    const parts = {
      terms: this.#terms,
      postings: this.#postings,
      rules: this.#rules,
      holders: this.#holders,
    };
    this.#visits = new RuleVisits(parts);
    this.#ahead = new LookAhead({ ...parts, fields: this.#fields });
    this.#unconditional = this.#postings.makeList();
  }

  get size(): number {
    return this.#size;
  }

  /** Different terms, phrases and tags that its filters ask for. */
  get terms(): number {
    return this.#terms.size;
  }

  /** Rules that events led to, and that were held against them. */
  get considered(): number {
    return this.#considered;
  }

  add(filters: Filters, owner: T): FilterHandle {
    const holder = this.#holders.take();
    this.#version += 1;
    this.#serial = (this.#serial % SERIAL_MAX) + 1;
    this.#holders.set(holder, SERIAL, this.#serial);
    this.#holders.set(holder, TAGS, filters.tagged ? 0 : -1);
    this.#owners.set(holder, owner);
    this.#size += 1;
    for (const rule of filters.rules) {
      const row = this.#rules.add(rule, holder);
      this.#rules.set(row, RULE.next, this.#holders.get(holder, FIRST_RULE));
      this.#holders.set(holder, FIRST_RULE, row);
      if (rule.conditions.length === 0) {
        this.#rules.set(row, RULE.posting, this.#postings.addTo(this.#unconditional, row, 0));
      } else {
        this.#access.put(row, this.#size);
      }
      this.#known.add(row);
    }
    // What the index holds it holds in its own way.
    filters.compact();
    return (this.#serial * HANDLE_ROWS + holder) as FilterHandle;
  }

  /** Does nothing where it was removed before. */
  remove(handle: FilterHandle): void {
    const holder = this.#holderOf(handle);
    if (holder === 0) return;
    this.#version += 1;
    for (let row = this.#holders.get(holder, FIRST_RULE); row !== 0; ) {
      const next = this.#rules.get(row, RULE.next);
      if (this.#rules.get(row, RULE.conditions) > 0) this.#access.take(row);
      else this.#postings.remove(this.#rules.get(row, RULE.posting));
      this.#known.remove(row);
      this.#rules.remove(row);
      row = next;
    }
    this.#owners.set(holder, undefined);
    this.#holders.give(holder);
    this.#size -= 1;
  }

  /**
   * Whether some rule asks nothing of a field, or admits the value: whom a broadcast reaches.
   * Undefined where the index cannot tell.
   */
  couldMatch(handle: FilterHandle, field: string, value: string): boolean | undefined {
    const asked = this.#rules.field(field);
    const holder = this.#holderOf(handle);
    if (asked === undefined || holder === 0) return undefined;
    let could: boolean | undefined = false;
    for (let row = this.#holders.get(holder, FIRST_RULE); row !== 0; ) {
      const admits = this.#rules.admits(row, asked, value);
      if (admits === true) return true;
      if (admits === undefined) could = undefined;
      row = this.#rules.get(row, RULE.next);
    }
    return could;
  }

  /**
   * Says which events will be matched next, in that order, though not all of them need be: they are
   * looked up some together, which takes less time than one after another.
   */
  expect(events: readonly EventTerms[]): void {
    this.#ahead.expect(events);
  }

  /** Tells each owner at most once, with the sorted tags of its rules that matched. */
  match(terms: EventTerms, found: (owner: T, tags: readonly string[] | undefined) => void): void {
    const { views } = terms;
    if (this.#stamp + views.length > this.#stampsMax) this.#unmark();
    this.#matchStamp = this.#stamp + 1;
    this.#requested = terms.onRequest ? terms.event.event_type : undefined;
    // Where a rule moves, what was looked up before is in vain: so it does where nothing is left of it.
    if (this.#ahead.isUsedUp) this.#access.reconsider(this.#size);
    let ahead = this.#ahead.find(terms, this.#version + this.#access.moves);
    for (const view of views) {
      this.#stamp += 1;
      this.#marks.begin(view, this.#stamp);
      this.#visits.begin();
      this.#visits.addList(this.#unconditional);
      if (view.known === undefined) this.#leadFields(ahead);
      else this.#leadKnown(view.known);
      this.#visit();
      // The views behind the first are of what is cancelled, and are not looked up before.
      ahead = -1;
    }
    this.#marks.end();
    this.#keepUp();
    if (this.#found.length > 0 || this.#tagged.length > 0) this.#tell(found);
  }

  #tell(found: (owner: T, tags: readonly string[] | undefined) => void): void {
    // Whoever is told may add, remove and match: nothing of the index is used from the first on.
    const plain = this.#found;
    const tagged = this.#tagged;
    const owners: T[] = [];
    for (let at = 0; at < plain.length; at++) owners.push(this.#owners.get(plain.at(at)) as T);
    const tags: (readonly string[] | undefined)[] = [];
    for (let at = 0; at < tagged.length; at++) {
      const holder = tagged.at(at);
      owners.push(this.#owners.get(holder) as T);
      tags.push(this.#tags.of(this.#holders.get(holder, TAGS)));
    }
    if (tagged.length > 0) this.#tags.clear();
    const untagged = plain.length;
    plain.clear();
    tagged.clear();
    for (let at = 0; at < owners.length; at++) found(owners[at] as T, tags[at - untagged]);
  }

  /** To what stands under something that the view has. @param found where in the look-ahead it is */
  #leadFields(found: number): void {
    if (found >= 0) this.#marks.takeFound(this.#ahead.lookups, found);
    const sampled = this.#events % SAMPLE_EVENTS === 0;
    for (const field of this.#fields) {
      if (field.standing > 0) {
        this.#marks.take(field);
        this.#leadField(field);
      } else if (sampled && field.asked > 0) this.#marks.take(field);
    }
  }

  #leadField(field: IndexField): void {
    const { leads } = field;
    for (let at = 0; at < leads.length; at++) this.#visits.addTerm(leads.at(at));
    if (field.hasPoint && field.ranges.size > 0 && !Number.isNaN(field.point)) {
      this.#visits.addSpans(field);
    }
    this.#visits.addList(field.others);
  }

  /** As `#leadFields` of something of which only some fields are known. */
  #leadKnown(known: ReadonlySet<string>): void {
    let all = true;
    for (const name of known) {
      const field = this.#rules.field(name);
      if (field !== undefined && !this.#known.covers(field)) all = false;
    }
    if (!all) {
      for (let row = 1; row < this.#rules.end; row++) {
        if (this.#rules.get(row, RULE.holder) !== 0) this.#consider(row, false);
      }
      return;
    }
    for (const name of known) {
      const field = this.#rules.field(name);
      if (field === undefined) continue;
      this.#marks.take(field);
      this.#leadField(field);
      for (let at = 0; at < field.ids.length; at++) {
        const list = this.#terms.knownList(field.ids.at(at));
        if (list !== 0) this.#visits.addList(list);
      }
      this.#visits.addList(this.#known.restOf(field));
    }
  }

  #visit(): void {
    const visits = this.#visits;
    for (let count = visits.next(); count > 0; count = visits.next()) {
      for (let at = 0; at < count; at++)
        if (!this.#consider(visits.rule(at), visits.isLed(at))) this.#noteInVain(at);
    }
    const hottest = visits.hottest(HEATED_MIN);
    if (hottest !== undefined) this.#access.heated(hottest);
  }

  /** @param at where in the batch of visits the rule is */
  #noteInVain(at: number): void {
    const row = this.#visits.rule(at);
    if (this.#rules.get(row, RULE.conditions) < 2) return;
    this.#visits.noteInVain(at);
    this.#access.suspect(row);
  }

  /** Notes whose rule it is, if it holds. @param led whether a term or a span led to it */
  #consider(row: number, led: boolean): boolean {
    this.#considered += 1;
    if (this.#requested !== undefined && !this.#isRequested(row, this.#requested)) return false;
    if (!this.#rules.holds(row, this.#marks, led)) return false;
    const holder = this.#rules.get(row, RULE.holder);
    const isTagged = this.#holders.get(holder, TAGS) !== -1;
    if (this.#holders.get(holder, STAMP) !== this.#matchStamp) {
      this.#holders.set(holder, STAMP, this.#matchStamp);
      if (isTagged) {
        this.#holders.set(holder, TAGS, 0);
        this.#tagged.push(holder);
      } else {
        this.#found.push(holder);
      }
    }
    const tag = isTagged ? this.#rules.get(row, RULE.tag) : 0;
    if (tag === 0) return true;
    const rest = this.#holders.get(holder, TAGS);
    this.#holders.set(holder, TAGS, this.#tags.push(this.#rules.tag(tag), rest));
    return true;
  }

  #isRequested(row: number, eventType: string): boolean {
    const field = this.#rules.field("event_types");
    return field !== undefined && this.#rules.names(row, field, eventType) === true;
  }

  /** Does a little of what would take long at once. */
  #keepUp(): void {
    this.#access.step(this.#size);
    this.#known.step();
    this.#events += 1;
    if (this.#events % AGE_EVENTS !== 0) return;
    const chunk = (this.#events / AGE_EVENTS) % this.#terms.chunkCount;
    this.#terms.age(chunk);
    if (chunk === 0) for (const field of this.#fields) field.seen >>>= 1;
  }

  #unmark(): void {
    this.#marks.clear();
    for (let chunk = 0; chunk < this.#holders.chunkCount; chunk++)
      this.#holders.mapChunk(chunk, STAMP, () => 0);
    for (const field of this.#fields) field.stamp = 0;
    this.#stamp = 0;
  }

  /** The row of who holds filters; 0 where the handle is no longer one. */
  #holderOf(handle: FilterHandle): number {
    const holder = handle % HANDLE_ROWS;
    const isHeld =
      holder < this.#holders.end &&
      this.#holders.get(holder, SERIAL) === Math.floor(handle / HANDLE_ROWS);
    return isHeld ? holder : 0;
  }
}
