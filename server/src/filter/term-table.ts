import { hashTerm, hashWords, wordsOfHash } from "@penstock-dev/contract";
import type { Numbers } from "./numbers.ts";
import { Rows, RowValues } from "./rows.ts";
import { HAS_LONGER, idOf, LEADS, SlotDirectory } from "./slot-directory.ts";

/** Words of a term's row. */
const REFS = 0;
const HITS = 1;
/** The first of its postings, the rule of that one, and the posting behind it. */
const HEAD = 2;
const HEAD_RULE = 3;
const HEAD_NEXT = 4;
/** Phrases that are this one and a token more. */
const LONGER = 5;
const HASH = 6;
/** The list of rules that ask for it besides. */
const KNOWN = 7;
const WORDS = 8;
/** ASCII characters that two words hold, seven bits each, beside seven bits of the field. */
const SHORT_MAX = 8;
const SHORT_FIELDS = 128;
/** The scope of what is not of a field, and is read rather than looked for: it stays a text. */
const READ_OFTEN = 0;
const PACKED = (1 << 28) - 1;
/** The first word of a longer text; the second is its field. Of a phrase, they are its last token and, negative, the rest. */
const IS_LONG = -1;

/**
 * What filters ask for, each once, under a number: a field's terms, and phrases, which are a term
 * or a phrase followed by a term. Beside each stand what an index needs of it, in 32-bit words.
 *
 * Several look-ups are asked for one after another and answered together: memory answers many
 * questions at once, and one after another only slowly.
 */
export class TermTable {
  readonly #rows = new Rows(WORDS);
  readonly #texts = new RowValues<string>();
  readonly #directory = new SlotDirectory();
  readonly #hashOf: (first: number, second: number, scope: number) => number;
  readonly #words = new Uint32Array(2);
  /** What was asked, as it is looked for: place, hash, first and second word. */
  #questions = new Int32Array(4 * 64);
  readonly #askedTexts: (string | undefined)[] = [];
  #first = 0;
  #second = 0;
  #touched = 0;
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
    return idOf(this.#find(this.#packed(field, text), text));
  }

  /** How much was asked since the last answer. */
  get asked(): number {
    return this.#askedTexts.length;
  }

  /** Forgets what was asked. */
  forget(): void {
    this.#askedTexts.length = 0;
  }

  /** Asks for a field's term. */
  ask(field: number, text: string): void {
    const hash = this.#packed(field, text);
    this.#note(hash, this.#first === IS_LONG ? text : undefined);
  }

  /** Asks for a phrase and a token more. */
  askLonger(phrase: number, token: number): void {
    this.#first = token;
    this.#second = ~phrase;
    this.#note(this.#hashOf(phrase, token, -1), undefined);
  }

