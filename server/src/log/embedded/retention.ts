import type { NewRecord } from "../log.ts";
import { chunkTimeMs, encodeChunk, readChunk } from "./chunk.ts";
import { type ChunkKey, EMPTY_PARTITION, type Store, type StoredTopic } from "./store.ts";

/** What one transaction or one turn looks at, at the most: writers wait for no longer than that. */
const STEP = { chunks: 200, bytes: 8 * 1024 * 1024 };

/** Compaction begins when so many records came since the last one … */
const DIRTY_RECORDS_MIN = 1000;
/** … and when they are at least so large a part of what was left then: each reads all that is left. */
const DIRTY_PART = 0.5;
/** Keys that one compaction remembers: some 10 MB. What is beyond waits for the next. */
const KEYS_MAX = 100_000;

interface Chunk {
  readonly key: ChunkKey;
  readonly value: Buffer;
}

/**
 * Deletes what a topic need not keep, in bounded transactions. The floor moves in the same
 * transaction as what was below it goes, so that no reader finds a hole above it.
 */
export async function retainTopic(store: Store, topic: StoredTopic, nowMs: number): Promise<void> {
  for (let partition = 0; partition < topic.partitions; partition++) {
    while (
      mayDrop(store, topic, partition, nowMs) &&
      (await store.database.write(() => dropOldest(store, topic, partition, nowMs)))
    ) {
      // Each turn of the loop is one bounded transaction.
    }
    if (topic.compacted === true) await compact(store, topic, partition);
  }
}

/** Whether the oldest chunk may go: without a transaction that would hold up those who write. */
function mayDrop(store: Store, topic: StoredTopic, partition: number, nowMs: number): boolean {
  const { bytes } = stateOf(store, topic.number, partition);
  const range = { ...rangeOf(topic.number, partition), limit: 1 };
  for (const { value } of store.chunks.getRange(range)) return isDue(topic, value, bytes, nowMs);
  return false;
}

function isDue(topic: StoredTopic, chunk: Buffer, bytes: number, nowMs: number): boolean {
  const { retentionMs, retentionBytes } = topic;
  const isOld = retentionMs !== undefined && chunkTimeMs(chunk) < nowMs - retentionMs;
  return isOld || (retentionBytes !== undefined && bytes > retentionBytes);
}

/** @returns whether there may be more to drop */
function dropOldest(store: Store, topic: StoredTopic, partition: number, nowMs: number): boolean {
  const { number } = topic;
  const state = stateOf(store, number, partition);
  let { bytes } = state;
  let floor = state.head;
  let isWhole = true;
  const gone: ChunkKey[] = [];
  for (const { key, value } of store.chunks.getRange(rangeOf(number, partition))) {
    const isFull = gone.length === STEP.chunks || state.bytes - bytes >= STEP.bytes;
    if (isFull || !isDue(topic, value, bytes, nowMs)) {
      floor = key[2];
      isWhole = !isFull;
      break;
    }
    gone.push(key);
    bytes -= value.length;
  }
  if (gone.length === 0) return false;
  for (const key of gone) store.chunks.removeSync(key);
  store.partitions.putSync([number, partition], { ...state, bytes, floor });
  return !isWhole;
}

/**
 * Keeps of each key only the newest record: of the keys that came since the last compaction, as
 * many as are remembered at once. What came later still is left for the next.
 */
async function compact(store: Store, topic: StoredTopic, partition: number): Promise<void> {
  const { number } = topic;
  const state = stateOf(store, number, partition);
  const { head, floor, compactedTo, bytes } = state;
  const clean = state.compactedBytes ?? 0;
  if (head - compactedTo < DIRTY_RECORDS_MIN || bytes - clean < clean * DIRTY_PART) return;
  const newest = new Map<string, number>();
  let until = Math.max(compactedTo, floor);
  while (until < head && newest.size < KEYS_MAX) {
    const { chunks, next } = slice(store, number, partition, until, head);
    for (const { key, value } of chunks) {
      readChunk(value, key[2], 0, (record) => {
        if (record.key !== null) newest.set(record.key, record.offset);
        return true;
      });
    }
    until = next;
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let from = 0; from < until; )
    from = await store.database.write(() => thin(store, number, partition, from, until, newest));
  await store.database.write(() => {
    const now = stateOf(store, number, partition);
    const compacted = { compactedTo: until, compactedBytes: now.bytes };
    store.partitions.putSync([number, partition], { ...now, ...compacted });
  });
}

/** Drops from some chunks what a newer record of its key replaces. @returns where to go on */
function thin(
  store: Store,
  number: number,
  partition: number,
  from: number,
  until: number,
  newest: ReadonlyMap<string, number>,
): number {
  const { chunks, next } = slice(store, number, partition, from, until);
  let freed = 0;
  for (const { key, value } of chunks) {
    const thinned = without(value, key[2], newest);
    if (thinned === value) continue;
    freed += value.length - (thinned?.length ?? 0);
    if (thinned === undefined) store.chunks.removeSync(key);
    else store.chunks.putSync(key, thinned);
  }
  if (freed > 0) {
    const state = stateOf(store, number, partition);
    store.partitions.putSync([number, partition], { ...state, bytes: state.bytes - freed });
  }
  return next;
}

/** A chunk without the records that are replaced: itself where none is, undefined where all are. */
function without(
  chunk: Buffer,
  firstOffset: number,
  newest: ReadonlyMap<string, number>,
): Buffer | undefined {
  const kept: NewRecord[] = [];
  const deltas: number[] = [];
  let count = 0;
  readChunk(chunk, firstOffset, 0, (record) => {
    count += 1;
    if (record.key === null || (newest.get(record.key) ?? record.offset) <= record.offset) {
      kept.push(record);
      deltas.push(record.offset - firstOffset);
    }
    return true;
  });
  if (kept.length === count) return chunk;
  return kept.length === 0 ? undefined : encodeChunk(chunkTimeMs(chunk), kept, deltas);
}

/** Chunks that begin in `[from, until)`, as many as a step takes, and where the next step begins. */
function slice(
  store: Store,
  number: number,
  partition: number,
  from: number,
  until: number,
): { readonly chunks: readonly Chunk[]; readonly next: number } {
  const range = { ...rangeOf(number, partition, from, until), limit: STEP.chunks + 1 };
  const chunks: Chunk[] = [];
  let bytes = 0;
  for (const { key, value } of store.chunks.getRange(range)) {
    if (chunks.length === STEP.chunks || bytes >= STEP.bytes) return { chunks, next: key[2] };
    chunks.push({ key, value });
    bytes += value.length;
  }
  return { chunks, next: until };
}

function stateOf(store: Store, number: number, partition: number) {
  return store.partitions.get([number, partition]) ?? EMPTY_PARTITION;
}

/** The chunks of one partition that begin in `[from, until)`, oldest first. */
function rangeOf(
  number: number,
  partition: number,
  from = 0,
  until = Number.MAX_SAFE_INTEGER,
): { readonly start: ChunkKey; readonly end: ChunkKey } {
  return { start: [number, partition, from], end: [number, partition, until] };
}
