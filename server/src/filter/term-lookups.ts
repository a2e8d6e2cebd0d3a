import type { IndexField } from "./index-field.ts";
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
  readonly #starts: number[] = [];
  readonly #phraseEnds: number[] = [];
  /** By event, where among the parts it begins. */
  readonly #events: number[] = [];
  /** References of tokens in order, 0 for those that no filter asks for. */
  readonly #tokens: number[] = [];
  /** References of two tokens as a phrase, 0 for those that no filter asks for. */
  readonly #phrases: number[] = [];
  /** Where among the tokens each phrase goes on. */
  readonly #behind: number[] = [];

  constructor(terms: TermTable) {
    this.#terms = terms;
  }

  begin(): void {
    // Of events whose terms could not be taken, something was left.
    this.#terms.forget();
    this.#fields.length = 0;
    this.#starts.length = 0;
    this.#events.length = 0;
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
    this.#behind.length = 0;
    this.#phraseEnds.length = 0;
    for (let part = 0; part < this.#fields.length; part++) {
      if ((this.#fields[part] as IndexField).phrases)
        this.#askPhrases(this.#starts[part] as number, this.#starts[part + 1] as number);
      this.#phraseEnds.push(this.#behind.length);
    }
    if (this.#behind.length > 0) this.#terms.answer(this.#phrases);
    else this.#phrases.length = 0;
  }

  firstPart(event: number): number {
    return this.#events[event] as number;
  }

  fieldOf(part: number): IndexField {
    return this.#fields[part] as IndexField;
  }

  /** Tells the references of a part's terms and phrases. */
  tell(part: number, found: (field: IndexField, ref: number) => void): void {
    const field = this.#fields[part] as IndexField;
    const end = this.#starts[part + 1] as number;
    for (let at = this.#starts[part] as number; at < end; at++) {
      const ref = this.#tokens[at] as number;
      if (ref !== 0) found(field, ref);
    }
    const first = part === 0 ? 0 : (this.#phraseEnds[part - 1] as number);
    const last = this.#phraseEnds[part] as number;
    for (let number = first; number < last; number++) {
      // Goes on as long as some filter asks for what has been read.
      let phrase = this.#phrases[number] as number;
      for (let at = this.#behind[number] as number; phrase !== 0; at++) {
        found(field, phrase);
        const token = at < end ? (this.#tokens[at] as number) : 0;
        if (token === 0 || (phrase & HAS_LONGER) === 0) break;
        phrase = this.#terms.findLonger(idOf(phrase), idOf(token));
      }
    }
  }

  /** Appends the terms and phrases of two tokens under which rules stand. */
  leads(ids: number[]): void {
    for (const refs of [this.#tokens, this.#phrases]) {
      for (let at = 0; at < refs.length; at++) {
        const ref = refs[at] as number;
        if ((ref & LEADS) !== 0) ids.push(idOf(ref));
      }
    }
  }

  #askPhrases(start: number, end: number): void {
    for (let at = start; at + 1 < end; at++) {
      const token = this.#tokens[at] as number;
      const next = this.#tokens[at + 1] as number;
      if ((token & HAS_LONGER) === 0 || next === 0) continue;
      this.#terms.askLonger(idOf(token), idOf(next));
      this.#behind.push(at + 2);
    }
  }
}
