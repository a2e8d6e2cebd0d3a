import type { Subscriber } from "./subscriber.ts";

/** Turns of the wheel that a client's slot comes up in, in one heartbeat interval. */
const TURNS_PER_INTERVAL = 3;
const SLOTS_MAX = 50;
const SLOT_MS_MIN = 10;

/**
 * Looks at every client three times in a heartbeat interval, a slot of them at a time, so that a
 * hundred thousand do not get their heartbeats in the same turn of the event loop.
 */
export class HeartbeatWheel {
  readonly #slots: Set<Subscriber>[];
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #turn = 0;

  /** @param tick told the clients of one slot; they may be removed meanwhile */
  constructor(intervalMs: number, tick: (subscribers: ReadonlySet<Subscriber>) => void) {
    const turnMs = intervalMs / TURNS_PER_INTERVAL;
    const slots = Math.max(1, Math.min(SLOTS_MAX, Math.floor(turnMs / SLOT_MS_MIN)));
    this.#slots = Array.from({ length: slots }, () => new Set());
    this.#timer = setInterval(
      () => {
        this.#turn = (this.#turn + 1) % slots;
        tick(this.#slots[this.#turn] as Set<Subscriber>);
      },
      Math.max(SLOT_MS_MIN, turnMs / slots),
    );
    this.#timer.unref();
  }

  add(subscriber: Subscriber): void {
    this.#next = (this.#next + 1) % this.#slots.length;
    subscriber.wheelSlot = this.#next;
    this.#slots[this.#next]?.add(subscriber);
  }

  remove(subscriber: Subscriber): void {
    this.#slots[subscriber.wheelSlot]?.delete(subscriber);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
