import type { TermsView } from "./event-terms.ts";
import type { IndexField } from "./index-field.ts";
import { MarkedIds } from "./marked-ids.ts";
import { Numbers } from "./numbers.ts";
import { HAS_LONGER, idOf, LEADS } from "./slot-directory.ts";
import { TermLookups } from "./term-lookups.ts";
import type { TermTable } from "./term-table.ts";

/** So many events of a field are counted one by one, then one of some: they tell enough. */
const COUNTED_ALL = 1024;
const COUNTED_ONE_OF = 32;

/** What one view of an event has of what filters ask for: the ids of its terms and phrases. */
export class EventMarks {
  readonly #terms: TermTable;
  readonly #marked = new MarkedIds();
  readonly #lookups: TermLookups;
  /** References of a deletion's terms in order; 0 for those that no filter asks for. */
  readonly #refs = new Numbers();
  stamp = 0;
  #isCounted = true;
  #view: TermsView | undefined;

  constructor(terms: TermTable) {
    this.#terms = terms;
    this.#lookups = new TermLookups(terms);
  }

  get view(): TermsView {
    if (this.#view === undefined) throw new Error("no event is being matched");
    return this.#view;
  }

  /** @param stamp above zero, and of no view before since `clear` */
  begin(view: TermsView, stamp: number): void {
    this.#view = view;
    this.stamp = stamp;
    this.#isCounted = stamp % COUNTED_ONE_OF === 0;
    this.#marked.begin(stamp);
  }

  /** Forgets the event, so that nothing keeps it. */
  end(): void {
    this.#view = undefined;
  }

  /** Forgets all stamps. */
  clear(): void {
    this.#marked.clear();
  }

  has(id: number): boolean {
    return this.#marked.has(id);
  }

  /** Takes a field's terms of the view, if it was not taken. */
  take(field: IndexField): void {
    if (field.stamp === this.stamp) return;
    const terms = this.#open(field);
    if (field.byBounds || terms.length === 0) return;
    if (this.view.hashed) {
      this.#takeHashed(field, terms);
      return;
    }
    this.#lookups.begin();
    this.#lookups.beginEvent();
    this.#lookups.ask(field, terms);
    this.#lookups.answer();
    this.#lookups.tell(0, this.#mark);
  }

  /** Takes what was looked for of an event that is the view. */
  takeFound(lookups: TermLookups, event: number): void {
    const end = lookups.firstPart(event + 1);
    for (let part = lookups.firstPart(event); part < end; part++) {
      this.#open(lookups.fieldOf(part));
      lookups.tell(part, this.#mark);
    }
  }

  #open(field: IndexField): readonly string[] {
    field.stamp = this.stamp;
    field.ids.clear();
    field.leads.clear();
    const { view } = this;
    const terms = view.terms(field.name);
    field.isCounted = !view.hashed && (this.#isCounted || field.seen < COUNTED_ALL);
    if (field.isCounted) field.seen += 1;
    if (field.hasPoint) this.#takePoint(field, terms[0]);
    return terms;
  }

  readonly #mark = (field: IndexField, ref: number): void => {
    const id = idOf(ref);
    if (!this.#marked.add(id)) return;
    field.ids.push(id);
    if ((ref & LEADS) !== 0) field.leads.push(id);
    if (field.isCounted) this.#terms.hit(id);
  };

  #takeHashed(field: IndexField, terms: readonly string[]): void {
    const refs = this.#refs;
    refs.clear();
    for (const term of terms) {
      const first = this.#terms.findHashed(field.number, term);
      refs.push(first);
      for (let ref = first; ref !== 0; ref = this.#terms.findHashed(field.number, term, ref))
        this.#mark(field, ref);
    }
    if (field.phrases) this.#takePhrases(field);
  }

  #takePoint(field: IndexField, term: string | undefined): void {
    field.point = term === undefined ? Number.NaN : (field.kind.point?.(term) ?? Number.NaN);
    field.decimal = term ?? "";
    field.sample(field.point);
  }

  /** From each token, goes on as long as some filter asks for what has been read. */
  #takePhrases(field: IndexField): void {
    const tokens = this.#refs;
    for (let start = 0; start + 1 < tokens.length; start++) {
      let phrase = tokens.at(start);
      for (let at = start + 1; (phrase & HAS_LONGER) !== 0; at++) {
        const token = at < tokens.length ? tokens.at(at) : 0;
        if (token === 0) break;
        phrase = this.#terms.findLonger(idOf(phrase), idOf(token));
        if (phrase !== 0) this.#mark(field, phrase);
      }
    }
  }
}
