/** Words of a slot: a reference, 0 where the slot is free, its hash, and two words of what it stands for. */
const REF = 0;
const HASH = 1;
const FIRST = 2;
const SECOND = 3;
const SLOT_BITS = 2;
const SLOT_WORDS = 1 << SLOT_BITS;
/** Slots that a table begins with, and that a segment has; more are two segments. */
const FIRST_SLOTS = 16;
const SEGMENT_SLOTS = 1024;
const SEGMENT_WORDS = SEGMENT_SLOTS * SLOT_WORDS;
/** Segments of a chunk, as a power of two: a chunk is made in some tens of microseconds. */
const CHUNK_BITS = 6;
const CHUNK_SEGMENTS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_SEGMENTS - 1;
/** A place is a number of a word, counted through all chunks. */
const PLACE_BITS = CHUNK_BITS + 12;
const PLACE_MASK = (1 << PLACE_BITS) - 1;
/** Slots are used up to this share: more would make the way to a free one long. */
const LOAD_MAX = 5 / 8;
/** Segments of equal hashes are not halved for ever: from this depth on they grow instead. */
const DEPTH_MAX = 20;

/** A reference is an id and these: what is asked of nearly every id is read without going to its row. */
export const LEADS = 1 << 30;
export const HAS_LONGER = 1 << 29;
const ID_MASK = HAS_LONGER - 1;

export function idOf(ref: number): number {
  return ref & ID_MASK;
}

/**
 * Ids by 32-bit hashes, in open addressing over typed arrays. What an id stands for lies beside it,
 * so that one line of memory says whether it is the one that is looked for. It grows segment by
 * segment (extendible hashing; Fagin, Nievergelt, Pippenger, Strong, 1979), so that no id more takes
 * longer than the rehash of one segment: some tens of microseconds.
 */
export class SlotDirectory {
  /** By the first bits of a hash, its segment: a number, or, negative, that of an array of its own. */
  #segments = new Int32Array([~0]);
  #depth = 0;
  readonly #chunks: Int32Array[] = [];
  readonly #apart: Int32Array[] = [new Int32Array(FIRST_SLOTS * SLOT_WORDS)];
  /** By segment; of one with an array of its own, by its complement. */
  readonly #counts: number[] = [];
  readonly #depths: number[] = [];
  readonly #countsApart: number[] = [0];
  readonly #depthsApart: number[] = [0];
  /** Where the id that was found last lies. */
  #slots: Int32Array = this.#apart[0] as Int32Array;
  #at = 0;

  /**
   * Where a hash is looked for, for `touch` and `findAt` until an id is added or deleted; negative
   * where only `find` finds it.
   */
  placeOf(hash: number): number {
    const segment = this.#segmentOf(hash);
    return segment < 0 ? -1 : segment * SEGMENT_WORDS + startOf(hash, SEGMENT_WORDS);
  }

