import type { PenstockEvent } from "@penstock-dev/contract/event.ts";

/**
 * Keeps the ids of what holds, so that an undo or a deletion reaches the application exactly when it
 * was given what they take back. Where it cannot know (the application brought something from before,
 * or more holds than is kept) it gives one too many rather than one too few.
 */
export class Fold {
  readonly #idsMax: number;
  /** The partition of each id that holds, oldest first. */
  readonly #held = new Map<string, string>();
  #isComplete: boolean;

  /**
   * @param isComplete whether the application begins with nothing
   * @param idsMax the oldest are forgotten beyond so many
   */
  constructor(isComplete = true, idsMax = 100_000) {
    this.#isComplete = isComplete;
    this.#idsMax = idsMax;
  }

  /** Whether the application should be given an event. */
  takes(event: PenstockEvent): boolean {
    const partition = event.position.split(":")[0] ?? "";
    const held = this.#held.get(event.id);
    if (event.removed === true || event.event_type === "delete") {
      if (held === undefined) return !this.#isComplete;
      // Only who could write the event can take it back: the partition is that of the key.
      return held === partition && this.#held.delete(event.id);
    }
    this.#held.delete(event.id);
    this.#held.set(event.id, partition);
    if (this.#held.size > this.#idsMax) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    const [oldest] = this.#held.keys();
    if (oldest !== undefined) this.#held.delete(oldest);
    this.#isComplete = false;
  }

  /** Forgets what came from some partitions; answers the ids. */
  drop(partitions: readonly string[]): string[] {
    const dropped = [...this.#held]
      .filter(([, partition]) => partitions.includes(partition))
      .map(([id]) => id);
    for (const id of dropped) this.#held.delete(id);
    return dropped;
  }

  /** Forgets all, since the application does; answers the ids. */
  clear(): string[] {
    const dropped = [...this.#held.keys()];
    this.#held.clear();
    this.#isComplete = true;
    return dropped;
  }
}
