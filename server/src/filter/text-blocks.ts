import { WordBlocks } from "./word-blocks.ts";

/** Words of a block: the text's scope, its length with whether characters are wide, the characters. */
const SCOPE = 0;
const LENGTH = 1;
const HEADER = 2;

/**
 * Texts with the scope that each is of, as bytes in blocks of words: a collection of garbage has
 * nothing to look at, however many there are.
 */
export class TextBlocks {
  readonly #blocks = new WordBlocks();
  readonly #words: number[] = [];

  /** Keeps a text, and says under which number. */
  put(scope: number, text: string): number {
    const words = this.#words;
    words.length = 0;
    const isWide = !isNarrow(text);
    words.push(scope, text.length * 2 + (isWide ? 1 : 0));
    const step = isWide ? 2 : 4;
    for (let at = 0; at < text.length; at += step) words.push(wordAt(text, at, isWide));
    return this.#blocks.put(words);
  }

  give(block: number): void {
    const length = this.#blocks.arrayOf(block)[this.#blocks.startOf(block) + LENGTH] as number;
    this.#blocks.give(block, HEADER + wordsOf(length));
  }

  scope(block: number): number {
    return this.#blocks.arrayOf(block)[this.#blocks.startOf(block) + SCOPE] as number;
  }

  /** Reads where a block begins, for memory to bring it. */
  touch(block: number): number {
    return this.scope(block);
  }

  text(block: number): string {
    const words = this.#blocks.arrayOf(block);
    const start = this.#blocks.startOf(block);
    const length = words[start + LENGTH] as number;
    const isWide = (length & 1) === 1;
    const units: number[] = [];
    for (let at = 0; at < length >>> 1; at++) {
      const word = words[start + HEADER + (at >>> (isWide ? 1 : 2))] as number;
      units.push(isWide ? (word >>> (16 * (at & 1))) & 0xffff : (word >>> (8 * (at & 3))) & 0xff);
    }
    return String.fromCharCode(...units);
  }

  /** Whether a block is a text of a scope. */
  is(block: number, scope: number, text: string): boolean {
    const words = this.#blocks.arrayOf(block);
    let at = this.#blocks.startOf(block);
    const length = words[at + LENGTH] as number;
    if (length >>> 1 !== text.length || words[at + SCOPE] !== scope) return false;
    at += HEADER;
    const isWide = (length & 1) === 1;
    const step = isWide ? 2 : 4;
    for (let unit = 0; unit < text.length; unit += step, at++)
      if (words[at] !== wordAt(text, unit, isWide)) return false;
    return true;
  }
}

function wordsOf(length: number): number {
  return (length & 1) === 1 ? ((length >>> 1) + 1) >>> 1 : ((length >>> 1) + 3) >>> 2;
}

function isNarrow(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 255) return false;
  return true;
}

/** The characters of a text from one on as a word, two or four of them. */
function wordAt(text: string, from: number, isWide: boolean): number {
  const width = isWide ? 16 : 8;
  const end = Math.min(text.length, from + (isWide ? 2 : 4));
  let word = 0;
  for (let at = from; at < end; at++) word |= text.charCodeAt(at) << (width * (at - from));
  return word;
}
