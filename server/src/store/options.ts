import { bytes, duration, integer } from "../option.ts";

/** What the store keeps. */
export const storeOptions = {
  recentMs: duration(
    "10m",
    "How far back the recent events of a stream go.",
    "What a page shows when it opens.",
    { min: "1s" },
  ),
  recentBytes: bytes(
    "128MiB",
    "Memory for the recent events of one stream, whichever of the two is met first.",
    "It bounds memory, however busy a stream is.",
    { min: "1MiB" },
  ),
  recentScanMax: integer(
    200_000,
    "Recent events that one query passes over before it answers with what it has; one that is read from disk counts as fifty.",
    "A query of a rare value then holds nobody up.",
    { min: "1000" },
  ),
  recentCacheBytes: bytes(
    "8MiB",
    "Memory for recent events of one stream that were read from disk, in each process that has them there.",
    "Those that most queries find fit it.",
    { min: "64KiB" },
  ),
  archiveRetentionMs: duration(
    "30d",
    "How long history is kept.",
    "A month: long enough to look into what happened, on the disk of one machine.",
  ),
  catchUpMs: duration(
    "5s",
    "How long a query waits for the store to have read what the log holds.",
    "What was deleted by then it must not find, and a busy store needs some seconds.",
    { min: "10ms" },
  ),
  answerBytesMax: bytes(
    "16MiB",
    "What one answer of `recent` or `history` holds of events, by their characters, before it ends with what it has.",
    "Blocks are megabytes each, and an answer is several times as large in memory.",
    { min: "64KiB" },
  ),
  scanRecordsMax: integer(
    50_000,
    "Records that one page of history looks at before it answers with what it has.",
    "A page of a rare value then comes in a second or so.",
    { min: "100" },
  ),
} as const;
