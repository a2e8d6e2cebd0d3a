import { parsePosition } from "@penstock-dev/contract/event.ts";

/** Passes over what is not beyond the last position seen in its partition: what a reconnect repeats. */
export class Deduplication {
  readonly #last = new Map<number, number>();

  /** Whether an event at a position is new; it counts as seen from then on. */
  isNew(position: string): boolean {
    const parsed = parsePosition(position);
    if (parsed === undefined) return true;
    const last = this.#last.get(parsed.partition);
    if (last !== undefined && parsed.offset <= last) return false;
    this.#last.set(parsed.partition, parsed.offset);
    return true;
  }
}