  /**
   * Answers what was asked, in that order: references, which are an id and what is known of it
   * beforehand, or 0.
   */
  answer(refs: Numbers): void {
    const questions = this.#questions;
    const directory = this.#directory;
    const count = this.#askedTexts.length;
    refs.clear();
    let touched = 0;
    for (let at = 0; at < count; at++) {
      const place = questions[4 * at] as number;
      if (place >= 0) touched ^= directory.touch(place);
    }
    for (let at = 0; at < count; at++) {
      const place = questions[4 * at] as number;
      const hash = questions[4 * at + 1] as number;
      const first = questions[4 * at + 2] as number;
      const second = questions[4 * at + 3] as number;
      refs.push(
        place < 0
          ? directory.find(hash, first, second)
          : directory.findAt(place, hash, first, second),
      );
    }
    // A longer text is compared itself: each is touched before.
    for (let at = 0; at < count; at++) {
      if (this.#askedTexts[at] === undefined || refs.at(at) === 0) continue;
      touched ^= this.#texts.get(idOf(refs.at(at)))?.length ?? 0;
    }
    this.#touched ^= touched;
    for (let at = 0; at < count; at++) {
      const text = this.#askedTexts[at];
      if (text === undefined || refs.at(at) === 0) continue;
      refs.set(at, this.#sameText(questions[4 * at + 1] as number, refs.at(at), text));
    }
    this.#askedTexts.length = 0;
  }

  /**
   * The reference of a term by its `hashTerm`; 0 where no filter asks for it.
   *
   * @param after another term of the same hash: what is behind it is looked for
   */
  findHashed(field: number, hashed: string, after = 0): number {
    wordsOfHash(hashed, this.#words);
    const hash = this.#hashOf(this.#words[0] as number, this.#words[1] as number, field);
    const directory = this.#directory;
    let ref = directory.findAny(hash, after);
    for (; ref !== 0; ref = directory.findAny(hash, ref)) {
      if (this.#fieldFound() === field && hashTerm(this.#textFound(idOf(ref))) === hashed) break;
    }
    return ref;
  }

  /** The reference of a phrase and a token more; 0 where no filter asks for it. */
  findLonger(phrase: number, token: number): number {
    return this.#directory.find(this.#hashOf(phrase, token, -1), token, ~phrase);
  }

  /** The number of a field's term, which is held until it is released as often. */
  hold(field: number, text: string): number {
    const hash = this.#packed(field, text);
    let id = idOf(this.#find(hash, text));
    if (id === 0) {
      id = this.#make(hash);
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
    const hash = rows.get(id, HASH);
    this.#directory.locate(hash, id);
    const token = this.#directory.firstWord;
    const phrase = ~this.#directory.secondWord;
    this.#directory.delete(hash, id);
    if (token === IS_LONG) this.#texts.set(id, undefined);
    rows.give(id);
    this.#size -= 1;
    if (phrase < 0) return;
    this.#addLonger(phrase, -1);
    this.release(token);
    this.release(phrase);
  }

  text(id: number): string {
    const text = this.#texts.get(id);
    if (text !== undefined) return text;
    this.#directory.locate(this.#rows.get(id, HASH), id);
    return this.#textFound(id);
  }

  /** Conditions and longer phrases that hold a term. */
  refs(id: number): number {
    return this.#rows.get(id, REFS);
  }

  /** How often events had a term lately, of those that were counted. */
  hits(id: number): number {
    return this.#rows.get(id, HITS);
  }

  /** Counts that an event has a term. */
  hit(id: number): void {
    this.#rows.set(id, HITS, this.#rows.get(id, HITS) + 1);
  }

  /** The first of the postings under a term; 0 where there is none. */
  head(id: number): number {
    return this.#rows.get(id, HEAD);
  }

  /** The rule of the first posting. */
  headRule(id: number): number {
    return this.#rows.get(id, HEAD_RULE);
  }

  /** The posting behind the first. */
  headNext(id: number): number {
    return this.#rows.get(id, HEAD_NEXT);
  }

  setHead(id: number, posting: number, rule: number, behind: number): void {
    const rows = this.#rows;
    if ((posting === 0) !== (rows.get(id, HEAD) === 0))
      this.#directory.flag(rows.get(id, HASH), id, LEADS, posting !== 0);
    rows.set(id, HEAD, posting);
    rows.set(id, HEAD_RULE, rule);
    rows.set(id, HEAD_NEXT, behind);
  }

  setHeadNext(id: number, posting: number): void {
    this.#rows.set(id, HEAD_NEXT, posting);
  }

  /** The list of rules that ask for a term besides; 0 where there is none. */
  knownList(id: number): number {
    return this.#rows.get(id, KNOWN);
  }

  setKnownList(id: number, list: number): void {
    this.#rows.set(id, KNOWN, list);
  }

  /** Chunks of rows: what one call of `age` goes through. */
  get chunkCount(): number {
    return this.#rows.chunkCount;
  }

  /** Halves the hits of one chunk. */
  age(chunk: number): void {
    this.#rows.mapChunk(chunk, HITS, (hits) => hits >>> 1);
  }

  #note(hash: number, text: string | undefined): void {
    const at = 4 * this.#askedTexts.length;
    if (at === this.#questions.length) {
      const grown = new Int32Array(2 * at);
      grown.set(this.#questions);
      this.#questions = grown;
    }
    this.#questions[at] = this.#directory.placeOf(hash);
    this.#questions[at + 1] = hash;
    this.#questions[at + 2] = this.#first;
    this.#questions[at + 3] = this.#second;
    this.#askedTexts.push(text);
  }

  #holdLonger(phrase: number, token: number): number {
    const rows = this.#rows;
    const known = idOf(this.findLonger(phrase, token));
    if (known === 0) {
      this.#first = token;
      this.#second = ~phrase;
      // It keeps what it is made of.
      const id = this.#make(this.#hashOf(phrase, token, -1));
      rows.set(id, REFS, 1);
      this.#addLonger(phrase, 1);
      return id;
    }
    rows.set(known, REFS, rows.get(known, REFS) + 1);
    this.release(phrase);
    this.release(token);
    return known;
  }

  #addLonger(phrase: number, count: number): void {
    const rows = this.#rows;
    const before = rows.get(phrase, LONGER);
    rows.set(phrase, LONGER, before + count);
    if (before === 0 || before + count === 0)
      this.#directory.flag(rows.get(phrase, HASH), phrase, HAS_LONGER, before === 0);
  }

  #make(hash: number): number {
    const id = this.#rows.take();
    this.#rows.set(id, HASH, hash);
    this.#directory.add(hash, id, this.#first, this.#second);
    this.#size += 1;
    return id;
  }

  /** The reference of what was packed last. */
  #find(hash: number, text: string): number {
    const ref = this.#directory.find(hash, this.#first, this.#second);
    return this.#first === IS_LONG && ref !== 0 ? this.#sameText(hash, ref, text) : ref;
  }

  /** The reference of a longer text, which may be one that was found, or behind it. */
  #sameText(hash: number, found: number, text: string): number {
    if (this.#texts.get(idOf(found)) === text) return found;
    this.#directory.locate(hash, idOf(found));
    const field = this.#directory.secondWord;
    let ref = found;
    while (ref !== 0 && this.#texts.get(idOf(ref)) !== text)
      ref = this.#directory.find(hash, IS_LONG, field, ref);
    return ref;
  }

  /** Makes two words of a field's text, which say a short one wholly, and answers its hash. */
  #packed(field: number, text: string): number {
    hashWords(text, this.#words);
    this.#pack(field, text);
    return this.#hashOf(this.#words[0] as number, this.#words[1] as number, field);
  }

  #pack(field: number, text: string): void {
    const { length } = text;
    this.#first = IS_LONG;
    this.#second = field;
    if (length > SHORT_MAX || field >= SHORT_FIELDS || field === READ_OFTEN) return;
    let first = 0;
    let second = 0;
    for (let at = 0; at < length; at++) {
      const unit = text.charCodeAt(at);
      // Seven bits that are all set are left out, so that no short text has the words of a longer one.
      if (unit === 0 || unit > 126) return;
      if (at < 4) first |= unit << (7 * at);
      else second |= unit << (7 * (at - 4));
    }
    this.#first = first | (field << 28);
    this.#second = second | ((field >>> 4) << 28);
  }

  /** The field of what the directory found; negative of a phrase. */
  #fieldFound(): number {
    const { firstWord, secondWord } = this.#directory;
    if (firstWord === IS_LONG || secondWord < 0) return secondWord;
    return (firstWord >>> 28) | ((secondWord >>> 28) << 4);
  }

  #textFound(id: number): string {
    const { firstWord, secondWord } = this.#directory;
    if (firstWord === IS_LONG) return this.#texts.get(id) ?? "";
    return unpacked(firstWord & PACKED) + unpacked(secondWord & PACKED);
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
