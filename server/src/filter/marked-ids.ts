const FIRST_SLOTS = 64;

/**
 * The ids that one view of an event has: few, so that they lie in the nearest memory, while what
 * stands beside each id lies anywhere.
 */
export class MarkedIds {
  /** Pairs of an id and the stamp of the view that has it: what has another stamp is free. */
  #slots = new Int32Array(2 * FIRST_SLOTS);
  #shift = 32 - Math.log2(FIRST_SLOTS);
  #stamp = 0;
  #count = 0;

  /** Begins anew. @param stamp above zero, and of no view before since `clear` */
  begin(stamp: number): void {
    this.#stamp = stamp;
    this.#count = 0;
  }

  /** Forgets all stamps. */
  clear(): void {
    this.#slots.fill(0);
  }

  /** Marks an id; false where it was marked before. */
  add(id: number): boolean {
    const slots = this.#slots;
    const at = this.#find(id);
    if (slots[at + 1] === this.#stamp) return false;
    slots[at] = id;
    slots[at + 1] = this.#stamp;
    this.#count += 1;
    if (this.#count * 4 > slots.length) this.#grow();
    return true;
  }

  has(id: number): boolean {
    return this.#slots[this.#find(id) + 1] === this.#stamp;
  }

  /** Where an id is, or a free place for it. */
  #find(id: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    // Ids that follow one another are spread (Fibonacci hashing; Knuth, vol. 3, 6.4).
    let at = (Math.imul(id, 0x9e3779b1) >>> this.#shift) * 2;
    while (slots[at + 1] === this.#stamp && slots[at] !== id) at = (at + 2) & mask;
    return at;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#shift -= 1;
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] !== this.#stamp) continue;
      const to = this.#find(old[at] as number);
      this.#slots[to] = old[at] as number;
      this.#slots[to + 1] = this.#stamp;
    }
  }
}
