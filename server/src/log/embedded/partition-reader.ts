import type { LogRecord, ReadResult } from "../log.ts";
import { chunkTimeMs, readChunk } from "./chunk.ts";
import type { ChunkKey, Store } from "./store.ts";

/** A partition as it is at one moment. */
export interface PartitionView {
  readonly number: number;
  readonly partition: number;
  readonly head: number;
  readonly floor: number;
}

/** Reads from an offset between floor and head on, within one turn and so from one snapshot. */
export function readRecords(
  store: Store,
  { number, partition, head }: PartitionView,
  from: number,
  limits: { readonly recordsMax: number; readonly bytesMax: number },
): ReadResult {
  const records: LogRecord[] = [];
  let bytes = 0;
  const start = chunkBefore(store, number, partition, from) ?? [number, partition, from];
  const end: ChunkKey = [number, partition, head];
  for (const { key, value } of store.chunks.getRange({ start, end })) {
    const whole = readChunk(value, key[2], from, (record) => {
      const fits =
        records.length < limits.recordsMax && (bytes < limits.bytesMax || records.length === 0);
      if (fits) records.push(record);
      bytes += record.value.length;
      return fits;
    });
    if (!whole) return { records, next: (records.at(-1)?.offset ?? from - 1) + 1 };
  }
  return { records, next: head };
}

/** The first offset at or after a time; the head where there is none. */
export function findOffset(store: Store, view: PartitionView, timeMs: number): number {
  const { number, partition, head, floor } = view;
  let low = floor;
  let high = head;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const key = chunkBefore(store, number, partition, middle);
    const chunk = key === undefined ? undefined : store.chunks.get(key);
    if (key !== undefined && chunk !== undefined && chunkTimeMs(chunk) >= timeMs)
      high = Math.max(low, Math.min(middle, key[2]));
    else low = middle + 1;
  }
  return low;
}

/** The key of the chunk that holds an offset, or of the last one before it. */
function chunkBefore(
  store: Store,
  number: number,
  partition: number,
  offset: number,
): ChunkKey | undefined {
  const range = {
    start: [number, partition, offset],
    end: [number, partition, -1],
    reverse: true,
    limit: 1,
  } as const;
  for (const key of store.chunks.getKeys(range as never)) return key;
  return undefined;
}
