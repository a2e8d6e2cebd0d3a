import type { FilterIndex, Filters } from "../filter/index.ts";
import { Interest } from "./interest.ts";
import type { Ring } from "./ring.ts";
import { ShardedMap } from "./sharded-map.ts";

/** Interests whose lists are trimmed each time that the ring lets go of entries. */
const TRIMMED_PER_EVICTION = 256;
/** Interests that are forgotten in one turn: all clients may have left at once. */
const FORGOTTEN_PER_TURN = 500;

/**
 * The interests of a topic, one for each different filter. One that nobody holds stays in the index
 * for a while, so that whoever comes back finds it there.
 */
export class Interests {
  readonly #index: FilterIndex<Interest>;
  readonly #ring: Ring;
  readonly #idleMs: number;
  readonly #now: () => number;
  readonly #byKey = new ShardedMap<Interest>();
  /** Those that nobody holds, in the order in which they were left, and when they were. */
  readonly #idle = new Map<Interest, number>();
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
      interest = new Interest(filters, this.#ring.head, this.#index);
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
    this.#idle.set(interest, this.#now());
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
    let left = FORGOTTEN_PER_TURN;
    for (const [interest, sinceMs] of this.#idle) {
      const idleMs = nowMs - sinceMs;
      // A clock that was set back must not keep them for ever.
      const isDue = idleMs < 0 || idleMs >= this.#idleMs;
      if (!isDue || left === 0) {
        const inMs = isDue ? 1 : this.#idleMs - idleMs + 1;
        this.#timer = setTimeout(() => this.#forget(), inMs).unref();
        return;
      }
      left -= 1;
      this.#idle.delete(interest);
      this.#byKey.delete(interest.filters.key);
      this.#index.remove(interest.handle);
    }
  }
}
