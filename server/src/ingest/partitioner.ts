const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/**
 * The 32-bit murmur2 hash of some bytes, signed, as Kafka's Java client computes it
 * (Austin Appleby's MurmurHash2; Kafka's seed).
 */
export function murmur2(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = bytes.length >>> 2;
  let hash = SEED ^ bytes.length;
  for (let word = 0; word < words; word++) {
    let k = Math.imul(view.getInt32(word * 4, true), M);
    k = Math.imul(k ^ (k >>> 24), M);
    hash = Math.imul(hash, M) ^ k;
  }
  const rest = words * 4;
  const left = bytes.length - rest;
  if (left === 3) hash ^= (bytes[rest + 2] ?? 0) << 16;
  if (left >= 2) hash ^= (bytes[rest + 1] ?? 0) << 8;
  if (left >= 1) hash = Math.imul(hash ^ (bytes[rest] ?? 0), M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

/** The partition of a key: the one that Kafka's Java producer would choose. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}
