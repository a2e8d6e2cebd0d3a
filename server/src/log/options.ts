import { bytes, duration } from "../option.ts";

/** The log's limits. */
export const logOptions = {
  retentionMs: duration("24h", "A day: a client that was away overnight resumes from the log."),
  retentionBytes: bytes(
    "10GiB",
    "A partition's bound on disk, whichever of the two is met first.",
    { min: "1MiB" },
  ),
  retentionCheckMs: duration("30s", "How often old records are looked for.", { min: "10ms" }),
  recordBytesMax: bytes("16MiB", "Larger than any block with its receipts.", { min: "1KiB" }),
  wakeMs: duration(
    "1ms",
    "The shortest time between two wakes of another process: a thousand appends a second wake it no oftener.",
  ),
  pollMs: duration(
    "250ms",
    "How often a waiting process looks for what other processes appended, should a wake be lost.",
    { min: "1ms" },
  ),
} as const;
