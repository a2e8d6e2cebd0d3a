/** Words of a chunk; a block never lies in two. */
const CHUNK_BITS = 18;
const CHUNK_WORDS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_WORDS - 1;
const FIRST_WORDS = 64;
/** Longer blocks have an array of their own. */
const SHORT_MAX = 64;

/** Blocks of 32-bit words of any length, in typed arrays; those given back are used again. */
export class WordBlocks {
  readonly #chunks: Int32Array[] = [new Int32Array(FIRST_WORDS)];
  readonly #long: (Int32Array | undefined)[] = [];
  readonly #freeLong: number[] = [];
  /** By length, the first of the blocks that were given back; each names the next. */
  readonly #free = new Int32Array(SHORT_MAX + 1);
  /** Block 0 is nobody's. */
  #end = 1;

  /** Keeps words, and says under which number. */
  put(words: readonly number[]): number {
    const block = this.#take(words.length);
    const array = this.arrayOf(block);
    const start = this.startOf(block);
    for (let at = 0; at < words.length; at++) array[start + at] = words[at] as number;
    return block;
  }

  /** The array that a block lies in, and where in it. */
  arrayOf(block: number): Int32Array {
    return (block < 0 ? this.#long[~block] : this.#chunks[block >>> CHUNK_BITS]) as Int32Array;
  }

  startOf(block: number): number {
    return block < 0 ? 0 : block & CHUNK_MASK;
  }

  /** Gives a block of a length back. */
  give(block: number, length: number): void {
    if (block < 0) {
      this.#long[~block] = undefined;
      this.#freeLong.push(~block);
      return;
    }
    this.arrayOf(block)[this.startOf(block)] = this.#free[length] as number;
    this.#free[length] = block;
  }

  #take(length: number): number {
    if (length > SHORT_MAX) {
      const number = this.#freeLong.pop() ?? this.#long.length;
      this.#long[number] = new Int32Array(length);
      return ~number;
    }
    const block = this.#free[length] as number;
    if (block !== 0) {
      this.#free[length] = this.arrayOf(block)[this.startOf(block)] as number;
      return block;
    }
    const left = CHUNK_WORDS - (this.#end & CHUNK_MASK);
    if (length > left) this.#end += left;
    if (this.#end >>> CHUNK_BITS === this.#chunks.length)
      this.#chunks.push(new Int32Array(CHUNK_WORDS));
    if (this.#end < CHUNK_WORDS) this.#growFirst(this.#end + length);
    this.#end += length;
    return this.#end - length;
  }

  #growFirst(wanted: number): void {
    const [first] = this.#chunks as [Int32Array];
    if (wanted <= first.length) return;
    const grown = new Int32Array(Math.min(first.length * 2, CHUNK_WORDS));
    grown.set(first);
    this.#chunks[0] = grown;
  }
}
