import { duration, integer } from "../option.ts";

/** The processor's limits. */
export const processOptions = {
  batchRecordsMax: integer(
    500,
    "Raw records that are processed and appended at once, at most.",
    "Readers look two thousand records back for the last source: an append must be well below.",
    { min: "1", max: "500" },
  ),
  progressRecords: integer(
    1000,
    "Raw records that may pass without output before it is noted how far they were read.",
    "That many are processed again after a crash, in a moment.",
    { min: "1" },
  ),
  progressMs: duration(
    "1s",
    "Time that may pass without output before it is noted how far raw records were read.",
    "A second's records are processed again in a moment.",
    { min: "10ms" },
  ),
  retryMs: duration(
    "500ms",
    "How long processing waits before it tries again when the log fails.",
    "Soon enough for a hiccup, and no load on a disk in trouble.",
    { min: "1ms" },
  ),
} as const;
