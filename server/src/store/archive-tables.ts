import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { DiskDatabase, READERS_MAX } from "../disk-database.ts";

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
  readonly root: RootDatabase;
  readonly rows: Database<Row, RowKey>;
  readonly extents: Database<Extent, [topic: string, partition: number]>;
  /** Where content lies that may be deleted. */
  readonly contents: Database<Place[], MarkKey>;
  /** Where an event was undone last. */
  readonly undos: Database<Place, MarkKey>;
  /** By its first offset, what filters need know of some events that follow each other. */
  readonly sketches: Database<Buffer, RowKey>;
}

const NAMES = ["rows", "extents", "contents", "undos", "sketches"] as const;

/**
 * Opens the archive in a folder for the one process that writes it, and makes it where it is missing.
 *
 * @throws PenstockError `disk_full` or `storage_unavailable`
 */
export function openTables(path: string): ArchiveTables & { readonly database: DiskDatabase } {
  const database = new DiskDatabase(path);
  return { database, ...tablesOf(database.root) };
}

/** Opens the archive to be read beside a process that writes it; undefined where there is none yet. */
export function openTablesToRead(path: string): ArchiveTables | undefined {
  if (!existsSync(join(path, "data.mdb"))) return undefined;
  const root = open({ path, readOnly: true, maxDbs: 8, maxReaders: READERS_MAX });
  const tables = tablesOf(root);
  if (NAMES.every((name) => tables[name] !== undefined)) return tables;
  void root.close();
  return undefined;
}

function tablesOf(root: RootDatabase): ArchiveTables {
  return {
    root,
    rows: root.openDB({ name: "rows", encoding: "msgpack" }),
    extents: root.openDB({ name: "extents", encoding: "json" }),
    contents: root.openDB({ name: "contents", encoding: "json" }),
    undos: root.openDB({ name: "undos", encoding: "json" }),
    sketches: root.openDB({ name: "sketches", encoding: "binary" }),
  };
}
