import { setImmediate as turn } from "node:timers/promises";
import { broadcastOf } from "./cold-scan.ts";
import type { Entry } from "./entry.ts";
import type { Flusher } from "./flusher.ts";
import type { Interests } from "./interests.ts";
import { firstFrom } from "./lane.ts";
import type { LiveReaderPort } from "./live-reader.ts";
import { RingContents } from "./ring-contents.ts";
import type { TopicState } from "./topic-state.ts";

/** Broadcasts behind the ring that are remembered: a gap tells how many of them it covers. */
const BROADCASTS_MAX = 4096;
/** Whoever waits for more looks again after this time: a partition may have been passed in silence. */
const MORE_TIMEOUT_MS = 100;

/**
 * What becomes of an entry that the reader brings: it is hidden if it was deleted, gets its place in
 * the ring, is posted to the interests that it matches, settles, and leaves the ring when everyone was
 * offered it.
 */
export class Intake implements LiveReaderPort {
  readonly #state: TopicState;
  readonly #interests: Interests;
  readonly #flusher: Flusher;
  readonly #contents: RingContents;
  readonly #overtaken: () => void;
  #moreWaiters: (() => void)[] = [];
  #stopped = false;

  /** @param overtaken called where the log has let go of what was to be read next */
  constructor(state: TopicState, interests: Interests, flusher: Flusher, overtaken: () => void) {
    this.#state = state;
    this.#interests = interests;
    this.#flusher = flusher;
    this.#overtaken = overtaken;
    this.#contents = new RingContents(state.ring, state.tombstones);
  }

  take(entry: Entry): void {
    const { ring, index, broadcasts, tombstones } = this.#state;
    const type = this.#state.stream.eventTypes.get(entry.eventType);
    if (entry.contentKey !== undefined)
      this.#contents.note(entry, type?.deletion === true, ring.head);
    if (tombstones.hides(entry)) entry.hidden = true;
    const seq = ring.push(entry);
    const broadcast = broadcastOf(this.#state, entry, seq);
    if (broadcast !== undefined) {
      broadcasts.push(broadcast);
      for (const interest of this.#interests) {
        if (interest.reads(broadcast)) this.#flusher.wake(interest);
      }
      return;
    }
    index.match(entry.terms, (interest, tags) => {
      interest.post(seq, tags, entry.cancels);
      this.#flusher.wake(interest);
    });
    entry.settle();
  }

  taken(): void {
    const { ring } = this.#state;
    // What was not offered to everyone stays, whatever its size: the reader waits for it.
    const tail = Math.min(ring.overflow(), this.#flusher.flushedSeq);
    if (tail > ring.tail) this.#evict(tail);
    this.#flusher.advance();
    for (const wake of this.#moreWaiters.splice(0)) wake();
  }

  async roomInRing(): Promise<void> {
    while (!this.#stopped && this.#state.ring.isHalfAhead(this.#flusher.flushedSeq)) {
      await turn();
      await this.#flusher.idle();
    }
  }

  async flushed(): Promise<void> {
    await this.#flusher.idle();
  }

  overtaken(): void {
    this.#overtaken();
  }

  /** Resolves when the ring's head moved, or soon. */
  async more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#moreWaiters.push(resolve);
    const timer = setTimeout(resolve, MORE_TIMEOUT_MS);
    await promise;
    clearTimeout(timer);
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of this.#moreWaiters.splice(0)) wake();
  }

  #evict(tail: number): void {
    const { ring } = this.#state;
    this.#flusher.beforeEviction(tail);
    for (let seq = ring.tail; seq < tail; seq++) {
      const entry = ring.get(seq);
      if (entry !== undefined) this.#contents.forget(entry, seq);
    }
    ring.evict(tail);
    this.#interests.trimSome();
    const { broadcasts } = this.#state;
    if ((broadcasts[BROADCASTS_MAX]?.seq ?? tail) >= tail) return;
    broadcasts.splice(0, firstFrom(broadcasts, tail) - BROADCASTS_MAX / 2);
  }
}
