import { bytes, duration, integer } from "../option.ts";

/** Ingestion's limits. */
export const ingestOptions = {
  bodyBytesMax: bytes(
    "8MiB",
    "One event, with room for the largest block with its receipts; NDJSON has no bound in all.",
    { min: "1KiB" },
  ),
  lineBytesMax: bytes("8MiB", "One line of NDJSON.", { min: "1KiB" }),
  inFlightBytesMax: bytes(
    "64MiB",
    "What may wait for the log at once: beyond it, callers are told to wait.",
    { min: "1MiB" },
  ),
  batchLinesMax: integer(
    500,
    "Lines that share an append: a flush to disk is paid once for them.",
    { min: "1" },
  ),
  batchesInFlight: integer(4, "Batches of one request that wait for the log at once.", {
    min: "1",
  }),
  sourcePollMs: duration("2s", "How often a chain's node is asked that does not tell by itself.", {
    min: "50ms",
  }),
  sourceTimeoutMs: duration("20s", "A node that takes longer for one answer is replaced.", {
    min: "100ms",
  }),
  sourceRetryMs: duration("500ms", "The first wait after a node failed; it doubles each time.", {
    min: "10ms",
  }),
  sourceRetryMaxMs: duration("15s", "A node that comes back is followed within this time."),
  sourceRollbackAfterMs: duration(
    "60s",
    "A node that stands behind what was told for so long has rolled back; sooner, it may just lag.",
  ),
} as const;
