import { type EventTerms, kindOf } from "../filter/index.ts";

/**
 * What filters need know of events that were archived at once, without reading them: hashes of
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

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** Sketches events of one partition, in their order. @param from the sketch's first offset */
export function encodeSketch(from: number, events: readonly Sketched[]): Buffer | undefined {
  const [first] = events;
  if (first === undefined) return undefined;
  const parts: number[] = [events.length];
  pushFloat(parts, first.atMs);
  for (const { offset, atMs, terms } of events) {
    const { hashes, numbers } = termsOf(terms);
    const untold = hashes.size > TERMS_MAX;
    parts.push(offset - from, atMs - first.atMs, untold ? UNTOLD : hashes.size, numbers.length);
    if (!untold) parts.push(...hashes);
    for (const [field, value] of numbers) {
      parts.push(field);
      pushFloat(parts, value);
    }
  }
  return Buffer.from(Uint32Array.from(parts).buffer);
}

function termsOf(terms: EventTerms): { hashes: Set<number>; numbers: [number, number][] } {
  const hashes = new Set<number>();
  const numbers: [number, number][] = [];
  for (const [field, definition] of terms.stream.fields) {
    const { span, point } = kindOf(definition.kind);
    const found = terms.terms(field);
    if (span === undefined || point === undefined) {
      for (const term of found) hashes.add(termHash(field, term));
    } else if (found[0] !== undefined) {
      numbers.push([termHash(field, ""), point(found[0])]);
    }
  }
  return { hashes, numbers };
}

function pushFloat(parts: number[], value: number): void {
  float[0] = value;
  parts.push(words[0] as number, words[1] as number);
}

/** A float64 of two words. */
export function floatAt(from: Uint32Array, at: number): number {
  words[0] = from[at] as number;
  words[1] = from[at + 1] as number;
  return float[0] as number;
}

/** Stands for a term of a field, in 32 bits that are all alike good. */
export function termHash(field: string, term: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < field.length; at++)
    hash = Math.imul(hash ^ field.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ 0x10000, 0x01000193);
  for (let at = 0; at < term.length; at++) hash = Math.imul(hash ^ term.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
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
