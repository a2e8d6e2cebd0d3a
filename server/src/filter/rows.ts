/** Rows of a chunk, as a power of two: a chunk is made in some tens of microseconds. */
const CHUNK_BITS = 15;
const CHUNK_ROWS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_ROWS - 1;
const FIRST_ROWS = 16;

/**
 * Rows of some 32-bit words, in typed arrays that are never copied once they have grown to a chunk:
 * however many there are, no row more costs a pause. Row 0 is nobody's, so that 0 can say "none".
 */
export class Rows {
  readonly #stride: number;
  readonly #chunks: Int32Array[] = [];
  #free = 0;
  #end = 1;

  /** @param stride words of a row */
  constructor(stride: number) {
    this.#stride = stride;
    this.#chunks.push(new Int32Array(FIRST_ROWS * stride));
  }

  /** Rows that were ever taken lie below this number. */
  get end(): number {
    return this.#end;
  }

  get chunkCount(): number {
    return this.#chunks.length;
  }

  /** A row of zeros. */
  take(): number {
    const row = this.#free;
    if (row !== 0) {
      this.#free = this.get(row, 0);
      this.set(row, 0, 0);
      return row;
    }
    if ((this.#end & CHUNK_MASK) === 0) {
      this.#chunks.push(new Int32Array(CHUNK_ROWS * this.#stride));
    } else if (this.#end * this.#stride >= (this.#chunks[0] as Int32Array).length) {
      this.#growFirst();
    }
    this.#end += 1;
    return this.#end - 1;
  }

  /** Gives a row back. */
  give(row: number): void {
    const chunk = this.#chunks[row >>> CHUNK_BITS] as Int32Array;
    const at = (row & CHUNK_MASK) * this.#stride;
    chunk.fill(0, at, at + this.#stride);
    chunk[at] = this.#free;
    this.#free = row;
  }

  get(row: number, word: number): number {
    const chunk = this.#chunks[row >>> CHUNK_BITS] as Int32Array;
    return chunk[(row & CHUNK_MASK) * this.#stride + word] as number;
  }

  set(row: number, word: number, value: number): void {
    const chunk = this.#chunks[row >>> CHUNK_BITS] as Int32Array;
    chunk[(row & CHUNK_MASK) * this.#stride + word] = value;
  }

  /** Replaces one word of every row of a chunk. */
  mapChunk(number: number, word: number, map: (value: number) => number): void {
    const chunk = this.#chunks[number];
    if (chunk === undefined) return;
    for (let at = word; at < chunk.length; at += this.#stride) {
      chunk[at] = map(chunk[at] as number);
    }
  }

  #growFirst(): void {
    const [first] = this.#chunks as [Int32Array];
    if (first.length >= CHUNK_ROWS * this.#stride) return;
    const grown = new Int32Array(Math.min(first.length * 2, CHUNK_ROWS * this.#stride));
    grown.set(first);
    this.#chunks[0] = grown;
  }
}

/** Values beside rows, by the same numbers, in chunks for the same reason. */
export class RowValues<T> {
  readonly #chunks: (T | undefined)[][] = [];

  get(row: number): T | undefined {
    return this.#chunks[row >>> CHUNK_BITS]?.[row & CHUNK_MASK];
  }

  set(row: number, value: T | undefined): void {
    const number = row >>> CHUNK_BITS;
    while (this.#chunks.length <= number) this.#chunks.push([]);
    const chunk = this.#chunks[number] as (T | undefined)[];
    const at = row & CHUNK_MASK;
    while (chunk.length < at) chunk.push(undefined);
    chunk[at] = value;
  }
}
