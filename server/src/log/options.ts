import { bytes, duration } from "../option.ts";

/** The log's limits. */
export const logOptions = {
  retentionMs: duration(
    "24h",
    "How long the log keeps a record.",
    "A day: a client that was away overnight resumes from the log.",
  ),
  retentionBytes: bytes(
    "10GiB",
    "How much the log keeps of one partition, whichever of the two is met first.",
    "It bounds the disk, however busy a stream is.",
    { min: "1MiB" },
  ),
  retentionCheckMs: duration(
    "30s",
    "How often the log looks for what it need not keep any more.",
    "Each look then deletes little, and holds nobody up.",
    { min: "10ms" },
  ),
  recordBytesMax: bytes(
    "16MiB",
    "The largest record that the log takes.",
    "Larger than any block with its receipts.",
    { min: "1KiB" },
  ),
  wakeMs: duration(
    "1ms",
    "The shortest time between two wakes of another process that reads the log.",
    "A thousand appends a second then wake it no oftener.",
  ),
  pollMs: duration(
    "250ms",
    "How often a process that waits for the log looks by itself for what others appended.",
    "Should a wake be lost, a quarter of a second is lost with it.",
    { min: "1ms" },
  ),
} as const;
