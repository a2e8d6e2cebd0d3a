import type { PenstockEvent } from "@penstock-dev/contract/event.ts";

/**
 * Keeps the ids of what holds, so that an undo or a deletion reaches the application exactly when it
 * was given what they take back.
 */
export class Fold {
  readonly #idsMax: number;
  /** The partition of each id that holds, oldest first. */
  readonly #held = new Map<string, string>();

  /** @param idsMax the oldest are forgotten beyond so many */
  constructor(idsMax = 100_000) {
    this.#idsMax = idsMax;
  }

  /** Whether the application should be given an event. */
  takes(event: PenstockEvent): boolean {
    const partition = event.position.split(":")[0] ?? "";
    if (event.removed === true || event.event_type === "delete") {
      // Only who could write the event can take it back: the partition is that of the key.
      return this.#held.get(event.id) === partition && this.#held.delete(event.id);
    }
    this.#held.delete(event.id);
    this.#held.set(event.id, partition);
    if (this.#held.size > this.#idsMax) {
      for (const oldest of this.#held.keys()) {
        this.#held.delete(oldest);
        break;
      }
    }
    return true;
  }

  /** Forgets what came from some partitions; answers the ids. */
  drop(partitions: readonly string[]): string[] {
    const dropped = [...this.#held]
      .filter(([, partition]) => partitions.includes(partition))
      .map(([id]) => id);
    for (const id of dropped) this.#held.delete(id);
    return dropped;
  }

  clear(): void {
    this.#held.clear();
  }
}
