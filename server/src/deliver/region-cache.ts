import type { Source } from "@penstock-dev/contract";
import type { ReadableLog } from "./readable-log.ts";
import { type ReadRecord, RecordDecoder } from "./record-decoder.ts";

/** Offsets in a region: long enough that reading it pays, short enough that a turn decodes it. */
const REGION_OFFSETS = 256;
const READ_BYTES_MAX = 4 * 1024 * 1024;

/** A decoded stretch of one partition; the last one of the log grows with it. */
export interface Region {
  readonly from: number;
  /** Where it ends so far: the next region begins there, or what the log has not got yet. */
  readonly next: number;
  readonly records: readonly ReadRecord[];
}

class GrowingRegion implements Region {
  readonly from: number;
  readonly records: ReadRecord[] = [];
  readonly decoder: RecordDecoder;
  next: number;
  bytes = 0;
  /** One at a time extends it. */
  growing: Promise<void> = Promise.resolve();

  constructor(from: number, decoder: RecordDecoder) {
    this.from = from;
    this.next = from;
    this.decoder = decoder;
  }
}

/**
 * Decoded stretches of the log, bounded by bytes: what returning clients share, so that a hundred
 * thousand who come back after a restart decode the last ten seconds once.
 */
export class RegionCache {
  readonly #log: ReadableLog;
  readonly #bytesMax: number;
  /** By partition and first offset, those used last at the end. */
  readonly #regions = new Map<string, Promise<GrowingRegion>>();
  #bytes = 0;

  constructor(log: ReadableLog, bytesMax: number) {
    this.#log = log;
    this.#bytesMax = bytesMax;
  }

  /** The stretch that holds an offset; it may begin before it, and reaches `head` if that is in it. */
  async at(partition: number, offset: number, head: number): Promise<Region> {
    const start = Math.floor(offset / REGION_OFFSETS) * REGION_OFFSETS;
    const key = keyOf(partition, start);
    const opened = this.#regions.get(key) ?? this.#open(partition, start);
    this.#regions.delete(key);
    this.#regions.set(key, opened);
    try {
      const region = await opened;
      const end = Math.min(head, start + REGION_OFFSETS);
      if (region.next < end) {
        region.growing = region.growing.then(() => this.#grow(partition, region, end));
        await region.growing;
        this.#trim(key);
      }
      return region;
    } catch (caught) {
      if (this.#regions.get(key) === opened) this.#forget(key, opened);
      throw caught;
    }
  }

  async #open(partition: number, start: number): Promise<GrowingRegion> {
    const floor = (await this.#log.floors())[partition] ?? 0;
    const from = Math.max(start, floor);
    const before = await this.#sourceBefore(partition, from, start);
    return new GrowingRegion(from, new RecordDecoder(this.#log.stream, partition, before));
  }

  /** What the region before has seen, where it is held to its end; else what the log says. */
  async #sourceBefore(partition: number, from: number, start: number): Promise<Source | undefined> {
    const before = await this.#regions.get(keyOf(partition, start - REGION_OFFSETS));
    if (before?.next === from) return before.decoder.lastSource;
    return await this.#log.sourceBefore(partition, from);
  }

  async #grow(partition: number, region: GrowingRegion, end: number): Promise<void> {
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
      this.#bytes += bytes;
      if (read.next <= region.next) return;
      region.next = Math.min(end, read.next);
    }
  }

  /** @param used the region that is being used, which stays */
  #trim(used: string): void {
    for (const [key, region] of this.#regions) {
      if (this.#bytes <= this.#bytesMax || key === used) return;
      this.#forget(key, region);
    }
  }

  #forget(key: string, opened: Promise<GrowingRegion>): void {
    this.#regions.delete(key);
    void opened.then(
      (region) => {
        this.#bytes -= region.bytes;
        region.bytes = 0;
      },
      () => undefined,
    );
  }
}

function keyOf(partition: number, start: number): string {
  return `${partition}:${start}`;
}
