import { hash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { type Database, open, type RootDatabase } from "lmdb";

export type RowKey = [topic: string, partition: number, offset: number];
type Place = [partition: number, offset: number];
type MarkKey = [topic: string, name: string];

/** A record as it is archived. */
export interface Row {
  readonly at: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
  /** What the row is listed under besides: the mark goes when the row does. */
  readonly mark?: ["content" | "undo", name: string];
}

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

/** How far the archive of a partition reaches: `[from, next)`. */
export interface Extent {
  readonly from: number;
  readonly next: number;
}

const ROWS_PER_STEP = 1000;

/** The archive's rows on disk: by position, with what was deleted gone, and what was undone known. */
export class ArchiveStore {
  readonly #root: RootDatabase;
  readonly #rows: Database<Row, RowKey>;
  readonly #extents: Database<Extent, [topic: string, partition: number]>;
  /** Where content lies that may be deleted. */
  readonly #contents: Database<Place[], MarkKey>;
  /** Where an event was undone last. */
  readonly #undos: Database<Place, MarkKey>;

  constructor(path: string) {
    mkdirSync(path, { recursive: true });
    this.#root = open({ path, overlappingSync: false, noMemInit: true, maxDbs: 8 });
    this.#rows = this.#root.openDB({ name: "rows", encoding: "msgpack" });
    this.#extents = this.#root.openDB({ name: "extents", encoding: "json" });
    this.#contents = this.#root.openDB({ name: "contents", encoding: "json" });
    this.#undos = this.#root.openDB({ name: "undos", encoding: "json" });
  }

  extent(topic: string, partition: number): Extent | undefined {
    return this.#extents.get([topic, partition]);
  }

  extents(): readonly { readonly topic: string; readonly partition: number }[] {
    return [...this.#extents.getKeys()].map(([topic, partition]) => ({ topic, partition }));
  }

  /** Rows of a partition in the order of their offsets; to be read within one turn. */
  rows(
    topic: string,
    partition: number,
    from: number,
    until = Number.MAX_SAFE_INTEGER,
  ): Iterable<{ readonly key: RowKey; readonly value: Row }> {
    return this.#rows.getRange({ start: [topic, partition, from], end: [topic, partition, until] });
  }

  /** Whether an event was undone behind an offset. */
  isUndone(topic: string, id: string, partition: number, offset: number): boolean {
    const undo = this.#undos.get(markKey(topic, id));
    return undo !== undefined && undo[0] === partition && undo[1] > offset;
  }

  /** The first archived offset at or after a time. */
  offsetAt(topic: string, partition: number, timeMs: number): number {
    const extent = this.extent(topic, partition);
    let low = extent?.from ?? 0;
    let high = extent?.next ?? 0;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [row] = this.#rows.getRange({
        start: [topic, partition, middle],
        end: [topic, partition, high],
        limit: 1,
      });
      if (row === undefined || row.value.at >= timeMs) high = middle;
      else low = row.key[2] + 1;
    }
    return low;
  }

  /** Archives records of one partition, in their order, durably. @param next behind the last */
  async put(
    topic: string,
    partition: number,
    entries: readonly ArchiveEntry[],
    span: Extent,
  ): Promise<void> {
    await this.#root.transaction(() => {
      for (const entry of entries) this.#putOne(topic, partition, entry);
      const known = this.#extents.get([topic, partition]);
      const joins = known !== undefined && known.next >= span.from;
      this.#extents.putSync([topic, partition], {
        from: joins ? known.from : span.from,
        next: span.next,
      });
    });
  }

  #putOne(topic: string, partition: number, entry: ArchiveEntry): void {
    const { offset, row, content, deletes, undoes } = entry;
    if (deletes !== undefined) this.#delete(topic, markKey(topic, deletes));
    let mark: Row["mark"];
    if (content !== undefined) {
      const key = markKey(topic, content);
      const places = (this.#contents.get(key) ?? []).filter(([, at]) => at !== offset);
      this.#contents.putSync(key, [...places, [partition, offset]]);
      mark = ["content", key[1]];
    } else if (undoes !== undefined) {
      const key = markKey(topic, undoes);
      this.#undos.putSync(key, [partition, offset]);
      mark = ["undo", key[1]];
    }
    this.#rows.putSync([topic, partition, offset], mark === undefined ? row : { ...row, mark });
  }

  #delete(topic: string, key: MarkKey): void {
    for (const [partition, offset] of this.#contents.get(key) ?? [])
      this.#rows.removeSync([topic, partition, offset]);
    this.#contents.removeSync(key);
  }

  /** Lets go of a partition's rows before an offset, in bounded steps. */
  async drop(topic: string, partition: number, until: number): Promise<void> {
    for (let more = true; more; ) {
      more = await this.#root.transaction(() => {
        const range = { start: [topic, partition, 0], end: [topic, partition, until] } as const;
        const rows = [...this.#rows.getRange({ ...range, limit: ROWS_PER_STEP } as never)];
        for (const { key, value } of rows) this.#dropOne(key, value);
        const whole = rows.length < ROWS_PER_STEP;
        const gone = whole ? until : (rows.at(-1)?.key[2] ?? 0) + 1;
        const known = this.#extents.get([topic, partition]);
        if (known !== undefined && known.from < gone)
          this.#extents.putSync([topic, partition], { ...known, from: gone });
        return !whole;
      });
    }
  }

  #dropOne(key: RowKey, { mark }: Row): void {
    const [topic, partition, offset] = key;
    this.#rows.removeSync(key);
    if (mark === undefined) return;
    const [kind, name] = mark;
    if (kind === "undo") {
      const undo = this.#undos.get([topic, name]);
      if (undo?.[0] === partition && undo[1] === offset) this.#undos.removeSync([topic, name]);
      return;
    }
    const others = (this.#contents.get([topic, name]) ?? []).filter(([, at]) => at !== offset);
    if (others.length === 0) this.#contents.removeSync([topic, name]);
    else this.#contents.putSync([topic, name], others);
  }

  async close(): Promise<void> {
    await this.#root.close();
  }
}

/** A key of bounded length, whatever a producer names its things. */
function markKey(topic: string, name: string): MarkKey {
  return [topic, hash("sha256", name, "base64url")];
}
