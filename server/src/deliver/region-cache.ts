import type { Source } from "@penstock-dev/contract";
import type { ReadableLog } from "./readable-log.ts";
import { type ReadRecord, RecordDecoder } from "./record-decoder.ts";

/** Offsets in a region: long enough that reading it pays, short enough that a turn decodes it. */
const REGION_OFFSETS = 256;
const READ_BYTES_MAX = 4 * 1024 * 1024;

/** What a record takes in a region, about: as many regions as fit are remembered as read once. */
const RECORD_BYTES = 1024;

/** What the regions are read from. */
export type ReadsRegions = Pick<ReadableLog, "stream" | "floors" | "read" | "sourceBefore">;

/** A decoded stretch of one partition; the last one of the log grows with it. */
export interface Region {
  readonly from: number;
  /** Where it ends so far: the next region begins there, or what the log has not got yet. */
  readonly next: number;
  readonly records: readonly ReadRecord[];
}

class GrowingRegion implements Region {
  readonly start: number;
  readonly from: number;
  readonly records: ReadRecord[] = [];
  readonly decoder: RecordDecoder;
  /** Whether the cache holds it, and counts its bytes. */
  isKept = false;
  next: number;
  bytes = 0;
  /** One at a time extends it. */
  growing: Promise<void> = Promise.resolve();

  constructor(start: number, from: number, decoder: RecordDecoder) {
    this.start = start;
    this.from = from;
    this.next = from;
    this.decoder = decoder;
  }
}

interface Kept {
  readonly opened: Promise<GrowingRegion>;
  /** Once it is open. */
  region: GrowingRegion | undefined;
}

/**
 * Decoded stretches of the log, bounded by bytes: what returning clients share, so that a hundred
 * thousand who come back after a restart decode the last ten seconds once or twice.
 *
 * A stretch is kept when it is opened a second time while the cache could still hold it. A scan over
 * hours would fill the cache with what nobody asks for in time, and the heap with what V8 must move
 * and mark; what a scan leaves at once dies young, which costs nothing.
 */
export class RegionCache {
  readonly #log: ReadsRegions;
  readonly #bytesMax: number;
  readonly #readOnceMax: number;
  /** By partition and start, those used last at the end. */
  readonly #kept = new Map<string, Kept>();
  /** Those that were opened once, the oldest first. */
  readonly #readOnce = new Set<string>();
  #bytes = 0;

  constructor(log: ReadsRegions, bytesMax: number) {
    this.#log = log;
    this.#bytesMax = bytesMax;
    this.#readOnceMax = Math.ceil(bytesMax / (REGION_OFFSETS * RECORD_BYTES));
  }

  /** A way through the regions for one who reads on and on. */
  reader(): RegionReader {
    return new RegionReader(this);
  }

  /**
   * The region that begins at a start, with nothing in it so far where it is not kept.
   *
   * @param before the region that was read before it, perhaps
   */
  async open(
    partition: number,
    start: number,
    before: GrowingRegion | undefined,
  ): Promise<GrowingRegion> {
    const key = keyOf(partition, start);
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return await kept.opened;
    }
    const isKept = this.#readOnce.delete(key);
    const opened = this.#load(partition, start, before);
    if (!isKept) {
      this.#noteOnce(key);
      return await opened;
    }
    const keeping: Kept = { opened, region: undefined };
    this.#kept.set(key, keeping);
    try {
      keeping.region = await opened;
      keeping.region.isKept = this.#kept.get(key) === keeping;
      return keeping.region;
    } catch (caught) {
      this.drop(partition, start);
      throw caught;
    }
  }

  /** Holds a region no longer. */
  drop(partition: number, start: number): void {
    const key = keyOf(partition, start);
    const kept = this.#kept.get(key);
    if (kept !== undefined) this.#forget(key, kept);
  }

  /** Reads a region on, to `head` or to its end. */
  async grow(partition: number, region: GrowingRegion, head: number): Promise<void> {
    const end = Math.min(head, region.start + REGION_OFFSETS);
    if (region.next >= end) return;
    // What follows a failure is told of its own.
    region.growing = region.growing
      .catch(() => undefined)
      .then(() => this.#read(partition, region, end));
    await region.growing;
    if (region.isKept) this.#trim(keyOf(partition, region.start));
  }

  #noteOnce(key: string): void {
    this.#readOnce.add(key);
    if (this.#readOnce.size <= this.#readOnceMax) return;
    for (const oldest of this.#readOnce) {
      this.#readOnce.delete(oldest);
      return;
    }
  }

  async #load(
    partition: number,
    start: number,
    before: GrowingRegion | undefined,
  ): Promise<GrowingRegion> {
    const floor = (await this.#log.floors())[partition] ?? 0;
    const from = Math.max(start, floor);
    const source = await this.#sourceBefore(partition, from, before);
    const decoder = new RecordDecoder(this.#log.stream, partition, source);
    return new GrowingRegion(start, from, decoder);
  }

  /** What the region before has seen, where it was read to its end; else what the log says. */
  async #sourceBefore(
    partition: number,
    from: number,
    read: GrowingRegion | undefined,
  ): Promise<Source | undefined> {
    if (read?.next === from) return read.decoder.lastSource;
    const before = await this.#kept.get(keyOf(partition, from - REGION_OFFSETS))?.opened;
    if (before?.next === from) return before.decoder.lastSource;
    return await this.#log.sourceBefore(partition, from);
  }

  async #read(partition: number, region: GrowingRegion, end: number): Promise<void> {
    while (region.next < end) {
      const limits = { recordsMax: end - region.next, bytesMax: READ_BYTES_MAX };
      const read = await this.#log.read(partition, region.next, limits);
      let bytes = 0;
      for (const record of read.records) {
        if (record.offset >= end) continue;
        const decoded = region.decoder.read(record);
        region.records.push(decoded);
        bytes += decoded.entry?.sizeBytes ?? 100;
      }
      region.bytes += bytes;
      if (region.isKept) this.#bytes += bytes;
      if (read.next <= region.next) return;
      region.next = Math.min(end, read.next);
    }
  }

  #forget(key: string, { region }: Kept): void {
    this.#kept.delete(key);
    if (region === undefined) return;
    region.isKept = false;
    this.#bytes -= region.bytes;
  }

  /** @param used the region that is being used, which stays */
  #trim(used: string): void {
    for (const [key, kept] of this.#kept) {
      if (this.#bytes <= this.#bytesMax || key === used) return;
      this.#forget(key, kept);
    }
  }
}

/** The regions in which one scan stands: one of each partition. */
export class RegionReader {
  readonly #cache: RegionCache;
  readonly #current: (GrowingRegion | undefined)[] = [];

  constructor(cache: RegionCache) {
    this.#cache = cache;
  }

  /** The stretch that holds an offset; it may begin before it, and reaches `head` if that is in it. */
  async at(partition: number, offset: number, head: number): Promise<Region> {
    const start = Math.floor(offset / REGION_OFFSETS) * REGION_OFFSETS;
    let region = this.#current[partition];
    if (region?.start !== start) {
      region = await this.#cache.open(partition, start, region);
      this.#current[partition] = region;
    }
    try {
      await this.#cache.grow(partition, region, head);
    } catch (caught) {
      // The log may begin behind where it stands now: whoever asks again begins anew.
      this.#current[partition] = undefined;
      this.#cache.drop(partition, start);
      throw caught;
    }
    return region;
  }
}

function keyOf(partition: number, start: number): string {
  return `${partition}:${start}`;
}
