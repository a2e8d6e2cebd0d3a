/** Numbers of a block, at most; a full one is cut in two. */
const BLOCK_MAX = 512;

interface Block {
  readonly numbers: Float64Array;
  readonly lists: Int32Array;
  length: number;
}

/** Lists under numbers, in the order of the numbers: in blocks, so that none more moves them all. */
export class NumberOrder {
  readonly #blocks: Block[] = [];
  /** No number that is or was there is less, or greater. */
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  /** The list under a number; 0 where there is none. */
  get(number: number): number {
    const block = this.#blockOf(number);
    if (block === undefined) return 0;
    const at = firstFrom(block, number);
    return at < block.length && block.numbers[at] === number ? (block.lists[at] as number) : 0;
  }

  /** Puts a list under a number that has none. */
  add(number: number, list: number): void {
    this.#least = Math.min(this.#least, number);
    this.#greatest = Math.max(this.#greatest, number);
    let block = this.#blockOf(number);
    if (block === undefined) {
      block = newBlock(0);
      this.#blocks.push(block);
    } else if (block.length === BLOCK_MAX) {
      this.#cut(block);
      block = this.#blockOf(number) as Block;
    }
    const at = firstFrom(block, number);
    if (block.length === block.numbers.length) block = this.#widen(block);
    block.numbers.copyWithin(at + 1, at, block.length);
    block.lists.copyWithin(at + 1, at, block.length);
    block.numbers[at] = number;
    block.lists[at] = list;
    block.length += 1;
  }

  /** Takes away a number that is there. */
  delete(number: number): void {
    const block = this.#blockOf(number);
    if (block === undefined) return;
    const at = firstFrom(block, number);
    block.numbers.copyWithin(at, at + 1, block.length);
    block.lists.copyWithin(at, at + 1, block.length);
    block.length -= 1;
    this.#join(block);
  }

  /** Appends the lists between two numbers, both included, to `lists`. */
  collect(low: number, high: number, lists: number[]): void {
    if (high < this.#least || low > this.#greatest) return;
    for (let number = Math.max(0, this.#indexOf(low)); number < this.#blocks.length; number++) {
      const block = this.#blocks[number] as Block;
      for (let at = firstFrom(block, low); at < block.length; at++) {
        if ((block.numbers[at] as number) > high) return;
        lists.push(block.lists[at] as number);
      }
    }
  }

  /** The last block that begins at a number or before it, -1 where all begin behind it. */
  #indexOf(number: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.numbers[0] as number) <= number) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #blockOf(number: number): Block | undefined {
    return this.#blocks[Math.max(0, this.#indexOf(number))];
  }

  #widen(block: Block): Block {
    const wider = newBlock(block.numbers.length);
    copyInto(wider, block, 0, block.length);
    this.#blocks[this.#blocks.indexOf(block)] = wider;
    return wider;
  }

  #cut(block: Block): void {
    const half = block.length >>> 1;
    const second = newBlock(BLOCK_MAX);
    copyInto(second, block, half, block.length);
    block.length = half;
    this.#blocks.splice(this.#blocks.indexOf(block) + 1, 0, second);
  }

  /** Puts a block that has become small into the one before it. */
  #join(block: Block): void {
    if (block.length > BLOCK_MAX / 8) return;
    const index = this.#indexOf(block.numbers[0] as number);
    if (block.length === 0) {
      this.#blocks.splice(this.#blocks.indexOf(block), 1);
      return;
    }
    const before = this.#blocks[index - 1];
    if (before === undefined || before.length + block.length > before.numbers.length) return;
    copyInto(before, block, 0, block.length);
    this.#blocks.splice(index, 1);
  }
}

function newBlock(full: number): Block {
  const length = Math.min(BLOCK_MAX, Math.max(8, full * 2));
  return { numbers: new Float64Array(length), lists: new Int32Array(length), length: 0 };
}

function copyInto(to: Block, from: Block, start: number, end: number): void {
  to.numbers.set(from.numbers.subarray(start, end), to.length);
  to.lists.set(from.lists.subarray(start, end), to.length);
  to.length += end - start;
}

function firstFrom({ numbers, length }: Block, number: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
