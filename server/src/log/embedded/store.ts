import { join } from "node:path";
import type { Database } from "lmdb";
import { DiskDatabase } from "../../disk-database.ts";
import type { TopicOptions } from "../log.ts";

/** What is kept of a topic. */
export interface StoredTopic extends TopicOptions {
  readonly topic: string;
  /** Stands for the topic in keys. */
  readonly number: number;
  readonly logId: string;
  readonly generation: number;
  /** By generation beyond the first that is remembered, the heads at which it began. */
  readonly starts: readonly (readonly number[])[];
  /** The numbers of these generations, rising; left out: 1, 2, and so on. */
  readonly generations?: readonly number[];
}

/** What is kept of a partition. */
export interface StoredPartition {
  readonly head: number;
  readonly floor: number;
  readonly bytes: number;
  readonly lastMs: number;
  /** Compaction has looked at everything before it. */
  readonly compactedTo: number;
  /** What compaction left, in bytes. */
  readonly compactedBytes?: number;
}

export const EMPTY_PARTITION: StoredPartition = {
  head: 0,
  floor: 0,
  bytes: 0,
  lastMs: 0,
  compactedTo: 0,
};

/** One opening of the files: by which process, and which opening of that process's. */
export interface StoredOpening {
  readonly pid: number;
  readonly id: string;
}

/** Who has the files open, or had them open when the machine or a process ended. */
export interface StoredRun {
  readonly bootId: string;
  readonly openings: readonly StoredOpening[];
}

export type ChunkKey = [topic: number, partition: number, offset: number];

/** The database's tables. */
export interface Store {
  readonly database: DiskDatabase;
  readonly topics: Database<StoredTopic, string>;
  readonly partitions: Database<StoredPartition, [number, number]>;
  readonly chunks: Database<Buffer, ChunkKey>;
  readonly runs: Database<StoredRun, string>;
}

/** The folder of the log's files. */
export function logFolder(dataDir: string): string {
  return join(dataDir, "log");
}

/** @throws PenstockError `disk_full` or `storage_unavailable` */
export async function openStore(dataDir: string): Promise<Store> {
  const database = new DiskDatabase(logFolder(dataDir));
  try {
    return {
      database,
      topics: database.table("topics", "json"),
      partitions: database.table("partitions", "json"),
      chunks: database.table("chunks", "binary"),
      runs: database.table("runs", "json"),
    };
  } catch (caught) {
    await database.close();
    throw caught;
  }
}
