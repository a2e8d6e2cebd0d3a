/** How long to wait between attempts to connect. */
export interface BackoffOptions {
  /** The bound of the first wait, in milliseconds. */
  readonly baseMs?: number;
  /** The bound of any wait, in milliseconds. */
  readonly maxMs?: number;
  /** A number from 0 to 1. */
  readonly random?: () => number;
}

/** Exponential backoff with full jitter, so that those who lost a server do not return as one. */
export class Backoff {
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempt = 0;

  constructor({ baseMs = 500, maxMs = 30_000, random = Math.random }: BackoffOptions = {}) {
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Attempts since the last success. */
  get attempt(): number {
    return this.#attempt;
  }

  /** A number from 0 to 1, for other waits that must not be the same for all. */
  random(): number {
    return this.#random();
  }

  /** The next wait, in milliseconds. */
  nextMs(): number {
    const boundMs = Math.min(this.#maxMs, this.#baseMs * 2 ** Math.min(this.#attempt, 20));
    this.#attempt += 1;
    return Math.round(boundMs * this.#random());
  }

  /** The next wait is a first one again. */
  succeeded(): void {
    this.#attempt = 0;
  }
}
