import { PenstockError } from "@penstock-dev/contract";
import type { Filters } from "../filter/index.ts";
import type { Log, LogRecord, ReadResult } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import type { Stream } from "../streams/index.ts";
import type { ArchiveFiles } from "./archive-files.ts";
import type { ArchiveRows } from "./archive-rows.ts";
import { cursorAt, offsetsOfCursor } from "./cursor-offsets.ts";
import { Deadline } from "./deadline.ts";
import { readPage, recordOf } from "./history.ts";
import type { storeOptions } from "./options.ts";

/** What a query of history asks. */
export interface HistoryQuery {
  readonly limit: number;
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  /** The partition key. */
  readonly key: string | undefined;
  readonly cursor: string | undefined;
}

/** A page of history, and where the next one begins. */
export interface HistoryPage {
  /** Events as JSON. */
  readonly bodies: readonly string[];
  readonly cursor: string;
  readonly more: boolean;
}

/**
 * Reads the archive, in the process that writes it or in another: by position as the log is read,
 * and by queries.
 */
export class ArchiveReader {
  readonly #files: ArchiveFiles;
  readonly #log: Log;
  readonly #options: OptionValues<typeof storeOptions>;

  constructor(init: {
    readonly files: ArchiveFiles;
    readonly log: Log;
    readonly options: OptionValues<typeof storeOptions>;
  }) {
    this.#files = init.files;
    this.#log = init.log;
    this.#options = init.options;
  }

  /** By partition, the lowest offset that the archive can go on from without a hole to the log. */
  async floors(topic: string): Promise<readonly number[]> {
    const floors = await this.#log.floors(topic);
    const rows = this.#files.rows();
    return floors.map((floor, partition) => {
      const extent = rows.extent(topic, partition);
      return extent !== undefined && extent.next >= floor ? Math.min(floor, extent.from) : floor;
    });
  }

  /** Finds as the log does, among what is archived. */
  async offsetAt(topic: string, partition: number, timeMs: number): Promise<number> {
    return this.#files.rows().offsetAt(topic, partition, timeMs);
  }

  /** Reads as the log does. @throws PenstockError `cursor_too_old` below the floor */
  async read(
    topic: string,
    partition: number,
    from: number,
    limits: { readonly recordsMax: number; readonly bytesMax: number },
  ): Promise<ReadResult> {
    const rows = this.#files.rows();
    const extent = rows.extent(topic, partition);
    if (extent === undefined || from < extent.from || from >= extent.next) {
      throw new PenstockError(
        "cursor_too_old",
        `Offset ${from} of ${topic} is not in the archive.`,
      );
    }
    const records: LogRecord[] = [];
    let bytes = 0;
    for (const { key, value } of rows.rows(topic, partition, from, extent.next)) {
      const full = records.length === limits.recordsMax || bytes >= limits.bytesMax;
      const last = records.at(-1);
      if (full && last !== undefined) return { records, next: last.offset + 1 };
      records.push(recordOf(key[2], value));
      bytes += value.value.length;
    }
    return { records, next: extent.next };
  }

  /**
   * A page of what was, oldest first. Deletes, undos and what they take back are absent; what was
   * deleted before the query is, for it waits until the archive has all that the log holds.
   *
   * @throws PenstockError the `cursor_…` codes, or `storage_unavailable` where the archive lags
   */
  async query(stream: Stream, filters: Filters, query: HistoryQuery): Promise<HistoryPage> {
    await this.#catchUp(stream);
    const from = await this.#start(stream, query);
    const { scanRecordsMax: scanMax, answerBytesMax: charactersMax } = this.#options;
    const rows = this.#files.rows();
    const bounded = { ...query, scanMax, charactersMax };
    const page = await readPage(rows, stream, filters, bounded, from);
    const info = await this.#log.describe(stream.topic);
    return {
      bodies: page.bodies,
      cursor: cursorAt(stream, info, page.offsets),
      more: page.more,
    };
  }

  async #catchUp({ topic }: Stream): Promise<void> {
    const heads = await this.#log.heads(topic);
    using patience = new Deadline(this.#options.catchUpMs);
    if (await this.#files.reach(topic, heads, patience.signal)) return;
    throw new PenstockError("storage_unavailable", "The archive lags behind the log.", {
      retryAfterMs: 1000,
    });
  }

  async #start(stream: Stream, query: HistoryQuery): Promise<readonly number[]> {
    const { topic } = stream;
    const { partitions } = await this.#log.describe(topic);
    const rows: ArchiveRows = this.#files.rows();
    const floors = Array.from(
      { length: partitions },
      (_, partition) => rows.extent(topic, partition)?.from ?? 0,
    );
    const { cursor, startMs } = query;
    if (cursor === undefined) {
      if (startMs === undefined) return floors;
      return floors.map((_, partition) => rows.offsetAt(topic, partition, startMs));
    }
    const offsets = await offsetsOfCursor(this.#log, stream, cursor, floors);
    if (offsets.some((offset, partition) => offset < (floors[partition] ?? 0))) {
      throw new PenstockError("cursor_too_old", "The cursor is older than the archive.");
    }
    return offsets;
  }
}

/** What can be asked of an archive, in the process that writes it or in another. */
export type ReadableArchive = Pick<ArchiveReader, "floors" | "offsetAt" | "read" | "query">;
