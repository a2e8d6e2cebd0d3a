/** What is known of how far a chain is final. */
export class Finality {
  #number: number | undefined;
  /** A replay that begins above it would know less, or believe more, of what is final. */
  #knownFrom: number | undefined;

  /** The last final block; undefined where nothing was said, or the chain left it too far behind. */
  get number(): number | undefined {
    return this.#number;
  }

  /** A replay that begins at a higher block ends with another finality. */
  get replayMax(): number {
    return this.#knownFrom ?? Number.POSITIVE_INFINITY;
  }

  note(number: number): void {
    this.#number = number;
    this.#knownFrom = number;
  }

  /** Something was said of a number that is not so: a replay has to know better too. */
  refuse(number: number): void {
    this.#knownFrom = Math.min(this.#knownFrom ?? number, number);
  }

  /** The blocks above a number are no longer the chain. */
  cut(number: number): void {
    if (this.#knownFrom !== undefined) this.#knownFrom = Math.min(this.#knownFrom, number);
  }

  /** Lets go of what lies below a number. */
  forgetBelow(number: number): void {
    if (this.#number !== undefined && this.#number < number) this.#number = undefined;
    if (this.#number === undefined && this.replayMax < number) this.#knownFrom = undefined;
  }
}
