/**
 * What waits for the application, first in, first out, with its number and its size, so that whoever
 * fills it can stop in time.
 */
export class ItemQueue<T> {
  readonly #counts: (item: T) => boolean;
  #entries: { readonly item: T; readonly size: number }[] = [];
  #taken = 0;
  #count = 0;
  #size = 0;

  /** @param counts whether an item is one of `count` */
  constructor(counts: (item: T) => boolean) {
    this.#counts = counts;
  }

  /** Items that wait, of those that count. */
  get count(): number {
    return this.#count;
  }

  /** The sizes of the items that wait, added up. */
  get size(): number {
    return this.#size;
  }

  /** The newest item that waits. */
  get last(): T | undefined {
    return this.#entries.at(-1)?.item;
  }

  /** @param size of the item, in whatever unit the owner bounds */
  push(item: T, size: number): void {
    this.#entries.push({ item, size });
    this.#add(item, size, 1);
  }

  /** Puts an item in the place of the newest one. */
  replaceLast(item: T, size: number): void {
    const entry = this.#entries.pop();
    if (entry !== undefined) this.#add(entry.item, entry.size, -1);
    this.push(item, size);
  }

  /** The oldest item, or undefined where none waits. */
  take(): T | undefined {
    const entry = this.#entries[this.#taken];
    if (entry === undefined) return undefined;
    this.#taken += 1;
    this.#add(entry.item, entry.size, -1);
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
    this.#size = 0;
  }

  /** Counts an item in, or out. */
  #add(item: T, size: number, times: 1 | -1): void {
    this.#size += times * size;
    if (this.#counts(item)) this.#count += times;
  }
}
