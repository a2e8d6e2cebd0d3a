import type { Source } from "@penstock-dev/contract";
import type { ReadableLog } from "./readable-log.ts";
import { type ReadRecord, RecordDecoder } from "./record-decoder.ts";

/** Offsets in a region: long enough that reading it pays, short enough that a turn decodes it. */
const REGION_OFFSETS = 256;

/** A decoded stretch of one partition. */
export interface Region {
  readonly from: number;
  /** Where the next region begins; an end that the log had not reached yet is not kept. */
  readonly next: number;
  readonly records: readonly ReadRecord[];
  readonly lastSource: Source | undefined;
}

/**
 * Decoded stretches of the log, bounded by bytes: what returning clients share, so that a hundred
 * thousand who come back after a restart decode the last ten seconds once.
 */
export class RegionCache {
  readonly #log: ReadableLog;
  readonly #bytesMax: number;
  readonly #regions = new Map<string, { readonly region: Promise<Region>; bytes: number }>();
  #bytes = 0;

  constructor(log: ReadableLog, bytesMax: number) {
    this.#log = log;
    this.#bytesMax = bytesMax;
  }

  /** The stretch that holds an offset; it may begin before it, and ends at `head` at the latest. */
  async at(partition: number, offset: number, head: number): Promise<Region> {
    const start = Math.floor(offset / REGION_OFFSETS) * REGION_OFFSETS;
    const key = `${partition}:${start}`;
    const known = this.#regions.get(key);
    if (known !== undefined) {
      this.#regions.delete(key);
      this.#regions.set(key, known);
      return await known.region;
    }
    const end = start + REGION_OFFSETS;
    if (head < end) return await this.#read(partition, start, head);
    const slot = { region: this.#read(partition, start, end), bytes: 0 };
    this.#regions.set(key, slot);
    try {
      const region = await slot.region;
      for (const { entry } of region.records) slot.bytes += entry?.sizeBytes ?? 100;
      this.#bytes += slot.bytes;
      this.#trim();
      return region;
    } catch (caught) {
      this.#regions.delete(key);
      throw caught;
    }
  }

  async #read(partition: number, start: number, end: number): Promise<Region> {
    const floor = (await this.#log.floors())[partition] ?? 0;
    const from = Math.max(start, floor);
    const before = await this.#log.sourceBefore(partition, from);
    const decoder = new RecordDecoder(this.#log.stream, partition, before);
    const records: ReadRecord[] = [];
    let next = from;
    while (next < end) {
      const read = await this.#log.read(partition, next, {
        recordsMax: end - next,
        bytesMax: 4 * 1024 * 1024,
      });
      for (const record of read.records) {
        if (record.offset < end) records.push(decoder.read(record));
      }
      if (read.next <= next) break;
      next = Math.min(end, read.next);
    }
    return { from, next, records, lastSource: decoder.lastSource };
  }

  #trim(): void {
    for (const [key, slot] of this.#regions) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#regions.delete(key);
      this.#bytes -= slot.bytes;
    }
  }
}
