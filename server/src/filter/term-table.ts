import { hashTerm, hashWords, wordsOfHash } from "@penstock-dev/contract";
import { Rows, RowValues } from "./rows.ts";
import { SlotDirectory, startOf } from "./slot-directory.ts";

/** Words of a term's row. */
const REFS = 0;
const STAMP = 1;
const HITS = 2;
const HEAD = 3;
/** The field; of a phrase, negative, the number of all its tokens but the last. */
const SCOPE = 4;
/** Phrases that are this one and a token more. */
const LONGER = 5;
/** A short text itself; -1 of a longer one, which stands apart. Of a phrase, its last token. */
const FIRST = 6;
const SECOND = 7;
const WORDS = 8;
/** ASCII characters that two words hold, seven bits each. */
const SHORT_MAX = 8;
const IS_LONG = -1;

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
  /** By term, the list of rules that ask for it besides; most indexes have none. */
  readonly #knownLists = new RowValues<number>();
  readonly #hashes: number[] = [];
  #touched = 0;
  #first = 0;
  #second = 0;
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

  /**
   * The numbers of several terms of a field, put into `ids`. Where each is looked for is touched
   * before: memory answers many such questions at once, and one after another only slowly.
   */
  findAll(field: number, texts: readonly string[], ids: number[]): void {
    const hashes = this.#hashes;
    hashes.length = 0;
    for (const text of texts) {
      hashWords(text, this.#words);
      hashes.push(this.#hashOfWords(field));
    }
    for (let at = 0; at < texts.length; at++)
      ids[at] = this.#directory.firstOf(hashes[at] as number);
    for (let at = 0; at < texts.length; at++)
      this.#touched ^= this.#rows.get(ids[at] as number, STAMP);
    for (let at = 0; at < texts.length; at++)
      ids[at] = this.#findText(field, texts[at] as string, hashes[at] as number);
    ids.length = texts.length;
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
      if (slots[at + 1] !== hash || this.#rows.get(id, SCOPE) !== field) continue;
      if (passed && hashTerm(this.text(id)) === hashed) return id;
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
      id = this.#make(hash, field, this.#first);
      this.#rows.set(id, SECOND, this.#second);
      if (this.#first === IS_LONG) this.#texts.set(id, text);
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
    const scope = rows.get(id, SCOPE);
    const token = rows.get(id, FIRST);
    if (scope >= 0) hashWords(this.text(id), this.#words);
    const hash = scope >= 0 ? this.#hashOfWords(scope) : this.#hashOf(~scope, token, -1);
    this.#directory.delete(hash, id);
    if (token === IS_LONG) this.#texts.set(id, undefined);
    rows.give(id);
    this.#size -= 1;
    if (scope >= 0) return;
    rows.set(~scope, LONGER, rows.get(~scope, LONGER) - 1);
    this.release(token);
    this.release(~scope);
  }

  text(id: number): string {
    const first = this.#rows.get(id, FIRST);
    if (first === IS_LONG) return this.#texts.get(id) ?? "";
    return unpacked(first) + unpacked(this.#rows.get(id, SECOND));
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
    return this.#knownLists.get(id) ?? 0;
  }

  setKnownList(id: number, list: number): void {
    this.#knownLists.set(id, list);
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
      const id = this.#make(hash, ~phrase, token);
      rows.set(id, REFS, 1);
      rows.set(phrase, LONGER, rows.get(phrase, LONGER) + 1);
      return id;
    }
    rows.set(known, REFS, rows.get(known, REFS) + 1);
    this.release(phrase);
    this.release(token);
    return known;
  }

  #make(hash: number, scope: number, first: number): number {
    const id = this.#rows.take();
    this.#rows.set(id, SCOPE, scope);
    this.#rows.set(id, FIRST, first);
    this.#directory.add(hash, id);
    this.#size += 1;
    return id;
  }

  #findText(field: number, text: string, hash: number): number {
    this.#pack(text);
    const first = this.#first;
    const second = this.#second;
    const rows = this.#rows;
    const slots = this.#directory.slotsOf(hash);
    const mask = slots.length - 1;
    for (let at = startOf(slots, hash); ; at = (at + 2) & mask) {
      const id = slots[at] as number;
      if (id === 0) return 0;
      if (slots[at + 1] !== hash || rows.get(id, SCOPE) !== field) continue;
      if (rows.get(id, FIRST) !== first || rows.get(id, SECOND) !== second) continue;
      if (first !== IS_LONG || this.#texts.get(id) === text) return id;
    }
  }

  /** A short text as two words: whoever looks for one need not follow it to where texts are. */
  #pack(text: string): void {
    let first = 0;
    let second = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (at === SHORT_MAX || unit === 0 || unit > 127) {
        this.#first = IS_LONG;
        this.#second = 0;
        return;
      }
      if (at < 4) first |= unit << (7 * at);
      else second |= unit << (7 * (at - 4));
    }
    this.#first = first;
    this.#second = second;
  }

  #findPhrase(phrase: number, token: number, hash: number): number {
    const rows = this.#rows;
    const slots = this.#directory.slotsOf(hash);
    const mask = slots.length - 1;
    for (let at = startOf(slots, hash); ; at = (at + 2) & mask) {
      const id = slots[at] as number;
      if (id === 0) return 0;
      if (slots[at + 1] !== hash) continue;
      if (rows.get(id, FIRST) === token && rows.get(id, SCOPE) === ~phrase) return id;
    }
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

function unpacked(word: number): string {
  let text = "";
  for (let rest = word; rest > 0; rest >>>= 7) text += String.fromCharCode(rest & 127);
  return text;
}
