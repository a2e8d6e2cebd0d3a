import type { TermsView } from "./event-terms.ts";
import type { IndexField } from "./index-field.ts";
import type { TermTable } from "./term-table.ts";

/**
 * What one view of an event has of what filters ask for: its terms and phrases are marked in the
 * table, field by field, when somebody first asks for the field.
 */
export class EventMarks {
  readonly #terms: TermTable;
  /** Numbers of a field's terms in order; 0 for those that no filter asks for. */
  readonly #tokens: number[] = [];
  stamp = 0;
  #view: TermsView | undefined;

  constructor(terms: TermTable) {
    this.#terms = terms;
  }

  get view(): TermsView {
    if (this.#view === undefined) throw new Error("no event is being matched");
    return this.#view;
  }

  begin(view: TermsView, stamp: number): void {
    this.#view = view;
    this.stamp = stamp;
  }

  /** Forgets the event, so that nothing keeps it. */
  end(): void {
    this.#view = undefined;
  }

  take(field: IndexField): void {
    if (field.stamp === this.stamp) return;
    field.stamp = this.stamp;
    field.ids.length = 0;
    const { hashed } = this.view;
    const terms = this.view.terms(field.name);
    if (!hashed) field.seen += 1;
    if (field.hasPoint) this.#takePoint(field, terms[0]);
    if (field.byBounds) return;
    const ids = this.#tokens;
    if (hashed) {
      ids.length = 0;
      for (const term of terms) ids.push(this.#takeHashed(field, term));
    } else if (terms.length === 1) {
      ids.length = 1;
      ids[0] = this.#terms.find(field.number, terms[0] as string);
    } else {
      this.#terms.findAll(field.number, terms, ids);
    }
    for (const id of ids) if (id !== 0) this.#mark(field, id);
    if (field.phrases) this.#takePhrases(field);
  }

  #mark(field: IndexField, id: number): void {
    if (this.#terms.mark(id, this.stamp)) field.ids.push(id);
  }

  /** Marks all terms of a hash but the first, which it gives. */
  #takeHashed(field: IndexField, hashed: string): number {
    const first = this.#terms.findHashed(field.number, hashed);
    for (let id = first; id !== 0; ) {
      id = this.#terms.findHashed(field.number, hashed, id);
      if (id !== 0) this.#mark(field, id);
    }
    return first;
  }

  #takePoint(field: IndexField, term: string | undefined): void {
    field.point = term === undefined ? Number.NaN : (field.kind.point?.(term) ?? Number.NaN);
    field.decimal = term ?? "";
    field.sample(field.point);
  }

  /** From each token, goes on as long as some filter asks for what has been read. */
  #takePhrases(field: IndexField): void {
    const tokens = this.#tokens;
    for (let start = 0; start + 1 < tokens.length; start++) {
      let phrase = tokens[start] as number;
      for (let at = start + 1; phrase !== 0 && this.#terms.hasLonger(phrase); at++) {
        const token = tokens[at] ?? 0;
        if (token === 0) break;
        phrase = this.#terms.findLonger(phrase, token);
        if (phrase !== 0) this.#mark(field, phrase);
      }
    }
  }
}
