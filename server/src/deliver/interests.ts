import type { FilterIndex, Filters } from "../filter/index.ts";
import { Interest } from "./interest.ts";
import type { Ring } from "./ring.ts";

/** Interests whose lists are trimmed each time that the ring lets go of entries. */
const TRIMMED_PER_EVICTION = 256;

/**
 * The interests of a topic, one for each different filter. One that nobody holds stays in the index
 * for a while, so that whoever comes back finds it there.
 */
export class Interests {
  readonly #index: FilterIndex<Interest>;
  readonly #ring: Ring;
  readonly #idleMs: number;
  readonly #now: () => number;
  readonly #byKey = new Map<string, Interest>();
  /** Those that nobody holds, in the order in which they were left. */
  readonly #idle = new Set<Interest>();
  #timer: NodeJS.Timeout | undefined;
  #untrimmed: Iterator<Interest> = [][Symbol.iterator]();

  constructor(init: {
    readonly index: FilterIndex<Interest>;
    readonly ring: Ring;
    readonly idleMs: number;
    readonly now: () => number;
  }) {
    this.#index = init.index;
    this.#ring = init.ring;
    this.#idleMs = init.idleMs;
    this.#now = init.now;
  }

  [Symbol.iterator](): Iterator<Interest> {
    return this.#byKey.values();
  }

  /** The interest of a filter, for one client more; born at the ring's head where it is new. */
  take(filters: Filters): Interest {
    let interest = this.#byKey.get(filters.key);
    if (interest === undefined) {
      interest = new Interest(filters, this.#ring.head);
      interest.handle = this.#index.add(filters, interest);
      this.#byKey.set(filters.key, interest);
    }
    if (interest.members === 0) this.#idle.delete(interest);
    interest.members += 1;
    return interest;
  }

  /** One client of an interest is gone. */
  release(interest: Interest): void {
    interest.members -= 1;
    if (interest.members > 0) return;
    interest.idleSinceMs = this.#now();
    this.#idle.add(interest);
    this.#timer ??= setTimeout(() => this.#forget(), this.#idleMs + 1).unref();
  }

  /** Lets posting lists go of what has left the ring: of some at a time, all of them in turn. */
  trimSome(): void {
    for (let trimmed = 0; trimmed < TRIMMED_PER_EVICTION; trimmed++) {
      const { value, done } = this.#untrimmed.next();
      if (done === true) {
        this.#untrimmed = this.#byKey.values();
        return;
      }
      value.trim(this.#ring.tail);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #forget(): void {
    this.#timer = undefined;
    const nowMs = this.#now();
    for (const interest of this.#idle) {
      const idleMs = nowMs - interest.idleSinceMs;
      // A clock that was set back must not keep them for ever.
      if (idleMs >= 0 && idleMs < this.#idleMs) {
        this.#timer = setTimeout(() => this.#forget(), this.#idleMs - idleMs + 1).unref();
        return;
      }
      this.#idle.delete(interest);
      this.#byKey.delete(interest.filters.key);
      if (interest.handle !== undefined) this.#index.remove(interest.handle);
    }
  }
}
