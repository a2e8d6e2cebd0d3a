import { bytes, integer } from "../option.ts";

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
} as const;
