/** Slots that a segment begins with, and has at most; more are two segments. */
const FIRST_SLOTS = 16;
const SLOTS_MAX = 2048;
/** Segments of equal hashes are not halved for ever: from this depth on they grow instead. */
const DEPTH_MAX = 20;

/** A part of all hashes: those with the same first `depth` bits. */
interface Segment {
  /** Pairs of an id, 0 where the slot is free, and its hash. */
  slots: Int32Array;
  count: number;
  readonly depth: number;
}

/**
 * Ids by 32-bit hashes, in open addressing over typed arrays. It grows segment by segment
 * (extendible hashing; Fagin, Nievergelt, Pippenger, Strong, 1979), so that no id more takes longer
 * than the rehash of one segment: some tens of microseconds.
 */
export class SlotDirectory {
  #segments: Segment[] = [newSegment(FIRST_SLOTS, 0)];
  /** Bits of a hash that choose the segment. */
  #depth = 0;

  /** The slots in which a hash lies, if anywhere: from `startOf` on, up to a free one. */
  slotsOf(hash: number): Int32Array {
    return this.#segmentOf(hash).slots;
  }

  /** What stands in the first of the slots in which a hash may lie: an id, or 0. */
  firstOf(hash: number): number {
    const { slots } = this.#segmentOf(hash);
    return slots[startOf(slots, hash)] as number;
  }

  /** Adds an id that is not there. */
  add(hash: number, id: number): void {
    let segment = this.#segmentOf(hash);
    while ((segment.count + 1) * 8 > segment.slots.length * 3) {
      this.#grow(segment, hash);
      segment = this.#segmentOf(hash);
    }
    put(segment, hash, id);
  }

  /** Takes an id away that is there. */
  delete(hash: number, id: number): void {
    const segment = this.#segmentOf(hash);
    const { slots } = segment;
    const mask = slots.length - 1;
    let hole = startOf(slots, hash);
    while (slots[hole] !== id) hole = (hole + 2) & mask;
    // What was put behind the hole because it was taken moves up (Knuth, vol. 3, 6.4, algorithm R).
    for (let at = (hole + 2) & mask; slots[at] !== 0; at = (at + 2) & mask) {
      const home = startOf(slots, slots[at + 1] as number);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = slots[at] as number;
      slots[hole + 1] = slots[at + 1] as number;
      hole = at;
    }
    slots[hole] = 0;
    segment.count -= 1;
  }

  #segmentOf(hash: number): Segment {
    // A shift by 32 would be one by 0.
    const number = this.#depth === 0 ? 0 : hash >>> (32 - this.#depth);
    return this.#segments[number] as Segment;
  }

  #grow(segment: Segment, hash: number): void {
    const { slots, depth } = segment;
    if (slots.length < SLOTS_MAX * 2 || depth >= DEPTH_MAX) {
      segment.slots = new Int32Array(slots.length * 2);
      segment.count = 0;
      each(slots, (one, id) => put(segment, one, id));
      return;
    }
    if (depth === this.#depth) {
      this.#segments = this.#segments.flatMap((one) => [one, one]);
      this.#depth += 1;
    }
    const halves = [newSegment(SLOTS_MAX, depth + 1), newSegment(SLOTS_MAX, depth + 1)] as const;
    each(slots, (one, id) => put(halves[(one >>> (31 - depth)) & 1] as Segment, one, id));
    const width = 1 << (this.#depth - depth);
    const first = (hash >>> (32 - this.#depth)) & ~(width - 1);
    for (let at = 0; at < width; at++) {
      this.#segments[first + at] = halves[at < width / 2 ? 0 : 1];
    }
  }
}

/** Where in a segment's slots a hash begins to be looked for. */
export function startOf(slots: Int32Array, hash: number): number {
  return (hash << 1) & (slots.length - 1);
}

function newSegment(slots: number, depth: number): Segment {
  return { slots: new Int32Array(slots * 2), count: 0, depth };
}

function put(segment: Segment, hash: number, id: number): void {
  const { slots } = segment;
  const mask = slots.length - 1;
  let at = startOf(slots, hash);
  while (slots[at] !== 0) at = (at + 2) & mask;
  slots[at] = id;
  slots[at + 1] = hash;
  segment.count += 1;
}

function each(slots: Int32Array, visit: (hash: number, id: number) => void): void {
  for (let at = 0; at < slots.length; at += 2) {
    const id = slots[at] as number;
    if (id !== 0) visit(slots[at + 1] as number, id);
  }
}
