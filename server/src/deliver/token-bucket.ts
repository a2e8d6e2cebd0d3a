/** The longest wait between two events: a rate that is lower still would be none, and no number. */
const INTERVAL_MAX_MS = 1e9;

/**
 * A rate with bursts of one second's worth, after GCRA (ITU-T I.371): instead of tokens it keeps
 * the time at which the next event would be due if all had come evenly.
 */
export class TokenBucket {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  #dueMs: number;

  /** @param eventsPerSecond above 0 */
  constructor(eventsPerSecond: number, dueMs = 0) {
    this.#intervalMs = Math.min(1000 / eventsPerSecond, INTERVAL_MAX_MS);
    this.#burstMs = Math.max(1000, this.#intervalMs);
    this.#dueMs = dueMs;
  }

  /** Events that may go now. A rate below one a second still lets one go at a time. */
  available(nowMs: number): number {
    const ahead = Math.max(0, this.#dueAt(nowMs) - nowMs);
    return Math.max(0, Math.floor((this.#burstMs - ahead) / this.#intervalMs + 1e-9));
  }

  take(events: number, nowMs: number): void {
    this.#dueMs = Math.max(this.#dueAt(nowMs), nowMs) + events * this.#intervalMs;
  }

  /** When the next event may go, in the clock's milliseconds. */
  readyAtMs(nowMs: number): number {
    return Math.max(nowMs, this.#dueAt(nowMs) + this.#intervalMs - this.#burstMs);
  }

  /** No burst reaches further ahead than itself: beyond that, the clock was set back. */
  #dueAt(nowMs: number): number {
    this.#dueMs = Math.min(this.#dueMs, nowMs + this.#burstMs + this.#intervalMs);
    return this.#dueMs;
  }

  /** A bucket of the same rate that is as empty as this one. */
  copy(): TokenBucket {
    return new TokenBucket(1000 / this.#intervalMs, this.#dueMs);
  }

  /** A bucket of another rate that is as empty as this one; undefined where there is no rate. */
  at(eventsPerSecond: number | undefined): TokenBucket | undefined {
    return eventsPerSecond === undefined
      ? undefined
      : new TokenBucket(eventsPerSecond, this.#dueMs);
  }

  /** As empty as the emptier of the two: what members of joined lanes may send. */
  join(other: TokenBucket): void {
    this.#dueMs = Math.max(this.#dueMs, other.#dueMs);
  }
}