  /** Reads a place that is not negative, for memory to bring it. */
  touch(place: number): number {
    return (this.#chunks[place >>> PLACE_BITS] as Int32Array)[place & PLACE_MASK] as number;
  }

  /** As `find`, from a place that is not negative. */
  findAt(place: number, hash: number, first: number, second: number): number {
    const slots = this.#chunks[place >>> PLACE_BITS] as Int32Array;
    const base = place & PLACE_MASK & ~(SEGMENT_WORDS - 1);
    for (let at = place & (SEGMENT_WORDS - 1); ; at = next(at, SEGMENT_WORDS)) {
      const slot = base + at;
      const ref = slots[slot] as number;
      if (ref === 0) return 0;
      if (slots[slot + HASH] !== hash) continue;
      if (slots[slot + FIRST] === first && slots[slot + SECOND] === second) return ref;
    }
  }

  /**
   * The reference of a hash and two words; 0 where there is none.
   *
   * @param after one that was found before: what is behind it is looked for
   */
  find(hash: number, first: number, second: number, after = 0): number {
    const segment = this.#segmentOf(hash);
    const slots = this.#slotsOf(segment);
    const base = baseOf(segment);
    const words = wordsOf(segment, slots);
    let passed = after === 0;
    for (let at = startOf(hash, words); ; at = next(at, words)) {
      const slot = base + at;
      const ref = slots[slot] as number;
      if (ref === 0) return 0;
      if (slots[slot + HASH] !== hash) continue;
      if (slots[slot + FIRST] !== first || slots[slot + SECOND] !== second) continue;
      if (passed) return ref;
      if (ref === after) passed = true;
    }
  }

  /** As `find`, whatever its words are: `firstWord` and `secondWord` then say them. */
  findAny(hash: number, after = 0): number {
    return this.#findBy(hash, after, false, 0);
  }

  /** As `findAny`, of those with a first word. */
  findFirst(hash: number, first: number, after: number): number {
    return this.#findBy(hash, after, true, first);
  }

  #findBy(hash: number, after: number, isChosen: boolean, first: number): number {
    let passed = after === 0;
    const segment = this.#segmentOf(hash);
    const slots = this.#slotsOf(segment);
    const base = baseOf(segment);
    const words = wordsOf(segment, slots);
    for (let at = startOf(hash, words); ; at = next(at, words)) {
      const slot = base + at;
      const ref = slots[slot] as number;
      if (ref === 0) return 0;
      if (slots[slot + HASH] !== hash) continue;
      if (isChosen && slots[slot + FIRST] !== first) continue;
      if (passed) {
        this.#slots = slots;
        this.#at = slot;
        return ref;
      }
      if (ref === after) passed = true;
    }
  }

  /** Finds an id that is there: `firstWord` and `secondWord` then say its words. */
  locate(hash: number, id: number): void {
    let ref = this.findAny(hash);
    while (ref !== 0 && idOf(ref) !== id) ref = this.findAny(hash, ref);
    if (ref === 0) throw new Error("a directory lost an id");
  }

  get firstWord(): number {
    return this.#slots[this.#at + FIRST] as number;
  }

  get secondWord(): number {
    return this.#slots[this.#at + SECOND] as number;
  }

  /** Adds an id that is not there. */
  add(hash: number, id: number, first: number, second: number): void {
    let segment = this.#segmentOf(hash);
    while (this.#isFull(segment)) {
      this.#grow(segment, hash);
      segment = this.#segmentOf(hash);
    }
    this.#put(segment, id, hash, first, second);
  }

  /** Sets or clears a flag of an id that is there. */
  flag(hash: number, id: number, flag: number, isSet: boolean): void {
    this.locate(hash, id);
    const ref = this.#slots[this.#at] as number;
    this.#slots[this.#at] = isSet ? ref | flag : ref & ~flag;
  }

  /** Takes an id away that is there. */
  delete(hash: number, id: number): void {
    this.locate(hash, id);
    const segment = this.#segmentOf(hash);
    const slots = this.#slots;
    const base = baseOf(segment);
    const words = wordsOf(segment, slots);
    let hole = this.#at - base;
    // What was put behind the hole because it was taken moves up (Knuth, vol. 3, 6.4, algorithm R).
    for (let at = next(hole, words); slots[base + at] !== 0; at = next(at, words)) {
      const home = startOf(slots[base + at + HASH] as number, words);
      if (((at - home) & (words - 1)) < ((at - hole) & (words - 1))) continue;
      slots.copyWithin(base + hole, base + at, base + at + SLOT_WORDS);
      hole = at;
    }
    slots[base + hole] = 0;
    this.#count(segment, -1);
  }

