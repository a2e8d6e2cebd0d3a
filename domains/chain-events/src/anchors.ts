/** A block from which a replay may begin. */
interface Anchor {
  readonly number: number;
  /** Raw offset at which it came. */
  readonly offset: number;
  /** Raw offset of the chain's block before it in the log: a replay begins behind that one. */
  readonly after: number;
}

/**
 * The places in the raw log from which a replay grows a chain's tree again: blocks that were the
 * head when they came, and have been of the chain ever since. Whoever begins at one of them takes
 * it for the chain, as it was; at a block that won later, or was gone for a while, a replay could
 * lose it to a branch that it does not connect.
 */
export class Anchors {
  /** Rising in number and offset. The first may stand for a block that is gone. */
  readonly #list: Anchor[] = [];

  push(anchor: Anchor): void {
    this.#list.push(anchor);
  }

  /** The blocks above a number are no longer the chain. */
  cut(number: number): void {
    let last: Anchor | undefined;
    while ((this.#list.at(-1)?.number ?? Number.NEGATIVE_INFINITY) > number)
      last = this.#list.pop();
    // What was cut left traces, finality among them: a replay still begins before all that.
    if (this.#list.length === 0 && last !== undefined) this.#list.push({ ...last, number });
  }

  /** Lets go of all but a place that is known to be good, whatever the chain's blocks there. */
  restart(offset: number): void {
    this.#list.splice(0, this.#list.length, {
      number: Number.NEGATIVE_INFINITY,
      offset,
      after: offset - 1,
    });
  }

  /**
   * The highest raw offset, at most `offset`, at which a replay may begin for this chain.
   *
   * @param numberMax higher blocks are no place to begin
   */
  startAt(offset: number, numberMax: number): number {
    let at = this.#list.length - 1;
    for (; at > 0; at--) {
      const anchor = this.#list[at];
      if (anchor !== undefined && anchor.number <= numberMax && anchor.after < offset) break;
    }
    return Math.min(offset, this.#list[at]?.offset ?? offset);
  }

  /** Lets go of those that no replay begins at any more. @param offset none begins before it */
  drop(offset: number, numberMax: number): void {
    let drop = 0;
    for (;;) {
      const next = this.#list[drop + 1];
      if (next === undefined || next.number > numberMax || next.after >= offset) break;
      drop += 1;
    }
    if (drop > 0) this.#list.splice(0, drop);
  }
}
