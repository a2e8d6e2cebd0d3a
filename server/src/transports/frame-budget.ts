/** Bounds the frames that a client sends: so many a second, with a burst of two seconds' worth. */
export class FrameBudget {
  readonly #perSecond: number;
  #dueMs = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether one more frame is within the bound. */
  take(nowMs: number): boolean {
    const dueMs = Math.max(this.#dueMs, nowMs);
    if (dueMs - nowMs > 2000) return false;
    this.#dueMs = dueMs + 1000 / this.#perSecond;
    return true;
  }
}
