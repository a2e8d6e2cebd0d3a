/** Sets of tags that are remembered, at most: some megabytes. */
const SETS_MAX = 10_000;

/** Tags of the rules that an event matched: lists of them while they are found, then sets. */
export class TagSets {
  readonly #tags: string[] = [];
  readonly #rest: number[] = [];
  /** Those of one tag, by the tag: most are. */
  readonly #singles = new Map<string, readonly string[]>();
  readonly #sets = new Map<string, readonly string[]>();

  /** A list of a tag and the tags of another list, which is 0 where there are none. */
  push(tag: string, rest: number): number {
    this.#tags.push(tag);
    this.#rest.push(rest);
    return this.#tags.length;
  }

  /** Forgets all lists. */
  clear(): void {
    this.#tags.length = 0;
    this.#rest.length = 0;
  }

  /** The sorted tags of a list, the same array for the same tags, for frames are cached under it. */
  of(list: number): readonly string[] | undefined {
    if (list === 0) return undefined;
    const rest = this.#rest[list - 1] ?? 0;
    const first = this.#tags[list - 1] ?? "";
    if (rest === 0) return this.#single(first);
    const tags = new Set<string>();
    for (let at = list; at !== 0; at = this.#rest[at - 1] ?? 0) tags.add(this.#tags[at - 1] ?? "");
    const sorted = [...tags].sort();
    return this.#set(JSON.stringify(sorted), sorted);
  }

  #single(tag: string): readonly string[] {
    const known = this.#singles.get(tag);
    if (known !== undefined) return known;
    if (this.#singles.size >= SETS_MAX) this.#singles.clear();
    const tags = this.#set(JSON.stringify([tag]), [tag]);
    this.#singles.set(tag, tags);
    return tags;
  }

  #set(key: string, tags: readonly string[]): readonly string[] {
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    if (this.#sets.size >= SETS_MAX) this.#sets.clear();
    this.#sets.set(key, tags);
    return tags;
  }
}
