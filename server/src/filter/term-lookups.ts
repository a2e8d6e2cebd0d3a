import type { IndexField } from "./index-field.ts";
import { Numbers } from "./numbers.ts";
import { HAS_LONGER, idOf, LEADS } from "./slot-directory.ts";
import type { TermTable } from "./term-table.ts";

/**
 * The terms of one or several events, looked for together: memory answers many questions at once,
 * and one after another only slowly. A part is what one event has of one field.
 */
export class TermLookups {
  readonly #terms: TermTable;
  /** By part: its field, where among all tokens it begins, and where among all phrases it ends. */
  readonly #fields: IndexField[] = [];
  readonly #starts = new Numbers();
  readonly #phraseEnds = new Numbers();
  /** By event, where among the parts it begins. */
  readonly #events = new Numbers();
  /** References of tokens in order, 0 for those that no filter asks for. */
  readonly #tokens = new Numbers();
  /** References of two tokens as a phrase, 0 for those that no filter asks for. */
  readonly #phrases = new Numbers();
  /** Where among the tokens each phrase goes on. */
  readonly #behind = new Numbers();

  constructor(terms: TermTable) {
    this.#terms = terms;
  }

  begin(): void {
    // Of events whose terms could not be taken, something was left.
    this.#terms.forget();
    this.#fields.length = 0;
    this.#starts.clear();
    this.#events.clear();
  }

  /** What is asked from here on is of the next event. */
  beginEvent(): void {
    this.#events.push(this.#fields.length);
  }

  ask(field: IndexField, terms: readonly string[]): void {
    this.#fields.push(field);
    this.#starts.push(this.#terms.asked);
    for (let at = 0; at < terms.length; at++) this.#terms.ask(field.number, terms[at] as string);
  }

  /** Looks for all that was asked. */
  answer(): void {
    this.#terms.answer(this.#tokens);
    this.#starts.push(this.#tokens.length);
    this.#events.push(this.#fields.length);
    this.#behind.clear();
    this.#phraseEnds.clear();
    for (let part = 0; part < this.#fields.length; part++) {
      if ((this.#fields[part] as IndexField).phrases)
        this.#askPhrases(this.#starts.at(part), this.#starts.at(part + 1));
      this.#phraseEnds.push(this.#behind.length);
    }
    if (this.#behind.length > 0) this.#terms.answer(this.#phrases);
    else this.#phrases.clear();
  }

  firstPart(event: number): number {
    return this.#events.at(event);
  }

  fieldOf(part: number): IndexField {
    return this.#fields[part] as IndexField;
  }

  /** Tells the references of a part's terms and phrases. */
  tell(part: number, found: (field: IndexField, ref: number) => void): void {
    const field = this.#fields[part] as IndexField;
    const end = this.#starts.at(part + 1);
    for (let at = this.#starts.at(part); at < end; at++) {
      const ref = this.#tokens.at(at);
      if (ref !== 0) found(field, ref);
    }
    const first = part === 0 ? 0 : this.#phraseEnds.at(part - 1);
    const last = this.#phraseEnds.at(part);
    for (let number = first; number < last; number++) {
      // Goes on as long as some filter asks for what has been read.
      let phrase = this.#phrases.at(number);
      for (let at = this.#behind.at(number); phrase !== 0; at++) {
        found(field, phrase);
        const token = at < end ? this.#tokens.at(at) : 0;
        if (token === 0 || (phrase & HAS_LONGER) === 0) break;
        phrase = this.#terms.findLonger(idOf(phrase), idOf(token));
      }
    }
  }

  /** Appends the terms and phrases of two tokens under which rules stand. */
  leads(ids: Numbers): void {
    for (const refs of [this.#tokens, this.#phrases]) {
      for (let at = 0; at < refs.length; at++) {
        const ref = refs.at(at);
        if ((ref & LEADS) !== 0) ids.push(idOf(ref));
      }
    }
  }

  #askPhrases(start: number, end: number): void {
    for (let at = start; at + 1 < end; at++) {
      const token = this.#tokens.at(at);
      const next = this.#tokens.at(at + 1);
      if ((token & HAS_LONGER) === 0 || next === 0) continue;
      this.#terms.askLonger(idOf(token), idOf(next));
      this.#behind.push(at + 2);
    }
  }
}
