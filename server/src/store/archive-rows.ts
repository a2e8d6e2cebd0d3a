import { hash } from "node:crypto";
import type { ArchiveTables, Extent, MarkKey, Row, RowKey } from "./archive-tables.ts";

/**
 * The archive's rows as they are on disk: by position, with what was deleted gone, and what was
 * undone known. What is read within one turn belongs to one moment.
 */
export class ArchiveRows {
  readonly #tables: ArchiveTables;

  constructor(tables: ArchiveTables) {
    this.#tables = tables;
  }

  /** What is read from now on is no older than now, whoever wrote it. */
  refresh(): void {
    this.#tables.database.refresh();
  }

  extent(topic: string, partition: number): Extent | undefined {
    return this.#tables.extents.get([topic, partition]);
  }

  extents(): readonly { readonly topic: string; readonly partition: number }[] {
    return [...this.#tables.extents.getKeys()].map(([topic, partition]) => ({ topic, partition }));
  }

  /** One row; undefined where nothing is archived at that offset, or no longer. */
  row(topic: string, partition: number, offset: number): Row | undefined {
    return this.#tables.rows.get([topic, partition, offset]);
  }

  has(topic: string, partition: number, offset: number): boolean {
    return this.#tables.rows.doesExist([topic, partition, offset]);
  }

  /** Rows of a partition in the order of their offsets; to be read within one turn. */
  rows(
    topic: string,
    partition: number,
    from: number,
    until = Number.MAX_SAFE_INTEGER,
  ): Iterable<{ readonly key: RowKey; readonly value: Row }> {
    const range = { start: [topic, partition, from], end: [topic, partition, until] } as const;
    return this.#tables.rows.getRange(range as never);
  }

  /** The same from behind: before `until`, down to `from`. */
  rowsBackwards(
    topic: string,
    partition: number,
    from: number,
    until: number,
  ): Iterable<{ readonly key: RowKey; readonly value: Row }> {
    return this.#tables.rows.getRange(backwards(topic, partition, from, until) as never);
  }

  /** Sketches by their first offset, from the one on that has an offset; within one turn. */
  sketches(
    topic: string,
    partition: number,
    from: number,
    until: number,
  ): Iterable<{ readonly key: RowKey; readonly value: Buffer }> {
    const { sketches } = this.#tables;
    const [before] = sketches.getKeys({
      ...backwards(topic, partition, 0, from + 1),
      limit: 1,
    } as never);
    const start = before ?? [topic, partition, from];
    return sketches.getRange({ start, end: [topic, partition, until] } as never);
  }

  /** The same from behind: those that begin before `until`, down to `from`. */
  sketchesBackwards(
    topic: string,
    partition: number,
    from: number,
    until: number,
  ): Iterable<{ readonly key: RowKey; readonly value: Buffer }> {
    return this.#tables.sketches.getRange(backwards(topic, partition, from, until) as never);
  }

  /** Whether an event was undone behind an offset. */
  isUndone(topic: string, id: string, partition: number, offset: number): boolean {
    const undo = this.#tables.undos.get(markKey(topic, id));
    return undo !== undefined && undo[0] === partition && undo[1] > offset;
  }

  /** The first archived offset at or after a time. */
  offsetAt(topic: string, partition: number, timeMs: number): number {
    const extent = this.extent(topic, partition);
    let low = extent?.from ?? 0;
    let high = extent?.next ?? 0;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [row] = this.#tables.rows.getRange({
        start: [topic, partition, middle],
        end: [topic, partition, high],
        limit: 1,
      });
      if (row === undefined || row.value.at >= timeMs) high = middle;
      else low = row.key[2] + 1;
    }
    return low;
  }
}

function backwards(topic: string, partition: number, from: number, until: number) {
  // The end is left out of a range, the start is not.
  const start: RowKey = [topic, partition, until - 1];
  const end: RowKey = [topic, partition, from - 1];
  return { start, end, reverse: true };
}

/** A key of bounded length, whatever a producer names its things. */
export function markKey(topic: string, name: string): MarkKey {
  return [topic, hash("sha256", name, "base64url")];
}
