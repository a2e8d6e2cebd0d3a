import { hashTerm, hashWords, wordsOfHash } from "@penstock-dev/contract";
import { Rows, RowValues } from "./rows.ts";
import { SlotDirectory, startOf } from "./slot-directory.ts";

/** Words of a term's row. */
const REFS = 0;
const STAMP = 1;
const HITS = 2;
const HEAD = 3;
const KNOWN_LIST = 4;
/** The field; of a phrase, the id of all its tokens but the last. */
const SCOPE = 5;
/** The id of a phrase's last token; -1 of a term. */
const TOKEN = 6;
/** Phrases that are this one and a token more. */
const LONGER = 7;
const WORDS = 8;

/**
 * What filters ask for, each once, under a number: a field's terms, and phrases, which are a term
 * or a phrase followed by a term. Beside each stand what an index needs of it, in 32-bit words.
 */
export class TermTable {
  readonly #rows = new Rows(WORDS);
  readonly #texts = new RowValues<string>();
  readonly #directory = new SlotDirectory();
  readonly #hashOf: (first: number, second: number, scope: number) => number;
  readonly #words = new Uint32Array(2);
  #size = 0;

  /** @param hashOf a test makes collisions of it */
  constructor(hashOf: (first: number, second: number, scope: number) => number = mixed) {
    this.#hashOf = hashOf;
  }

  get size(): number {
    return this.#size;
  }

