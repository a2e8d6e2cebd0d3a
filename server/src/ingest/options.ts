import { bytes, duration, integer } from "../option.ts";

/** Ingestion's limits. */
export const ingestOptions = {
  bodyBytesMax: bytes(
    "8MiB",
    "The largest body that publishes one event; NDJSON has no bound in all.",
    "Room for the largest block with its receipts.",
    { min: "1KiB" },
  ),
  lineBytesMax: bytes(
    "8MiB",
    "The largest line of NDJSON that is published.",
    "As large as a single event may be.",
    { min: "1KiB" },
  ),
  inFlightBytesMax: bytes(
    "64MiB",
    "What may wait for the log at once, of all publishers and workers together; beyond it they are told to wait.",
    "It bounds memory where the disk does not keep up.",
    { min: "1MiB" },
  ),
  batchLinesMax: integer(
    500,
    "Lines of NDJSON that share an append.",
    "A flush to disk is paid once for them.",
    { min: "1" },
  ),
  batchesInFlight: integer(
    4,
    "Batches of one request that wait for the log at once.",
    "The next ones are read while the disk flushes, and none is much behind.",
    {
      min: "1",
    },
  ),
  sourcePollMs: duration(
    "2s",
    "How often a chain's node is asked that does not tell of new blocks by itself.",
    "Well below the time between blocks of most chains.",
    {
      min: "50ms",
    },
  ),
  sourceTimeoutMs: duration(
    "20s",
    "How long a chain's node may take for one answer before another is asked.",
    "The largest block with its receipts comes in it.",
    {
      min: "100ms",
    },
  ),
  sourceRetryMs: duration(
    "500ms",
    "The first wait after a chain's node failed; it doubles each time.",
    "A hiccup is over by then.",
    {
      min: "10ms",
    },
  ),
  sourceRetryMaxMs: duration(
    "15s",
    "The longest wait after a chain's node failed.",
    "One that comes back is followed within this time.",
  ),
  sourceRollbackAfterMs: duration(
    "60s",
    "How long a chain's node may stand behind what was told before it counts as rolled back.",
    "Sooner, it may just lag.",
  ),
} as const;
