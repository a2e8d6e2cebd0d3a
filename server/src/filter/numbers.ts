const FIRST = 16;

/**
 * A list of 32-bit numbers that is filled and emptied again for each event: unlike an array's, its
 * memory stays when it is emptied.
 */
export class Numbers {
  #numbers = new Int32Array(FIRST);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(place: number): number {
    return this.#numbers[place] as number;
  }

  set(place: number, number: number): void {
    this.#numbers[place] = number;
  }

  push(number: number): void {
    if (this.#length === this.#numbers.length) this.#widen();
    this.#numbers[this.#length] = number;
    this.#length += 1;
  }

  /** Leaves so many of the first. */
  cut(length: number): void {
    this.#length = length;
  }

  clear(): void {
    this.#length = 0;
  }

  #widen(): void {
    const wider = new Int32Array(this.#numbers.length * 2);
    wider.set(this.#numbers);
    this.#numbers = wider;
  }
}
