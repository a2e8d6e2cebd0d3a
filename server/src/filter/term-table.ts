import { hashWords, wordsOfHash } from "@penstock-dev/contract";
import { Numbers } from "./numbers.ts";
import { Rows } from "./rows.ts";
import { HAS_LONGER, idOf, LEADS, SlotDirectory } from "./slot-directory.ts";
import { TextBlocks } from "./text-blocks.ts";

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
const PACKED = (1 << 28) - 1;
/** Texts that were read lately and are kept. */
const LATE_TEXTS = 256;
/** The first word of a longer text; the second is its block. Of a phrase, they are its last token and, negative, the rest. */
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
  /** Longer texts, in the scopes of their fields. */
  readonly #texts = new TextBlocks();
  readonly #directory = new SlotDirectory();
  readonly #hashOf: (first: number, second: number, scope: number) => number;
  readonly #words = new Uint32Array(2);
  /** What was asked, as it is looked for: place, hash, first and second word. */
  #questions = new Int32Array(4 * 64);
  #asked = 0;
  /** The longer texts of them, and their fields. */
  readonly #askedTexts: string[] = [];
  readonly #askedFields: number[] = [];
  /** What was found of longer texts and must be compared itself: which question it is of, and a block. */
  readonly #longer = new Numbers();
  readonly #lateIds = new Int32Array(LATE_TEXTS);
  readonly #lateTexts: string[] = new Array(LATE_TEXTS).fill("");
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
    return idOf(this.findRef(field, text));
  }

  /** The reference of a field's term; 0 where no filter asks for it. */
  findRef(field: number, text: string): number {
    return this.#find(this.#packed(field, text), field, text);
  }

  /** How much was asked since the last answer. */
  get asked(): number {
    return this.#asked;
  }

  /** Forgets what was asked. */
  forget(): void {
    this.#asked = 0;
  }

  /** Asks for a field's term. */
  ask(field: number, text: string): void {
    const hash = this.#packed(field, text);
    if (this.#first === IS_LONG) {
      this.#askedTexts[this.#asked] = text;
      this.#askedFields[this.#asked] = field;
    }
    this.#note(hash);
  }

  /** Asks for a phrase and a token more. */
  askLonger(phrase: number, token: number): void {
    this.#first = token;
    this.#second = ~phrase;
    this.#note(this.#hashOf(phrase, token, -1));
  }

  /**
   * Answers what was asked, in that order: references, which are an id and what is known of it
   * beforehand, or 0.
   */
  answer(refs: Numbers): void {
    const questions = this.#questions;
    const directory = this.#directory;
    const longer = this.#longer;
    const count = this.#asked;
    refs.clear();
    longer.clear();
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
      const ref = this.#findAt(place, hash, first, second);
      refs.push(ref);
      if (ref === 0 || first !== IS_LONG) continue;
      longer.push(at);
      longer.push(directory.secondWord);
    }
    for (let at = 1; at < longer.length; at += 2) touched ^= this.#texts.touch(longer.at(at));
    this.#touched ^= touched;
    for (let at = 0; at < longer.length; at += 2) {
      const number = longer.at(at);
      const text = this.#askedTexts[number] as string;
      const field = this.#askedFields[number] as number;
      if (this.#texts.is(longer.at(at + 1), field, text)) continue;
      const hash = questions[4 * number + 1] as number;
      refs.set(number, this.#findLong(hash, field, text, refs.at(number)));
    }
    this.#asked = 0;
  }

  /**
   * The reference of a term by its `hashTerm`; 0 where no filter asks for it.
   *
   * @param after another term of the same hash: what is behind it is looked for
   */
  findHashed(field: number, hashed: string, after = 0): number {
    const words = this.#words;
    if (!wordsOfHash(hashed, words)) return 0;
    const first = words[0] as number;
    const second = words[1] as number;
    const hash = this.#hashOf(first, second, field);
    const directory = this.#directory;
    let ref = directory.findAny(hash, after);
    for (; ref !== 0; ref = directory.findAny(hash, ref)) {
      if (this.#fieldFound() !== field) continue;
      hashWords(this.#textFound(), words);
      if (words[0] === first && words[1] === second) break;
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
    let id = idOf(this.#find(hash, field, text));
    if (id === 0) {
      if (this.#first === IS_LONG) this.#second = this.#texts.put(field, text);
      id = this.#make(hash);
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
    const second = this.#directory.secondWord;
    this.#directory.delete(hash, id);
    rows.give(id);
    this.#size -= 1;
    const late = id % LATE_TEXTS;
    if (this.#lateIds[late] === id) this.#lateIds[late] = 0;
    if (token === IS_LONG) this.#texts.give(second);
    const phrase = ~second;
    if (token === IS_LONG || phrase < 0) return;
    this.#addLonger(phrase, -1);
    this.release(token);
    this.release(phrase);
  }

  text(id: number): string {
    const late = id % LATE_TEXTS;
    if (this.#lateIds[late] !== id) {
      this.#directory.locate(this.#rows.get(id, HASH), id);
      this.#lateTexts[late] = this.#textFound();
      this.#lateIds[late] = id;
    }
    return this.#lateTexts[late] as string;
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

  #note(hash: number): void {
    const at = 4 * this.#asked;
    if (at === this.#questions.length) {
      const grown = new Int32Array(2 * at);
      grown.set(this.#questions);
      this.#questions = grown;
    }
    this.#questions[at] = this.#directory.placeOf(hash);
    this.#questions[at + 1] = hash;
    this.#questions[at + 2] = this.#first;
    this.#questions[at + 3] = this.#second;
    this.#asked += 1;
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
  #find(hash: number, field: number, text: string): number {
    if (this.#first === IS_LONG) return this.#findLong(hash, field, text, 0);
    return this.#directory.find(hash, this.#first, this.#second);
  }

  /** As of a directory, with any second word of a longer text. */
  #findAt(place: number, hash: number, first: number, second: number): number {
    const directory = this.#directory;
    if (first === IS_LONG) return directory.findFirst(hash, IS_LONG, 0);
    return place < 0
      ? directory.find(hash, first, second)
      : directory.findAt(place, hash, first, second);
  }

  /** The reference of a longer text. @param after one that was found before: what is behind it is looked for */
  #findLong(hash: number, field: number, text: string, after: number): number {
    const directory = this.#directory;
    let ref = directory.findFirst(hash, IS_LONG, after);
    while (ref !== 0 && !this.#texts.is(directory.secondWord, field, text))
      ref = directory.findFirst(hash, IS_LONG, ref);
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
    this.#second = 0;
    if (length > SHORT_MAX || field >= SHORT_FIELDS) return;
    let first = 0;
    let second = 0;
    // A character that is none of 1 to 126 is left out: no short text has the words of a longer one.
    let wrong = 0;
    const half = Math.min(4, length);
    for (let at = 0; at < half; at++) {
      const unit = text.charCodeAt(at);
      wrong |= (unit - 1) | (126 - unit);
      first |= unit << (7 * at);
    }
    for (let at = 4; at < length; at++) {
      const unit = text.charCodeAt(at);
      wrong |= (unit - 1) | (126 - unit);
      second |= unit << (7 * (at - 4));
    }
    if (wrong < 0) return;
    this.#first = first | (field << 28);
    this.#second = second | ((field >>> 4) << 28);
  }

  /** The field of what the directory found; negative of a phrase. */
  #fieldFound(): number {
    const { firstWord, secondWord } = this.#directory;
    if (firstWord === IS_LONG) return this.#texts.scope(secondWord);
    if (secondWord < 0) return secondWord;
    return (firstWord >>> 28) | ((secondWord >>> 28) << 4);
  }

  #textFound(): string {
    const { firstWord, secondWord } = this.#directory;
    if (firstWord === IS_LONG) return this.#texts.text(secondWord);
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