  #segmentOf(hash: number): number {
    // In two steps, for a shift by 32 would be one by 0.
    return this.#segments[(hash >>> 1) >>> (31 - this.#depth)] as number;
  }

  #slotsOf(segment: number): Int32Array {
    return (
      segment < 0 ? this.#apart[~segment] : this.#chunks[segment >>> CHUNK_BITS]
    ) as Int32Array;
  }

  #isFull(segment: number): boolean {
    const words = wordsOf(segment, this.#slotsOf(segment));
    const count = segment < 0 ? this.#countsApart[~segment] : this.#counts[segment];
    return ((count as number) + 1) * SLOT_WORDS > words * LOAD_MAX;
  }

  #count(segment: number, by: number): void {
    const counts = segment < 0 ? this.#countsApart : this.#counts;
    const number = segment < 0 ? ~segment : segment;
    counts[number] = (counts[number] as number) + by;
  }

  #put(segment: number, ref: number, hash: number, first: number, second: number): void {
    const slots = this.#slotsOf(segment);
    const base = baseOf(segment);
    const words = wordsOf(segment, slots);
    let at = startOf(hash, words);
    while (slots[base + at] !== 0) at = next(at, words);
    slots[base + at + REF] = ref;
    slots[base + at + HASH] = hash;
    slots[base + at + FIRST] = first;
    slots[base + at + SECOND] = second;
    this.#count(segment, 1);
  }

  /** Makes room in the segment of a hash. */
  #grow(segment: number, hash: number): void {
    const slots = this.#slotsOf(segment);
    const base = baseOf(segment);
    const words = wordsOf(segment, slots);
    const depth = (segment < 0 ? this.#depthsApart[~segment] : this.#depths[segment]) as number;
    const old = slots.slice(base, base + words);
    if (words < SEGMENT_WORDS || depth >= DEPTH_MAX) {
      const grown = this.#newApart(segment, words * 2, depth);
      if (grown !== segment) this.#name(hash, depth, grown, grown);
      this.#putAll(old, grown, grown, depth);
      return;
    }
    if (depth === this.#depth) {
      const doubled = new Int32Array(this.#segments.length * 2);
      for (let at = 0; at < doubled.length; at++) doubled[at] = this.#segments[at >>> 1] as number;
      this.#segments = doubled;
      this.#depth += 1;
    }
    const low = segment < 0 ? this.#newSegment(depth + 1) : this.#emptied(segment, depth + 1);
    if (segment < 0) this.#apart[~segment] = new Int32Array(0);
    const high = this.#newSegment(depth + 1);
    this.#name(hash, depth, low, high);
    this.#putAll(old, low, high, depth);
  }

  #putAll(old: Int32Array, low: number, high: number, depth: number): void {
    for (let at = 0; at < old.length; at += SLOT_WORDS) {
      const ref = old[at] as number;
      if (ref === 0) continue;
      const hash = old[at + HASH] as number;
      const segment = (hash >>> (31 - depth)) & 1 ? high : low;
      this.#put(segment, ref, hash, old[at + FIRST] as number, old[at + SECOND] as number);
    }
  }

  /** Says what the segments of the hashes are that had one with `hash`, of the given depth. */
  #name(hash: number, depth: number, low: number, high: number): void {
    const width = 1 << (this.#depth - depth);
    const from = ((hash >>> 1) >>> (31 - this.#depth)) & ~(width - 1);
    for (let at = 0; at < width; at++) this.#segments[from + at] = at < width / 2 ? low : high;
  }

  /** A wider array for a segment, which keeps its number if it had one before. */
  #newApart(segment: number, words: number, depth: number): number {
    const number = segment < 0 ? ~segment : this.#apart.length;
    this.#apart[number] = new Int32Array(words);
    this.#countsApart[number] = 0;
    this.#depthsApart[number] = depth;
    return ~number;
  }

  #newSegment(depth: number): number {
    const segment = this.#depths.length;
    if ((segment & CHUNK_MASK) === 0)
      this.#chunks.push(new Int32Array(CHUNK_SEGMENTS * SEGMENT_WORDS));
    this.#depths.push(depth);
    this.#counts.push(0);
    return segment;
  }

  #emptied(segment: number, depth: number): number {
    const base = baseOf(segment);
    this.#slotsOf(segment).fill(0, base, base + SEGMENT_WORDS);
    this.#depths[segment] = depth;
    this.#counts[segment] = 0;
    return segment;
  }
}

/** Where in its array a segment begins. */
function baseOf(segment: number): number {
  return segment < 0 ? 0 : (segment & CHUNK_MASK) * SEGMENT_WORDS;
}

function wordsOf(segment: number, slots: Int32Array): number {
  return segment < 0 ? slots.length : SEGMENT_WORDS;
}

/** Where in a segment a hash begins to be looked for. */
function startOf(hash: number, words: number): number {
  return (hash << SLOT_BITS) & (words - 1);
}

function next(at: number, words: number): number {
  return (at + SLOT_WORDS) & (words - 1);
}
