import type { Entry } from "./entry.ts";
import type { Ring } from "./ring.ts";
import type { Tombstones } from "./tombstones.ts";

/** Which of the ring's entries hold a content that can be deleted, and hides them when it is. */
export class RingContents {
  readonly #ring: Ring;
  readonly #tombstones: Tombstones;
  /** By content key, the sequences that hold it, oldest first; mostly one. */
  readonly #seqs = new Map<string, number | number[]>();

  constructor(ring: Ring, tombstones: Tombstones) {
    this.#ring = ring;
    this.#tombstones = tombstones;
  }

  /** Takes note of an entry that is about to get a sequence. */
  note({ contentKey, source, atMs }: Entry, isDeletion: boolean, seq: number): void {
    if (contentKey === undefined || source === undefined) return;
    const held = this.#seqs.get(contentKey);
    if (!isDeletion) {
      if (held === undefined) this.#seqs.set(contentKey, seq);
      else if (typeof held === "number") this.#seqs.set(contentKey, [held, seq]);
      else held.push(seq);
      return;
    }
    this.#tombstones.add(contentKey, source, atMs);
    for (const one of typeof held === "number" ? [held] : (held ?? [])) {
      const content = this.#ring.get(one);
      if (content !== undefined && this.#tombstones.hides(content)) content.hidden = true;
    }
  }

  /** Forgets an entry that leaves the ring. */
  forget({ contentKey }: Entry, seq: number): void {
    if (contentKey === undefined) return;
    const held = this.#seqs.get(contentKey);
    if (held === seq) this.#seqs.delete(contentKey);
    if (!Array.isArray(held)) return;
    const others = held.filter((one) => one !== seq);
    if (others.length > 0) this.#seqs.set(contentKey, others);
    else this.#seqs.delete(contentKey);
  }
}
