import { type EventTerms, kindOf } from "../filter/index.ts";
import type { Stream } from "../streams/index.ts";

/**
 * What filters need know of some events that follow each other, without reading them: hashes of
 * their terms and the numbers of their ranges. An event whose sketch does not admit a filter cannot
 * match it; one whose sketch does is read and held against it.
 *
 * 32-bit words: how many events; the first's time (float64); then for each event its offset less
 * the sketch's, its time less the first's in milliseconds, how many terms, how many numbers, the
 * terms' hashes, and of each number its field's hash and itself (float64).
 */
const HEAD_WORDS = 3;
export const EVENT_WORDS = 4;
export const NUMBER_WORDS = 3;

/** Events of one sketch: a query that needs few of them reads no more than some pages of the disk. */
const EVENTS_MAX = 128;
/** Terms of which a sketch tells; of an event that has more it tells nothing, and is always read. */
const TERMS_MAX = 256;
/** Stands for the number of terms of an event that has too many. */
export const UNTOLD = 0xffff_ffff;

/** An event to be sketched. */
export interface Sketched {
  readonly offset: number;
  readonly atMs: number;
  readonly terms: EventTerms;
}

/** A sketch, under its first offset. */
export interface EncodedSketch {
  readonly from: number;
  readonly bytes: Buffer;
}

const float = new Float64Array(1);
const floatWords = new Uint32Array(float.buffer);

/** Sketches events of one partition, in their order. */
export function encodeSketches(events: readonly Sketched[]): EncodedSketch[] {
  const sketches: EncodedSketch[] = [];
  for (let at = 0; at < events.length; at += EVENTS_MAX) {
    const part = events.slice(at, at + EVENTS_MAX);
    const from = part[0]?.offset ?? 0;
    sketches.push({ from, bytes: encode(from, part) });
  }
  return sketches;
}

function encode(from: number, events: readonly Sketched[]): Buffer {
  const firstMs = events[0]?.atMs ?? 0;
  const words = new Words();
  words.push(events.length);
  words.pushFloat(firstMs);
  for (const { offset, atMs, terms } of events) {
    words.push(offset - from);
    words.push(atMs - firstMs);
    pushTerms(words, terms);
  }
  return words.bytes();
}

/** How many terms and how many numbers, and what they are. */
function pushTerms(words: Words, terms: EventTerms): void {
  const counts = words.length;
  words.push(0);
  words.push(0);
  const first = words.length;
  for (const { field, hash } of fieldsOf(terms.stream).plain) {
    for (const term of terms.terms(field)) {
      if (words.length - first > TERMS_MAX) break;
      words.pushOnce(termHash(hash, term), first);
    }
  }
  const count = words.length - first;
  if (count > TERMS_MAX) words.length = first;
  let numbers = 0;
  for (const { field, hash, point } of fieldsOf(terms.stream).numbers) {
    const [number] = terms.terms(field);
    if (number === undefined) continue;
    words.push(hash);
    words.pushFloat(point(number));
    numbers += 1;
  }
  words.set(counts, count > TERMS_MAX ? UNTOLD : count);
  words.set(counts + 1, numbers);
}

interface SketchedFields {
  readonly plain: readonly { readonly field: string; readonly hash: number }[];
  readonly numbers: readonly {
    readonly field: string;
    readonly hash: number;
    readonly point: (term: string) => number;
  }[];
}

const fields = new WeakMap<Stream, SketchedFields>();

function fieldsOf(stream: Stream): SketchedFields {
  let found = fields.get(stream);
  if (found !== undefined) return found;
  const all = [...stream.fields].map(([field, { kind }]) => {
    const { span, point } = kindOf(kind);
    return { field, hash: fieldHash(field), point: span === undefined ? undefined : point };
  });
  found = {
    plain: all.filter(({ point }) => point === undefined),
    numbers: all.flatMap(({ point, ...rest }) => (point === undefined ? [] : [{ ...rest, point }])),
  };
  fields.set(stream, found);
  return found;
}

/** A list of 32-bit words that grows. */
class Words {
  #words = new Uint32Array(1024);
  length = 0;

  push(word: number): void {
    if (this.length === this.#words.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.length] = word;
    this.length += 1;
  }

  /** Unless it stands there already. @param from where to look */
  pushOnce(word: number, from: number): void {
    for (let at = from; at < this.length; at++) if (this.#words[at] === word) return;
    this.push(word);
  }

  pushFloat(value: number): void {
    float[0] = value;
    this.push(floatWords[0] as number);
    this.push(floatWords[1] as number);
  }

  set(at: number, word: number): void {
    this.#words[at] = word;
  }

  bytes(): Buffer {
    return Buffer.from(this.#words.buffer, 0, this.length * 4);
  }
}

/** A float64 of two words. */
export function floatAt(words: Uint32Array, at: number): number {
  floatWords[0] = words[at] as number;
  floatWords[1] = words[at + 1] as number;
  return float[0] as number;
}

/** Stands for a field in 32 bits. */
export function fieldHash(field: string): number {
  return hashOn(0x811c9dc5, field);
}

/** Stands for a term of a field, in 32 bits that are all alike good. @param field its hash */
export function termHash(field: number, term: string): number {
  let hash = hashOn(Math.imul(field ^ 0x10000, 0x01000193), term);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function hashOn(seed: number, text: string): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** A sketch as it is read. */
export class Sketch {
  readonly words: Uint32Array;
  readonly #from: number;
  readonly #firstMs: number;

  constructor(from: number, bytes: Buffer) {
    const { buffer, byteOffset, length } = bytes;
    this.words =
      byteOffset % 4 === 0
        ? new Uint32Array(buffer, byteOffset, length / 4)
        : new Uint32Array(Uint8Array.from(bytes).buffer);
    this.#from = from;
    this.#firstMs = floatAt(this.words, 1);
  }

  /** Where each event's words begin, in their order. */
  events(): Uint32Array {
    const starts = new Uint32Array(this.words[0] as number);
    let at = HEAD_WORDS;
    for (let event = 0; event < starts.length; event++) {
      starts[event] = at;
      const terms = this.words[at + 2] as number;
      const numbers = this.words[at + 3] as number;
      at += EVENT_WORDS + (terms === UNTOLD ? 0 : terms) + numbers * NUMBER_WORDS;
    }
    return starts;
  }

  offset(at: number): number {
    return this.#from + (this.words[at] as number);
  }

  atMs(at: number): number {
    return this.#firstMs + (this.words[at + 1] as number);
  }
}