  /** The number of a field's term; 0 where no filter asks for it. */
  find(field: number, text: string): number {
    hashWords(text, this.#words);
    return this.#findText(field, text, this.#hashOfWords(field));
  }

  /** As `find`, by the term's `hashTerm`; a further term of the same hash is beyond `after`. */
  findHashed(field: number, hashed: string, after = 0): number {
    wordsOfHash(hashed, this.#words);
    const hash = this.#hashOfWords(field);
    const slots = this.#directory.slotsOf(hash);
    const mask = slots.length - 1;
    let passed = after === 0;
    for (let at = startOf(slots, hash); ; at = (at + 2) & mask) {
      const id = slots[at] as number;
      if (id === 0) return 0;
      if (slots[at + 1] !== hash || !this.#isTerm(id, field)) continue;
      if (passed && hashTerm(this.#texts.get(id) ?? "") === hashed) return id;
      if (id === after) passed = true;
    }
  }

  /** The number of a phrase and a token more; 0 where no filter asks for it. */
  findLonger(phrase: number, token: number): number {
    return this.#findPhrase(phrase, token, this.#hashOf(phrase, token, -1));
  }

  /** Whether some filter asks for a longer phrase that begins with this. */
  hasLonger(id: number): boolean {
    return this.#rows.get(id, LONGER) !== 0;
  }

  /** The number of a field's term, which is held until it is released as often. */
  hold(field: number, text: string): number {
    hashWords(text, this.#words);
    const hash = this.#hashOfWords(field);
    let id = this.#findText(field, text, hash);
    if (id === 0) {
      id = this.#make(hash, field, -1);
      this.#texts.set(id, text);
    }
    this.#rows.set(id, REFS, this.#rows.get(id, REFS) + 1);
    return id;
  }

  /** The number of a phrase, whose tokens a space parts, held as a term is. */
  holdPhrase(field: number, text: string): number {
    if (!text.includes(" ")) return this.hold(field, text);
    let phrase = 0;
    for (const text_ of text.split(" ")) {
      const token = this.hold(field, text_);
      phrase = phrase === 0 ? token : this.#holdLonger(phrase, token);
    }
    return phrase;
  }

  release(id: number): void {
    const rows = this.#rows;
    const refs = rows.get(id, REFS) - 1;
    rows.set(id, REFS, refs);
    if (refs > 0) return;
    const token = rows.get(id, TOKEN);
    const scope = rows.get(id, SCOPE);
    if (token === -1) hashWords(this.#texts.get(id) ?? "", this.#words);
    const hash = token === -1 ? this.#hashOfWords(scope) : this.#hashOf(scope, token, -1);
    this.#directory.delete(hash, id);
    this.#texts.set(id, undefined);
    rows.give(id);
    this.#size -= 1;
    if (token === -1) return;
    rows.set(scope, LONGER, rows.get(scope, LONGER) - 1);
    this.release(token);
    this.release(scope);
  }

  text(id: number): string {
    return this.#texts.get(id) ?? "";
  }

  /** Conditions and longer phrases that hold a term. */
  refs(id: number): number {
    return this.#rows.get(id, REFS);
  }

  /** How often events had a term lately. */
  hits(id: number): number {
    return this.#rows.get(id, HITS);
  }

  /** The first of the rules that stand under a term. */
  head(id: number): number {
    return this.#rows.get(id, HEAD);
  }

  setHead(id: number, posting: number): void {
    this.#rows.set(id, HEAD, posting);
  }

  /** The list of rules that ask for a term besides, where there is one. */
  knownList(id: number): number {
    return this.#rows.get(id, KNOWN_LIST);
  }

  setKnownList(id: number, list: number): void {
    this.#rows.set(id, KNOWN_LIST, list);
  }

  isMarked(id: number, stamp: number): boolean {
    return this.#rows.get(id, STAMP) === stamp;
  }

  /** Marks what an event has; false where it was marked before. */
  mark(id: number, stamp: number): boolean {
    const rows = this.#rows;
    if (rows.get(id, STAMP) === stamp) return false;
    rows.set(id, STAMP, stamp);
    rows.set(id, HITS, rows.get(id, HITS) + 1);
    return true;
  }

  /** Chunks of rows: what one call of `age` goes through. */
  get chunkCount(): number {
    return this.#rows.chunkCount;
  }

  /** Halves the hits of one chunk. */
  age(chunk: number): void {
    this.#rows.mapChunk(chunk, HITS, (hits) => hits >>> 1);
  }

  /** Forgets what was marked, so that stamps can begin anew. */
  unmark(): void {
    for (let chunk = 0; chunk < this.#rows.chunkCount; chunk++)
      this.#rows.mapChunk(chunk, STAMP, () => 0);
  }

  #holdLonger(phrase: number, token: number): number {
    const rows = this.#rows;
    const hash = this.#hashOf(phrase, token, -1);
    const known = this.#findPhrase(phrase, token, hash);
    if (known === 0) {
      // It keeps what it is made of.
      const id = this.#make(hash, phrase, token);
      rows.set(id, REFS, 1);
      rows.set(phrase, LONGER, rows.get(phrase, LONGER) + 1);
      return id;
    }
    rows.set(known, REFS, rows.get(known, REFS) + 1);
    this.release(phrase);
    this.release(token);
    return known;
  }

  #make(hash: number, scope: number, token: number): number {
    const id = this.#rows.take();
    this.#rows.set(id, SCOPE, scope);
    this.#rows.set(id, TOKEN, token);
    this.#directory.add(hash, id);
    this.#size += 1;
    return id;
  }

  #findText(field: number, text: string, hash: number): number {
    const slots = this.#directory.slotsOf(hash);
    const mask = slots.length - 1;
    for (let at = startOf(slots, hash); ; at = (at + 2) & mask) {
      const id = slots[at] as number;
      if (id === 0) return 0;
      if (slots[at + 1] !== hash || !this.#isTerm(id, field)) continue;
      if (this.#texts.get(id) === text) return id;
    }
  }

  #findPhrase(phrase: number, token: number, hash: number): number {
    const rows = this.#rows;
    const slots = this.#directory.slotsOf(hash);
    const mask = slots.length - 1;
    for (let at = startOf(slots, hash); ; at = (at + 2) & mask) {
      const id = slots[at] as number;
      if (id === 0) return 0;
      if (slots[at + 1] !== hash) continue;
      if (rows.get(id, TOKEN) === token && rows.get(id, SCOPE) === phrase) return id;
    }
  }

  #isTerm(id: number, field: number): boolean {
    return this.#rows.get(id, TOKEN) === -1 && this.#rows.get(id, SCOPE) === field;
  }

  #hashOfWords(field: number): number {
    return this.#hashOf(this.#words[0] as number, this.#words[1] as number, field);
  }
}

function mixed(first: number, second: number, scope: number): number {
  let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second + scope, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) | 0;
}
