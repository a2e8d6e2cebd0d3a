import type { GapFrame, SubscribedFrame } from "@penstock-dev/contract/frames.ts";

/** What waits for the application. */
export type Item<T> =
  | { readonly kind: "event"; readonly event: T }
  | { readonly kind: "cursor"; readonly cursor: string }
  | { readonly kind: "gap"; readonly gap: GapFrame; readonly dropped: readonly string[] }
  | {
      readonly kind: "filters";
      readonly subscribed: SubscribedFrame;
      readonly dropped: readonly string[];
    };

/** A second of a busy stream; a slower application gains nothing from more. */
const COUNT_MAX = 4000;
/** Events are mostly some hundred characters, but may be a million. */
const CHARACTERS_MAX = 16 * 1024 * 1024;

/** How much may wait. */
export interface ItemBounds {
  /** Items that are no cursors. */
  readonly countMax?: number | undefined;
  /** Characters of the frames that they came in. */
  readonly charactersMax?: number | undefined;
}

/**
 * What waits for the application, in the order of the stream. It takes whatever comes, and says how
 * full it is, so that whoever fills it can stop in time.
 */
export class ItemQueue<T> {
  readonly #countMax: number;
  readonly #charactersMax: number;
  #entries: { readonly item: Item<T>; readonly characters: number }[] = [];
  #taken = 0;
  #count = 0;
  #characters = 0;

  constructor({ countMax = COUNT_MAX, charactersMax = CHARACTERS_MAX }: ItemBounds = {}) {
    this.#countMax = Math.max(1, countMax);
    this.#charactersMax = charactersMax;
  }

  /**
   * Whether what waits comes to a share of a bound. Cursors do not count: each connection brings one,
   * whether or not events come.
   */
  fills(share: number): boolean {
    return this.#count >= this.#countMax * share || this.#characters >= this.#charactersMax * share;
  }

  /**
   * Puts an item behind the others; a cursor takes the place of one that is the last.
   *
   * @param characters of the frame that it came in
   */
  put(item: Item<T>, characters: number): void {
    const last = this.#entries.at(-1);
    if (item.kind === "cursor" && last?.item.kind === "cursor") {
      this.#entries.pop();
      this.#characters -= last.characters;
    }
    this.#entries.push({ item, characters });
    this.#characters += characters;
    if (item.kind !== "cursor") this.#count += 1;
  }

  /** The oldest item, or undefined where none waits. */
  take(): Item<T> | undefined {
    const entry = this.#entries[this.#taken];
    if (entry === undefined) return undefined;
    this.#taken += 1;
    this.#characters -= entry.characters;
    if (entry.item.kind !== "cursor") this.#count -= 1;
    // Moving what is left costs its length, so it waits until half of the list is done.
    if (this.#taken * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#taken);
      this.#taken = 0;
    }
    return entry.item;
  }

  clear(): void {
    this.#entries = [];
    this.#taken = 0;
    this.#count = 0;
    this.#characters = 0;
  }
}
