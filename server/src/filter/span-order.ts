import type { Numbers } from "./numbers.ts";

/** Spans of a block, at most; a full one is cut in two. */
const BLOCK_MAX = 512;

interface Block {
  /** By these the spans are in order; of equal ones, by the rules. */
  readonly numbers: Float64Array;
  /** The other ends; none where all spans have but one. */
  readonly ends: Float64Array;
  readonly rules: Int32Array;
  length: number;
}

/**
 * Spans of numbers with a rule each, in the order of one of their ends: in blocks, so that none more
 * moves them all. What is asked of a span lies beside its neighbours', so that those that do not hold
 * a point cost next to nothing.
 */
export class SpanOrder {
  readonly #hasEnds: boolean;
  readonly #blocks: Block[] = [];
  /** The first number of each block. */
  readonly #firsts: number[] = [];
  /** No number that is or was there is less, or greater. */
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;

  /** @param hasEnds whether spans have two ends: they are then in the order of the lower one */
  constructor(hasEnds: boolean) {
    this.#hasEnds = hasEnds;
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  /** @param end the upper end, where spans have two */
  add(number: number, end: number, rule: number): void {
    this.#least = Math.min(this.#least, number);
    this.#greatest = Math.max(this.#greatest, number);
    if (this.#blocks.length === 0) this.#insert(0, newBlock(0, this.#hasEnds), number);
    let index = this.#indexOf(number, rule);
    let block = this.#blocks[index] as Block;
    if (block.length === BLOCK_MAX) {
      this.#cut(index);
      index = this.#indexOf(number, rule);
      block = this.#blocks[index] as Block;
    } else if (block.length === block.rules.length) {
      const wider = newBlock(block.length, this.#hasEnds);
      copyInto(wider, block, 0, block.length);
      this.#blocks[index] = wider;
      block = wider;
    }
    const at = placeOf(block, number, rule);
    block.numbers.copyWithin(at + 1, at, block.length);
    block.ends.copyWithin(at + 1, at, block.length);
    block.rules.copyWithin(at + 1, at, block.length);
    block.numbers[at] = number;
    if (this.#hasEnds) block.ends[at] = end;
    block.rules[at] = rule;
    block.length += 1;
    this.#firsts[index] = block.numbers[0] as number;
  }

  /** Takes a span away, if it is there. */
  delete(number: number, rule: number): void {
    if (this.#blocks.length === 0) return;
    const index = this.#indexOf(number, rule);
    const block = this.#blocks[index] as Block;
    const at = placeOf(block, number, rule);
    if (at === block.length || block.numbers[at] !== number || block.rules[at] !== rule) return;
    block.numbers.copyWithin(at, at + 1, block.length);
    block.ends.copyWithin(at, at + 1, block.length);
    block.rules.copyWithin(at, at + 1, block.length);
    block.length -= 1;
    if (block.length > 0) this.#firsts[index] = block.numbers[0] as number;
    this.#join(index);
  }

  /**
   * Appends the rules whose number lies between two, both included, and whose span holds a point: to
   * `inside` where the point lies between its ends, to `atEnd` where it is one of them, as far as
   * floating-point numbers tell.
   */
  collect(low: number, high: number, point: number, inside: Numbers, atEnd: Numbers): void {
    if (high < this.#least || low > this.#greatest) return;
    const blocks = this.#blocks;
    for (let index = this.#startOf(low); index < blocks.length; index++) {
      const { numbers, ends, rules, length } = blocks[index] as Block;
      for (let at = firstFrom(numbers, length, low); at < length; at++) {
        const number = numbers[at] as number;
        if (number > high) return;
        const end = this.#hasEnds ? (ends[at] as number) : Number.POSITIVE_INFINITY;
        if (end < point) continue;
        if (number === point || end === point) atEnd.push(rules[at] as number);
        else inside.push(rules[at] as number);
      }
    }
  }

  /** The first block that may have numbers from one on: such a number may be in several. */
  #startOf(number: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#firsts[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** The block that a span is in, or would be: the last that does not begin behind it. */
  #indexOf(number: number, rule: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const first = this.#firsts[middle] as number;
      const isBefore =
        first < number || (first === number && (this.#blocks[middle]?.rules[0] as number) <= rule);
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #insert(index: number, block: Block, first: number): void {
    this.#blocks.splice(index, 0, block);
    this.#firsts.splice(index, 0, first);
  }

  #cut(index: number): void {
    const block = this.#blocks[index] as Block;
    const half = block.length >>> 1;
    const second = newBlock(BLOCK_MAX, this.#hasEnds);
    copyInto(second, block, half, block.length);
    block.length = half;
    this.#insert(index + 1, second, second.numbers[0] as number);
  }

  /** Puts a block that has become small into the one before it. */
  #join(index: number): void {
    const block = this.#blocks[index] as Block;
    if (block.length > BLOCK_MAX / 8) return;
    const before = this.#blocks[index - 1];
    const fits = before !== undefined && before.length + block.length <= before.rules.length;
    if (block.length > 0 && !fits) return;
    if (before !== undefined) copyInto(before, block, 0, block.length);
    this.#blocks.splice(index, 1);
    this.#firsts.splice(index, 1);
  }
}

/** @param full how many spans fill the block that it is for */
function newBlock(full: number, hasEnds: boolean): Block {
  const length = Math.min(BLOCK_MAX, Math.max(8, full * 2));
  return {
    numbers: new Float64Array(length),
    ends: new Float64Array(hasEnds ? length : 0),
    rules: new Int32Array(length),
    length: 0,
  };
}

function copyInto(to: Block, from: Block, start: number, end: number): void {
  to.numbers.set(from.numbers.subarray(start, end), to.length);
  if (from.ends.length > 0) to.ends.set(from.ends.subarray(start, end), to.length);
  to.rules.set(from.rules.subarray(start, end), to.length);
  to.length += end - start;
}

/** Where in a block a span is, or would be put. */
function placeOf({ numbers, rules, length }: Block, number: number, rule: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const one = numbers[middle] as number;
    if (one < number || (one === number && (rules[middle] as number) < rule)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstFrom(numbers: Float64Array, length: number, number: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
