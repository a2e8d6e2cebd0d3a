import {
  type Cursor,
  compareSources,
  encodeCursor,
  type OffsetMap,
  type PartitionCursor,
  type Source,
} from "@penstock-dev/contract";

/**
 * A place in a topic: by partition, the next offset to read and the last source before it. Places
 * are never changed once made, so that thousands of clients at the same place share one.
 */
export interface Place {
  readonly offsets: readonly number[];
  readonly sources: readonly (Source | undefined)[];
}

/** What a cursor says besides the place. */
export interface LogIdentity {
  readonly stream: string;
  readonly topic: string;
  readonly logId: string;
  readonly generation: number;
}

/** Whether every partition of `a` stands at or beyond that of `b`. */
export function covers(a: Place, b: Place): boolean {
  for (let partition = 0; partition < b.offsets.length; partition++) {
    if ((a.offsets[partition] ?? 0) < (b.offsets[partition] ?? 0)) return false;
  }
  return true;
}

export function samePlace(a: Place, b: Place): boolean {
  return covers(a, b) && covers(b, a);
}

/** Offsets between two places, partition by partition; those where `to` is behind count nothing. */
export function offsetsBetween(from: Place, to: Place): number {
  let count = 0;
  for (let partition = 0; partition < to.offsets.length; partition++) {
    count += Math.max(0, (to.offsets[partition] ?? 0) - (from.offsets[partition] ?? 0));
  }
  return count;
}

/** The later of two places in each partition. */
export function laterOf(a: Place, b: Place): Place {
  const offsets: number[] = [];
  const sources: (Source | undefined)[] = [];
  for (let partition = 0; partition < Math.max(a.offsets.length, b.offsets.length); partition++) {
    const left = a.offsets[partition] ?? 0;
    const right = b.offsets[partition] ?? 0;
    offsets.push(Math.max(left, right));
    sources.push(left >= right ? a.sources[partition] : b.sources[partition]);
  }
  return { offsets, sources };
}

/** The later of two sources, either of which may be missing. */
export function laterSource(a: Source | undefined, b: Source | undefined): Source | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return compareSources(a, b) >= 0 ? a : b;
}

/** The text of a cursor that stands at a place. */
export function cursorAt(place: Place, identity: LogIdentity): string {
  const partitions = new Map<number, PartitionCursor>();
  for (let partition = 0; partition < place.offsets.length; partition++) {
    const source = place.sources[partition];
    const offset = place.offsets[partition] ?? 0;
    partitions.set(partition, source === undefined ? { offset } : { offset, source });
  }
  return encodeCursor({ ...identity, partitions });
}

/** The place that a cursor stands at; a partition that it does not name is read from its floor. */
export function placeOf(cursor: Cursor, floors: readonly number[]): Place {
  return {
    offsets: floors.map((floor, partition) => cursor.partitions.get(partition)?.offset ?? floor),
    sources: floors.map((_, partition) => cursor.partitions.get(partition)?.source),
  };
}

/** A place's offsets as frames carry them. */
export function offsetMap(place: Place): OffsetMap {
  return Object.fromEntries(place.offsets.map((offset, partition) => [String(partition), offset]));
}
