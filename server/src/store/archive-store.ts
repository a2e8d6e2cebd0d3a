import { RetentionClock } from "../retention-clock.ts";
import { ArchiveRows, markKey } from "./archive-rows.ts";
import {
  type ArchiveTables,
  type MarkKey,
  openTables,
  type Row,
  type RowKey,
} from "./archive-tables.ts";
import type { EncodedSketch } from "./sketch.ts";

/** What archiving one record does. */
export interface ArchiveEntry {
  readonly offset: number;
  readonly row: Omit<Row, "mark">;
  /** Names content that may be deleted. */
  readonly content: string | undefined;
  /** Names content that is deleted: what is archived of it goes. */
  readonly deletes: string | undefined;
  /** The id of what is undone. */
  readonly undoes: string | undefined;
}

/** A part of the log that was taken: `[from, next)`. */
export interface Span {
  readonly from: number;
  readonly next: number;
}

const ROWS_PER_STEP = 1000;

/** Writes the archive's tables, in one process; how far it is changes with what it wrote. */
export class ArchiveStore {
  readonly #tables: ArchiveTables;
  readonly rows: ArchiveRows;
  readonly retentionClock: RetentionClock;

  /** @param now milliseconds since the epoch */
  constructor(path: string, now: () => number) {
    this.#tables = openTables(path);
    this.retentionClock = new RetentionClock({ database: this.#tables.database, now });
    this.rows = new ArchiveRows(this.#tables);
  }

  /**
   * Says where archiving of a partition goes on, so that who reads it knows how far it is, and lets
   * go of its sketches: what fields mean may have changed since.
   *
   * @param floor the log begins here
   * @returns the offset to go on from
   */
  async begin(topic: string, partition: number, floor: number): Promise<number> {
    const { database, extents, sketches } = this.#tables;
    return await database.write(() => {
      const known = extents.get([topic, partition]);
      const next = Math.max(floor, known?.next ?? floor);
      const from = known === undefined || known.next < floor ? floor : known.from;
      extents.putSync([topic, partition], { from, next, sketched: next });
      for (const key of [...sketches.getKeys(wholeRange(topic, partition))])
        sketches.removeSync(key);
      return next;
    });
  }

  /**
   * Archives records of one partition, in their order, durably.
   *
   * @param made sketches of those that may be listed
   */
  async put(
    topic: string,
    partition: number,
    entries: readonly ArchiveEntry[],
    span: Span,
    made: readonly EncodedSketch[],
  ): Promise<void> {
    const { database, extents, sketches } = this.#tables;
    await database.write(() => {
      for (const entry of entries) this.#putOne(topic, partition, entry);
      for (const { from, bytes } of made) sketches.putSync([topic, partition, from], bytes);
      const known = extents.get([topic, partition]);
      const joins = known !== undefined && known.next >= span.from;
      extents.putSync([topic, partition], {
        from: joins ? known.from : span.from,
        next: span.next,
        sketched: joins ? (known.sketched ?? span.from) : span.from,
      });
    });
  }

  /**
   * Keeps sketches of rows before those that have one.
   *
   * @param span what they cover; where those that have one do not begin behind it, they are not needed
   */
  async putSketchesBefore(
    topic: string,
    partition: number,
    { from, next }: Span,
    made: readonly EncodedSketch[],
  ): Promise<void> {
    const { database, extents, sketches } = this.#tables;
    await database.write(() => {
      const known = extents.get([topic, partition]);
      if (known?.sketched !== next) return;
      for (const { from: first, bytes } of made) sketches.putSync([topic, partition, first], bytes);
      extents.putSync([topic, partition], { ...known, sketched: from });
    });
  }

  #putOne(topic: string, partition: number, entry: ArchiveEntry): void {
    const { offset, row, content, deletes, undoes } = entry;
    const { rows, contents, undos } = this.#tables;
    if (deletes !== undefined) this.#delete(topic, markKey(topic, deletes));
    let mark: Row["mark"];
    if (content !== undefined) {
      const key = markKey(topic, content);
      const places = (contents.get(key) ?? []).filter(([, at]) => at !== offset);
      contents.putSync(key, [...places, [partition, offset]]);
      mark = ["content", key[1]];
    } else if (undoes !== undefined) {
      const key = markKey(topic, undoes);
      undos.putSync(key, [partition, offset]);
      mark = ["undo", key[1]];
    }
    rows.putSync([topic, partition, offset], mark === undefined ? row : { ...row, mark });
  }

  #delete(topic: string, key: MarkKey): void {
    const { rows, contents } = this.#tables;
    for (const [partition, offset] of contents.get(key) ?? [])
      rows.removeSync([topic, partition, offset]);
    contents.removeSync(key);
  }

  /** Lets go of a partition's rows before an offset, in bounded steps. */
  async drop(topic: string, partition: number, until: number): Promise<void> {
    const { database, rows, extents } = this.#tables;
    for (let more = true; more; ) {
      more = await database.write(() => {
        const range = { start: [topic, partition, 0], end: [topic, partition, until] } as const;
        const old = [...rows.getRange({ ...range, limit: ROWS_PER_STEP } as never)];
        for (const { key, value } of old) this.#dropOne(key, value);
        const whole = old.length < ROWS_PER_STEP;
        const gone = whole ? until : (old.at(-1)?.key[2] ?? 0) + 1;
        const known = extents.get([topic, partition]);
        if (known !== undefined && known.from < gone)
          extents.putSync([topic, partition], { ...known, from: gone });
        return !whole;
      });
    }
  }

  /** Lets go of the sketches that end before an offset, in bounded steps. */
  async dropSketches(topic: string, partition: number, until: number): Promise<void> {
    const { database, extents, sketches } = this.#tables;
    for (let more = true; more; ) {
      more = await database.write(() => {
        const range = { ...wholeRange(topic, partition), limit: ROWS_PER_STEP } as const;
        const keys = [...sketches.getKeys(range as never)] as RowKey[];
        let gone = 0;
        // One ends where the next begins at the latest.
        while (gone + 1 < keys.length && (keys[gone + 1]?.[2] ?? 0) <= until) {
          sketches.removeSync(keys[gone] as RowKey);
          gone += 1;
        }
        const known = extents.get([topic, partition]);
        const sketched = keys[gone]?.[2];
        if (gone > 0 && known !== undefined && sketched !== undefined)
          extents.putSync([topic, partition], { ...known, sketched });
        return gone + 1 === ROWS_PER_STEP;
      });
    }
  }

  #dropOne(key: RowKey, { mark }: Row): void {
    const { rows, contents, undos } = this.#tables;
    const [topic, partition, offset] = key;
    rows.removeSync(key);
    if (mark === undefined) return;
    const [kind, name] = mark;
    if (kind === "undo") {
      const undo = undos.get([topic, name]);
      if (undo?.[0] === partition && undo[1] === offset) undos.removeSync([topic, name]);
      return;
    }
    const others = (contents.get([topic, name]) ?? []).filter(([, at]) => at !== offset);
    if (others.length === 0) contents.removeSync([topic, name]);
    else contents.putSync([topic, name], others);
  }

  /** Frees what readers hold that were killed. */
  forgetDeadReaders(): void {
    this.#tables.database.root.readerCheck();
  }

  async close(): Promise<void> {
    await this.#tables.database.close();
  }
}

function wholeRange(topic: string, partition: number): { start: RowKey; end: RowKey } {
  return { start: [topic, partition, 0], end: [topic, partition, Number.MAX_SAFE_INTEGER] };
}
