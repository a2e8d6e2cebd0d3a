import type { NewRecord } from "../log.ts";
import { chunkTimeMs, encodeChunk, readChunk } from "./chunk.ts";
import { type ChunkKey, EMPTY_PARTITION, type Store, type StoredTopic } from "./store.ts";

/** Chunks that one transaction deletes at the most: writers wait for no longer than that. */
const CHUNKS_PER_STEP = 200;

/**
 * Deletes what a topic need not keep, some chunks a transaction. The floor moves in the same
 * transaction, so that no reader finds a hole above it.
 */
export async function retainTopic(store: Store, topic: StoredTopic, nowMs: number): Promise<void> {
  for (let partition = 0; partition < topic.partitions; partition++) {
    while (await store.database.write(() => dropOldest(store, topic, partition, nowMs))) {
      // Each turn of the loop is one bounded transaction.
    }
    if (topic.compacted === true) await compact(store, topic, partition);
  }
}

function dropOldest(store: Store, topic: StoredTopic, partition: number, nowMs: number): boolean {
  const key: [number, number] = [topic.number, partition];
  const state = store.partitions.get(key) ?? EMPTY_PARTITION;
  let { bytes } = state;
  let floor: number | undefined;
  let dropped = 0;
  const gone: ChunkKey[] = [];
  for (const { key: chunkKey, value } of store.chunks.getRange(rangeOf(topic.number, partition))) {
    const tooOld =
      topic.retentionMs !== undefined && chunkTimeMs(value) < nowMs - topic.retentionMs;
    const tooMuch = topic.retentionBytes !== undefined && bytes > topic.retentionBytes;
    if (dropped === CHUNKS_PER_STEP || !(tooOld || tooMuch)) {
      floor = chunkKey[2];
      break;
    }
    gone.push(chunkKey);
    bytes -= value.length;
    dropped += 1;
  }
  if (dropped === 0) return false;
  for (const chunkKey of gone) store.chunks.removeSync(chunkKey);
  store.partitions.putSync(key, { ...state, bytes, floor: floor ?? state.head });
  return dropped === CHUNKS_PER_STEP;
}

/** Keeps only the newest record of each key among those that compaction has not seen, and before. */
async function compact(store: Store, topic: StoredTopic, partition: number): Promise<void> {
  const key: [number, number] = [topic.number, partition];
  const state = store.partitions.get(key) ?? EMPTY_PARTITION;
  if (state.head - state.compactedTo < 1000) return;
  const newest = new Map<string, number>();
  for (const { key: chunkKey, value } of store.chunks.getRange(rangeOf(topic.number, partition))) {
    readChunk(value, chunkKey[2], 0, (record) => {
      if (record.key !== null) newest.set(record.key, record.offset);
      return true;
    });
  }
  const keys = [...store.chunks.getKeys(rangeOf(topic.number, partition))];
  for (const chunkKey of keys) {
    await store.database.write(() => thin(store, chunkKey, newest, key));
  }
  await store.database.write(() => {
    const now = store.partitions.get(key) ?? EMPTY_PARTITION;
    store.partitions.putSync(key, { ...now, compactedTo: state.head });
  });
}

function thin(
  store: Store,
  chunkKey: ChunkKey,
  newest: ReadonlyMap<string, number>,
  key: [number, number],
): void {
  const chunk = store.chunks.get(chunkKey);
  if (chunk === undefined) return;
  const kept: NewRecord[] = [];
  const deltas: number[] = [];
  let count = 0;
  readChunk(chunk, chunkKey[2], 0, (record) => {
    count += 1;
    if (record.key === null || (newest.get(record.key) ?? record.offset) <= record.offset) {
      kept.push(record);
      deltas.push(record.offset - chunkKey[2]);
    }
    return true;
  });
  if (kept.length === count) return;
  const state = store.partitions.get(key) ?? EMPTY_PARTITION;
  const thinned = kept.length === 0 ? undefined : encodeChunk(chunkTimeMs(chunk), kept, deltas);
  if (thinned === undefined) store.chunks.removeSync(chunkKey);
  else store.chunks.putSync(chunkKey, thinned);
  store.partitions.putSync(key, {
    ...state,
    bytes: state.bytes - chunk.length + (thinned?.length ?? 0),
  });
}

/** The chunks of one partition, oldest first. */
export function rangeOf(topic: number, partition: number): { start: ChunkKey; end: ChunkKey } {
  return { start: [topic, partition, 0], end: [topic, partition, Number.MAX_SAFE_INTEGER] };
}
