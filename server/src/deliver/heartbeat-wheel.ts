import { performance } from "node:perf_hooks";
import type { Subscriber } from "./subscriber.ts";

/**
 * Turns of the wheel that a client's slot comes up in, in one heartbeat interval. Of a hundred thousand clients
 * hardly one is in a cache of the processor when it is looked at.
 */
const TURNS_PER_INTERVAL = 2;
/** They end this much before the interval does, for no timer is in time. */
const PUNCTUALITY = 0.96;
const SLOTS_MAX = 50;
const SLOT_MS_MIN = 10;

/**
 * Looks at every client twice in a heartbeat interval, a slot of them at a time, so that a
 * hundred thousand do not get their heartbeats in the same turn of the event loop. Its turns keep to the clock,
 * however late the timer is.
 */
export class HeartbeatWheel {
  /** From one look at a client to the next, in milliseconds. */
  readonly turnMs: number;
  readonly #slots: Set<Subscriber>[];
  /** Runs while there are clients. */
  #timer: NodeJS.Timeout | undefined;
  readonly #slotMs: number;
  readonly #tick: (subscribers: ReadonlySet<Subscriber>) => void;
  readonly #now: () => number;
  readonly #startMs: number;
  #next = 0;
  #clients = 0;
  /** Slots that have come up since the start. */
  #passed = 0;

  /**
   * @param tick told the clients of one slot; they may be removed meanwhile
   * @param now milliseconds of a clock that is never set
   */
  constructor(
    intervalMs: number,
    tick: (subscribers: ReadonlySet<Subscriber>) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#tick = tick;
    this.#now = now;
    const turnMs = (intervalMs * PUNCTUALITY) / TURNS_PER_INTERVAL;
    const slots = Math.max(1, Math.min(SLOTS_MAX, Math.floor(turnMs / SLOT_MS_MIN)));
    this.#slots = Array.from({ length: slots }, () => new Set());
    this.#slotMs = Math.max(SLOT_MS_MIN, turnMs / slots);
    this.turnMs = this.#slotMs * slots;
    this.#startMs = now();
  }

  /** Every slot that is due comes up, each once however late it is. */
  #turn(): void {
    const slots = this.#slots.length;
    const due = Math.floor((this.#now() - this.#startMs) / this.#slotMs);
    this.#passed = Math.max(this.#passed, due - slots);
    while (this.#passed < due) {
      this.#passed += 1;
      this.#tick(this.#slots[this.#passed % slots] as Set<Subscriber>);
    }
  }

  add(subscriber: Subscriber): void {
    this.#next = (this.#next + 1) % this.#slots.length;
    subscriber.wheelSlot = this.#next;
    this.#slots[this.#next]?.add(subscriber);
    this.#clients += 1;
    this.#timer ??= setInterval(() => this.#turn(), this.#slotMs).unref();
  }

  remove(subscriber: Subscriber): void {
    if (this.#slots[subscriber.wheelSlot]?.delete(subscriber) !== true) return;
    this.#clients -= 1;
    if (this.#clients === 0) this.stop();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
