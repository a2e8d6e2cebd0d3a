import type { Subscriber } from "./subscriber.ts";

/** Turns of the wheel in one heartbeat interval; a client is looked at every second slot's turn. */
const SLOTS = 5;

/**
 * Looks at every client several times in a heartbeat interval, a slot of them at a time, so that a
 * hundred thousand do not get their heartbeats in the same turn.
 */
export class HeartbeatWheel {
  readonly #slots: Set<Subscriber>[] = Array.from({ length: SLOTS }, () => new Set());
  readonly #slotOf = new Map<Subscriber, number>();
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #turn = 0;

  constructor(intervalMs: number, tick: (subscribers: Iterable<Subscriber>) => void) {
    // Each slot comes up three times an interval: silence ends within it.
    this.#timer = setInterval(
      () => {
        this.#turn = (this.#turn + 1) % SLOTS;
        tick([...(this.#slots[this.#turn] ?? [])]);
      },
      Math.max(10, intervalMs / (3 * SLOTS)),
    );
    this.#timer.unref();
  }

  add(subscriber: Subscriber): void {
    this.#next = (this.#next + 1) % SLOTS;
    this.#slots[this.#next]?.add(subscriber);
    this.#slotOf.set(subscriber, this.#next);
  }

  remove(subscriber: Subscriber): void {
    const slot = this.#slotOf.get(subscriber);
    if (slot === undefined) return;
    this.#slots[slot]?.delete(subscriber);
    this.#slotOf.delete(subscriber);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
