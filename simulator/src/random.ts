/** A seeded source of numbers: the same seed gives the same world (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, and not with, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T;
  }

  /** Some of a list, in its order, at least one. */
  some<T>(list: readonly T[], countMax: number): T[] {
    const chosen = new Set<T>();
    const count = this.integer(1, Math.min(countMax, list.length));
    while (chosen.size < count) chosen.add(this.pick(list));
    return list.filter((one) => chosen.has(one));
  }

  hex(digits: number): string {
    let text = "0x";
    for (let at = 0; at < digits; at++) text += this.integer(0, 15).toString(16);
    return text;
  }
}
