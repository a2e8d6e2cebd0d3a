import { compareSources, PenstockError, type Source } from "@penstock-dev/contract";
import type { Log, ReadResult } from "../log/index.ts";
import { type Stream, sourceOf } from "../streams/index.ts";
import { SOURCE_LOOKBACK_RECORDS } from "./record-decoder.ts";

/** What reaches further back than the log: the archive, met by the log's own read interface. */
export interface History {
  floors(topic: string): Promise<readonly number[]>;
  read: Log["read"];
  /** Among what it holds, the first offset whose record was taken at or after a time. */
  offsetAt: Log["offsetAt"];
}

/** One topic, read from the archive up to where the log begins, then from the log. */
export class ReadableLog {
  readonly #log: Log;
  readonly #history: History | undefined;
  readonly stream: Stream;
  readonly topic: string;

  constructor(log: Log, history: History | undefined, stream: Stream, topic: string) {
    this.#log = log;
    this.#history = history;
    this.stream = stream;
    this.topic = topic;
  }

  async floors(): Promise<readonly number[]> {
    const floors = await this.#log.floors(this.topic);
    const older = await this.#history?.floors(this.topic);
    return older === undefined
      ? floors
      : floors.map((floor, partition) => Math.min(floor, older[partition] ?? floor));
  }

  async read(
    partition: number,
    from: number,
    limits: { readonly recordsMax: number; readonly bytesMax: number },
  ): Promise<ReadResult> {
    try {
      return await this.#log.read(this.topic, partition, from, limits);
    } catch (caught) {
      const error = PenstockError.from(caught);
      if (error.code !== "cursor_too_old" || this.#history === undefined) throw caught;
      return await this.#history.read(this.topic, partition, from, limits);
    }
  }

  /** The first offset whose record was taken at or after a time; the head where none was. */
  async offsetAt(partition: number, timeMs: number): Promise<number> {
    const found = await this.#log.offsetAt(this.topic, partition, timeMs);
    const logFloor = (await this.#log.floors(this.topic))[partition] ?? 0;
    const floor = (await this.floors())[partition] ?? logFloor;
    if (found > logFloor || floor === logFloor || this.#history === undefined) return found;
    const older = await this.#history.offsetAt(this.topic, partition, timeMs);
    return Math.max(floor, Math.min(older, logFloor));
  }

  /** From when on nothing of a partition is missing, in milliseconds since the epoch. */
  async keptFromMs(partition: number, nowMs: number): Promise<number> {
    const floor = (await this.floors())[partition] ?? 0;
    if (floor === 0) return Number.NEGATIVE_INFINITY;
    const { records } = await this.read(partition, floor, { recordsMax: 1, bytesMax: 1 });
    const [oldest] = records;
    if (oldest !== undefined) return oldest.timestampMs;
    // Only age empties a partition: what is younger than that was never there.
    const { retentionMs } = await this.#log.describe(this.topic);
    return nowMs - (retentionMs ?? Number.POSITIVE_INFINITY);
  }

  /** The last source before an offset, found in the records before it; undefined where none is. */
  async sourceBefore(partition: number, offset: number): Promise<Source | undefined> {
    if (this.stream.domain?.process === undefined) return undefined;
    const floor = (await this.floors())[partition] ?? 0;
    let next = Math.max(floor, offset - SOURCE_LOOKBACK_RECORDS);
    let source: Source | undefined;
    while (next < offset) {
      const read = await this.read(partition, next, {
        recordsMax: offset - next,
        bytesMax: 8 * 1024 * 1024,
      });
      for (const record of read.records) {
        if (record.offset >= offset) break;
        const found = sourceOf(record);
        if (found !== undefined && (source === undefined || compareSources(found, source) > 0)) {
          source = found;
        }
      }
      if (read.next <= next) break;
      next = read.next;
    }
    return source;
  }
}
