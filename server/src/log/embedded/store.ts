import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import type { TopicOptions } from "../log.ts";

/** What is kept of a topic. */
export interface StoredTopic extends TopicOptions {
  readonly topic: string;
  /** Stands for the topic in keys. */
  readonly number: number;
  readonly logId: string;
  readonly generation: number;
  /** By generation beyond the first, the heads at which it began. */
  readonly starts: readonly (readonly number[])[];
}

/** What is kept of a partition. */
export interface StoredPartition {
  readonly head: number;
  readonly floor: number;
  readonly bytes: number;
  readonly lastMs: number;
  /** Compaction has looked at everything before it. */
  readonly compactedTo: number;
}

export const EMPTY_PARTITION: StoredPartition = {
  head: 0,
  floor: 0,
  bytes: 0,
  lastMs: 0,
  compactedTo: 0,
};

/** Who had the files open last, and how it left them. */
export interface StoredRun {
  readonly bootId: string;
  readonly clean: boolean;
  readonly pids: readonly number[];
}

export type ChunkKey = [topic: number, partition: number, offset: number];

/** The database's tables. */
export interface Store {
  readonly root: RootDatabase;
  readonly topics: Database<StoredTopic, string>;
  readonly partitions: Database<StoredPartition, [number, number]>;
  readonly chunks: Database<Buffer, ChunkKey>;
  readonly runs: Database<StoredRun, string>;
}

/**
 * Opens the database. A commit resolves after it is on disk: `overlappingSync` off, so that nothing
 * is visible before it is durable.
 */
export function openStore(dataDir: string): Store {
  const path = join(dataDir, "log");
  mkdirSync(path, { recursive: true });
  const root = open({ path, overlappingSync: false, noMemInit: true, maxDbs: 8, maxReaders: 256 });
  return {
    root,
    topics: root.openDB({ name: "topics", encoding: "json" }),
    partitions: root.openDB({ name: "partitions", encoding: "json" }),
    chunks: root.openDB({ name: "chunks", encoding: "binary" }),
    runs: root.openDB({ name: "runs", encoding: "json" }),
  };
}
