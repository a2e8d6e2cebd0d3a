import { duration, integer } from "../option.ts";

/** The processor's limits. */
export const processOptions = {
  batchRecordsMax: integer(
    500,
    "Readers look two thousand records back for the last source: an append must be well below.",
    { min: "1", max: "500" },
  ),
  progressRecords: integer(
    1000,
    "How many raw records may pass without output before their end is noted.",
    { min: "1" },
  ),
  progressMs: duration(
    "1s",
    "How long raw records may pass without output before their end is noted.",
    { min: "10ms" },
  ),
  retryMs: duration("500ms", "How long to wait when the log fails.", { min: "1ms" }),
} as const;
