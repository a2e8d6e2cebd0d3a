import type { EventTerms } from "../filter/index.ts";

/** An event of the recent window. */
export interface RecentEvent {
  readonly partition: number;
  readonly offset: number;
  readonly atMs: number;
  /** As it goes over the wire. */
  readonly body: string;
  readonly terms: EventTerms;
  readonly id: string;
  /** Deleted or undone since. */
  gone: boolean;
}

/** Dropped places that are kept before the list is cut. */
const SLACK = 1024;

/** The recent events of one partition, in the order of the log, which is that of their times. */
export class RecentPartition {
  #events: RecentEvent[] = [];
  #start = 0;
  #floor: number;

  /** @param floor the first offset that the window can have */
  constructor(floor: number) {
    this.#floor = floor;
  }

  /** Offsets before it have left the window, or were never in it. */
  get floor(): number {
    return this.#floor;
  }

  get size(): number {
    return this.#events.length - this.#start;
  }

  get oldest(): RecentEvent | undefined {
    return this.#events[this.#start];
  }

  push(event: RecentEvent): void {
    this.#events.push(event);
  }

  /** Lets go of the oldest. */
  shift(): void {
    const { oldest } = this;
    if (oldest === undefined) return;
    this.#floor = oldest.offset + 1;
    this.#start += 1;
    if (this.#start < SLACK || this.#start < this.#events.length / 2) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }

  /** Before an offset, newest first; within one turn. */
  *newestFirst(until: number): Generator<RecentEvent, void, undefined> {
    for (let at = this.#indexOf(until) - 1; at >= this.#start; at--)
      yield this.#events[at] as RecentEvent;
  }

  /** From an offset on, oldest first; within one turn. */
  *from(offset: number): Generator<RecentEvent, void, undefined> {
    for (let at = this.#indexOf(offset); at < this.#events.length; at++)
      yield this.#events[at] as RecentEvent;
  }

  /** Where the first event at or behind an offset stands. */
  #indexOf(offset: number): number {
    let low = this.#start;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle] as RecentEvent).offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
