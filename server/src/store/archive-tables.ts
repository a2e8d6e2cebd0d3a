import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "lmdb";
import { DiskDatabase } from "../disk-database.ts";

export type RowKey = [topic: string, partition: number, offset: number];
export type Place = [partition: number, offset: number];
export type MarkKey = [topic: string, name: string];

/** A record as it is archived. */
export interface Row {
  readonly at: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
  /** What the row is listed under besides: the mark goes when the row does. */
  readonly mark?: ["content" | "undo", name: string];
}

/** How far the archive of a partition reaches: `[from, next)`. */
export interface Extent {
  readonly from: number;
  readonly next: number;
  /** From here on rows have sketches; left out: none has. */
  readonly sketched?: number;
}

/** The archive's tables. */
export interface ArchiveTables {
  readonly database: DiskDatabase;
  readonly rows: Database<Row, RowKey>;
  readonly extents: Database<Extent, [topic: string, partition: number]>;
  /** Where content lies that may be deleted. */
  readonly contents: Database<Place[], MarkKey>;
  /** Where an event was undone last. */
  readonly undos: Database<Place, MarkKey>;
  /** By its first offset, what filters need know of some events that follow each other. */
  readonly sketches: Database<Buffer, RowKey>;
}

/**
 * Opens the archive in a folder for the one process that writes it, and makes it where it is missing.
 *
 * @throws PenstockError `disk_full` or `storage_unavailable`
 */
export function openTables(path: string): ArchiveTables {
  const database = new DiskDatabase(path);
  return {
    database,
    rows: database.table("rows", "msgpack"),
    extents: database.table("extents", "json"),
    contents: database.table("contents", "json"),
    undos: database.table("undos", "json"),
    sketches: database.table("sketches", "binary"),
  };
}

/** Opens the archive to be read beside a process that writes it; undefined where there is none yet. */
export function openTablesToRead(path: string): ArchiveTables | undefined {
  if (!existsSync(join(path, "data.mdb"))) return undefined;
  const database = new DiskDatabase(path);
  const tables = {
    database,
    rows: database.existingTable("rows", "msgpack"),
    extents: database.existingTable("extents", "json"),
    contents: database.existingTable("contents", "json"),
    undos: database.existingTable("undos", "json"),
    sketches: database.existingTable("sketches", "binary"),
  };
  if (Object.values(tables).every((table) => table !== undefined)) return tables as ArchiveTables;
  void database.close();
  return undefined;
}
