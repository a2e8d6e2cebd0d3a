import { bytes, duration, integer } from "../option.ts";

/** What the store keeps. */
export const storeOptions = {
  recentMs: duration("10m", "What a page shows when it opens.", { min: "1s" }),
  recentBytes: bytes(
    "128MiB",
    "A bound on the recent window of one stream, whichever of the two is met first.",
    { min: "1MiB" },
  ),
  recentScanMax: integer(
    200_000,
    "Events that one query of the recent window passes over before it answers with what it has; one that it must read from disk counts as fifty.",
    { min: "1000" },
  ),
  recentCacheBytes: bytes(
    "8MiB",
    "Events of one stream that are kept read in each process that has the window on disk: those that most queries find.",
    { min: "64KiB" },
  ),
  archiveRetentionMs: duration("30d", "How long history is kept on one machine."),
  catchUpMs: duration(
    "5s",
    "How long a query waits for what the log holds: what was deleted by then it must not find.",
    { min: "10ms" },
  ),
  scanRecordsMax: integer(
    50_000,
    "Records that one page of history looks at before it answers with what it has.",
    { min: "100" },
  ),
} as const;
