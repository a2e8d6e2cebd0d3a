import type { Scenario } from "../harness/scenario.ts";
import { cohorts } from "./cohorts.ts";
import { coldReplay } from "./cold-replay.ts";
import { compression } from "./compression.ts";
import { equalFilters } from "./equal-filters.ts";
import { fanout } from "./fanout.ts";
import { filterIndex } from "./filter-index.ts";
import { flushInterval } from "./flush-interval.ts";
import { heartbeats } from "./heartbeats.ts";
import { hotEvent } from "./hot-event.ts";
import { hundredThousand } from "./hundred-thousand.ts";
import { idleMemory } from "./idle-memory.ts";
import { ingest } from "./ingest.ts";
import { ingestToReceipt } from "./ingest-to-receipt.ts";
import { neverReading } from "./never-reading.ts";
import { paced } from "./paced.ts";
import { processing } from "./process.ts";
import { recent } from "./recent.ts";
import { reconnectStorm } from "./reconnect-storm.ts";

/** All scenarios, in the order in which they run and are reported. */
export const scenarios: readonly Scenario[] = [
  fanout,
  flushInterval,
  idleMemory,
  hundredThousand,
  hotEvent,
  filterIndex,
  equalFilters,
  paced,
  ingestToReceipt,
  coldReplay,
  cohorts,
  neverReading,
  reconnectStorm,
  heartbeats,
  compression,
  ingest,
  processing,
  recent,
];
