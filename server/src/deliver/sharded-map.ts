/** Maps among which keys are spread: at two million keys, each has less than ten thousand. */
const SHARDS = 256;
/** Characters of a key that choose its map, at most. */
const SAMPLED = 256;

/**
 * A map of any size that never pauses: a JavaScript map is copied when it grows, for a million keys
 * in a hundred milliseconds; a map of some thousands in less than one.
 */
export class ShardedMap<V> {
  readonly #shards: (Map<string, V> | undefined)[] = new Array(SHARDS).fill(undefined);

  get size(): number {
    return this.#shards.reduce((sum, shard) => sum + (shard?.size ?? 0), 0);
  }

  /** Keys of the map that has most. */
  get largestShard(): number {
    return this.#shards.reduce((most, shard) => Math.max(most, shard?.size ?? 0), 0);
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }

  set(key: string, value: V): void {
    const number = shardOf(key);
    let shard = this.#shards[number];
    if (shard === undefined) {
      shard = new Map();
      this.#shards[number] = shard;
    }
    shard.set(key, value);
  }

  delete(key: string): boolean {
    return this.#shards[shardOf(key)]?.delete(key) ?? false;
  }

  /** All values; those that come or go meanwhile may be among them. */
  *values(): IterableIterator<V> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard.values();
  }
}

function shardOf(key: string): number {
  const step = Math.ceil(key.length / SAMPLED) || 1;
  let hash = key.length;
  for (let at = 0; at < key.length; at += step)
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) & (SHARDS - 1);
}
