/** What a lane must say to stand among the others of its interest. */
interface Flowing {
  readonly flow: { readonly key: string };
}

/** Lanes by their flow's key. Mostly there is one, and then there is no map. */
export class MainLanes<L extends Flowing> {
  #only: L | undefined;
  #several: Map<string, L> | undefined;

  get(key: string): L | undefined {
    if (this.#several !== undefined) return this.#several.get(key);
    return this.#only?.flow.key === key ? this.#only : undefined;
  }

  /** Puts a lane in the place of the one that has its flow's key. */
  set(key: string, lane: L): void {
    if (this.#several !== undefined) {
      this.#several.set(key, lane);
    } else if (this.#only === undefined || this.#only.flow.key === key) {
      this.#only = lane;
    } else {
      this.#several = new Map([
        [this.#only.flow.key, this.#only],
        [key, lane],
      ]);
      this.#only = undefined;
    }
  }

  delete(key: string): void {
    this.#several?.delete(key);
    if (this.#several?.size === 0) this.#several = undefined;
    if (this.#only?.flow.key === key) this.#only = undefined;
  }

  *values(): IterableIterator<L> {
    if (this.#several !== undefined) yield* this.#several.values();
    else if (this.#only !== undefined) yield this.#only;
  }
}

/** A set that is made with its first member. */
export class Stragglers<L> {
  #lanes: Set<L> | undefined;

  add(lane: L): void {
    this.#lanes ??= new Set();
    this.#lanes.add(lane);
  }

  delete(lane: L): void {
    this.#lanes?.delete(lane);
    if (this.#lanes?.size === 0) this.#lanes = undefined;
  }

  *[Symbol.iterator](): Iterator<L> {
    if (this.#lanes !== undefined) yield* this.#lanes;
  }
}
