/** Shards of a table: a map of some ten thousand grows without a pause that anyone would see. */
const SHARDS = 64;

/** What stands under a term: one, or several. */
type Bucket<T> = { readonly term: string; one: T | undefined; several: Set<T> | undefined };

/** Terms with what stands under each; most have one thing, some have a hundred thousand. */
export class TermTable<T> {
  readonly #shards: Map<string, Bucket<T>>[] = Array.from({ length: SHARDS }, () => new Map());
  readonly #hash: (term: string) => string;
  /** Terms by their hashes: made when a deletion first asks, and kept from then on. */
  #byHash: Map<string, string>[] | undefined;
  #size = 0;

  constructor(hash: (term: string) => string) {
    this.#hash = hash;
  }

  /** Terms under which something stands. */
  get size(): number {
    return this.#size;
  }

  add(term: string, item: T): void {
    const shard = this.#shards[shardOf(term)] as Map<string, Bucket<T>>;
    const bucket = shard.get(term);
    if (bucket === undefined) {
      shard.set(term, { term, one: item, several: undefined });
      this.#size += 1;
      if (this.#byHash !== undefined) this.#noteHash(term);
    } else if (bucket.several !== undefined) {
      bucket.several.add(item);
    } else if (bucket.one !== item) {
      bucket.several = new Set([bucket.one as T, item]);
      bucket.one = undefined;
    }
  }

  delete(term: string, item: T): void {
    const shard = this.#shards[shardOf(term)] as Map<string, Bucket<T>>;
    const bucket = shard.get(term);
    if (bucket === undefined) return;
    bucket.several?.delete(item);
    if (bucket.one === item) bucket.one = undefined;
    if (bucket.one !== undefined || (bucket.several !== undefined && bucket.several.size > 0))
      return;
    shard.delete(term);
    this.#size -= 1;
    const hash = this.#byHash === undefined ? undefined : this.#hash(term);
    if (hash !== undefined) this.#byHash?.[shardOf(hash)]?.delete(hash);
  }

  visit(term: string, visit: (item: T) => void): void {
    const bucket = this.#shards[shardOf(term)]?.get(term);
    if (bucket?.one !== undefined) visit(bucket.one);
    else if (bucket?.several !== undefined) for (const item of bucket.several) visit(item);
  }

  count(term: string): number {
    const bucket = this.#shards[shardOf(term)]?.get(term);
    return bucket === undefined ? 0 : (bucket.several?.size ?? 1);
  }

  /** The term that a hash stands for, where it is in the table. */
  termOf(hash: string): string | undefined {
    if (this.#byHash === undefined) {
      this.#byHash = Array.from({ length: SHARDS }, () => new Map());
      for (const shard of this.#shards) for (const term of shard.keys()) this.#noteHash(term);
    }
    return this.#byHash[shardOf(hash)]?.get(hash);
  }

  #noteHash(term: string): void {
    const hash = this.#hash(term);
    this.#byHash?.[shardOf(hash)]?.set(hash, term);
  }
}

function shardOf(term: string): number {
  let hash = term.length;
  for (let at = Math.max(0, term.length - 8); at < term.length; at++) {
    hash = Math.imul(hash, 31) + term.charCodeAt(at);
  }
  return (hash ^ (hash >>> 7)) & (SHARDS - 1);
}
