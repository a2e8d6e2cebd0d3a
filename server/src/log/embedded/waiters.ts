import type { OffsetVector } from "../log.ts";

interface Waiter {
  readonly positions: OffsetVector;
  readonly wake: () => void;
}

/**
 * Those who wait for records, by the number of the topic. Nobody has a timer of their own: whoever
 * knows that a head moved says so, and whoever looks now and then looks for all.
 */
export class Waiters {
  readonly #byTopic = new Map<number, Set<Waiter>>();
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** The topics that anybody waits for. */
  topics(): readonly number[] {
    return [...this.#byTopic.keys()];
  }

  isAwaited(topic: number): boolean {
    return this.#byTopic.has(topic);
  }

  /** Resolves when a head is told that is beyond a position, when all are woken, or on abort. */
  async wait(topic: number, positions: OffsetVector, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { positions, wake: resolve };
    const waiting = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, waiting.add(waiter));
    this.#count += 1;
    signal.addEventListener("abort", waiter.wake, { once: true });
    await promise;
    signal.removeEventListener("abort", waiter.wake);
    waiting.delete(waiter);
    this.#count -= 1;
    if (waiting.size === 0 && this.#byTopic.get(topic) === waiting) this.#byTopic.delete(topic);
  }

  /** Tells that a partition's head is there now. */
  moved(topic: number, partition: number, head: number): void {
    for (const { positions, wake } of this.#byTopic.get(topic) ?? [])
      if (head > (positions[partition] ?? 0)) wake();
  }

  wakeAll(): void {
    for (const waiting of this.#byTopic.values()) for (const { wake } of waiting) wake();
  }
}
