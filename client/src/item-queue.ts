/**
 * What waits for the application, first in, first out, with a count of its size, so that whoever
 * fills it can stop in time.
 */
export class ItemQueue<T> {
  #entries: { readonly item: T; readonly size: number }[] = [];
  #taken = 0;
  #size = 0;

  /** Items that wait. */
  get length(): number {
    return this.#entries.length - this.#taken;
  }

  /** The sizes of the items that wait, added up. */
  get size(): number {
    return this.#size;
  }

  /** The newest item that waits. */
  get last(): T | undefined {
    return this.length === 0 ? undefined : this.#entries.at(-1)?.item;
  }

  /** @param size of the item, in whatever unit the owner bounds */
  push(item: T, size: number): void {
    this.#entries.push({ item, size });
    this.#size += size;
  }

  /** Puts an item in the place of the newest one. */
  replaceLast(item: T, size: number): void {
    const entry = this.#entries.pop();
    this.#size -= entry?.size ?? 0;
    this.push(item, size);
  }

  /** The oldest item, or undefined where none waits. */
  take(): T | undefined {
    const entry = this.#entries[this.#taken];
    if (entry === undefined) return undefined;
    this.#taken += 1;
    this.#size -= entry.size;
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
    this.#size = 0;
  }
}
