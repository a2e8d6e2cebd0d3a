import { offsetsBetween, type Place, samePlace } from "./place.ts";
import type { Subscriber } from "./subscriber.ts";

interface Seen {
  readonly place: Place;
  readonly sinceMs: number;
}

/** Notices clients that could take more, and for whom the log is not read on. */
export class ProgressWatch {
  readonly #seen = new WeakMap<Subscriber, Seen>();
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Whether a client has stood at one place, behind the head, for too long; to be asked now and then.
   *
   * @param isRead whether the engine reads the log for it, so that nothing else moves it
   * @param steadyMs by a clock that is never set
   */
  isStuck(
    subscriber: Subscriber,
    isRead: boolean,
    place: Place,
    head: Place,
    steadyMs: number,
  ): boolean {
    if (!isRead || subscriber.room() === 0 || offsetsBetween(place, head) === 0) {
      this.#seen.delete(subscriber);
      return false;
    }
    const seen = this.#seen.get(subscriber);
    if (seen !== undefined && samePlace(seen.place, place))
      return steadyMs - seen.sinceMs > this.#timeoutMs;
    this.#seen.set(subscriber, { place, sinceMs: steadyMs });
    return false;
  }
}
