import { performance } from "node:perf_hooks";
import type { Lane } from "./lane.ts";

/** Lanes that become due within this time of each other are woken together. */
const TICK_MS = 10;

/**
 * Lanes that their rate holds back, by when each may go on, on a clock that is never set: one timer for
 * all of them.
 */
export class PacedLanes {
  readonly #now: () => number;
  readonly #wake: (lane: Lane) => void;
  readonly #due = new Map<number, Set<Lane>>();
  #timer: NodeJS.Timeout | undefined;
  #timerTick = Number.POSITIVE_INFINITY;

  constructor(now: () => number, wake: (lane: Lane) => void) {
    this.#now = now;
    this.#wake = wake;
  }

  /** Wakes a lane at a time, in the clock's milliseconds, or some milliseconds later. */
  wakeAt(lane: Lane, atMs: number): void {
    const dueMs = performance.now() + Math.max(0, atMs - this.#now());
    const tick = Math.ceil(dueMs / TICK_MS);
    const lanes = this.#due.get(tick);
    if (lanes !== undefined) {
      lanes.add(lane);
      return;
    }
    this.#due.set(tick, new Set([lane]));
    if (tick < this.#timerTick) this.#arm(tick);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#due.clear();
  }

  #arm(tick: number): void {
    clearTimeout(this.#timer);
    this.#timerTick = tick;
    const delayMs = Math.max(1, tick * TICK_MS - performance.now());
    this.#timer = setTimeout(() => this.#fire(), delayMs);
  }

  #fire(): void {
    const nowTick = Math.floor(performance.now() / TICK_MS);
    let next = Number.POSITIVE_INFINITY;
    const due: Set<Lane>[] = [];
    for (const [tick, lanes] of this.#due) {
      // A timer may fire a millisecond early, and its own tick is due all the same.
      if (tick > nowTick && tick !== this.#timerTick) {
        next = Math.min(next, tick);
        continue;
      }
      this.#due.delete(tick);
      due.push(lanes);
    }
    this.#timerTick = Number.POSITIVE_INFINITY;
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
    for (const lanes of due) for (const lane of lanes) this.#wake(lane);
  }
}
