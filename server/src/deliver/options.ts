import { bytes, duration, integer } from "../option.ts";

/** The delivery engine's limits. */
export const deliverOptions = {
  ringBytes: bytes(
    "64MiB",
    "Some minutes of a busy stream; what leaves it is read from the log again.",
    { min: "256KiB" },
  ),
  regionCacheBytes: bytes("128MiB", "Decoded stretches of the log that returning clients share.", {
    min: "1MiB",
  }),
  readRecordsMax: integer(1000, "A batch that is decoded in a few milliseconds.", {
    min: "1",
    max: "100000",
  }),
  sliceMs: duration(
    "5ms",
    "A flush gives the event loop a turn this often, so that no socket waits long.",
    { min: "1ms" },
  ),
  writeBytesMax: bytes(
    "64KiB",
    "One write holds at most this: it is shared by a lane and bounds a slow socket's memory.",
    { min: "1KiB" },
  ),
  flushIntervalMs: duration(
    "0ms",
    "Every event at once; more saves writes where several events come to a client within it.",
    { max: "10s" },
  ),
  behindAfterMs: duration("5s", "A delay that a person watching would call stuck.", {
    min: "10ms",
  }),
  heartbeatIntervalMs: duration(
    "15s",
    "Shorter than the idle timeouts of common proxies (30 s and more).",
    { min: "100ms" },
  ),
  checkpointIntervalMs: duration("1s", "A reconnect repeats at most this much.", { min: "10ms" }),
  unreadTimeoutMs: duration("60s", "A client that reads nothing for a minute is gone.", {
    min: "1s",
  }),
  noProgressTimeoutMs: duration(
    "60s",
    "A client for whom the log was not read on for a minute fares better elsewhere.",
    { min: "100ms" },
  ),
  catchUpMs: duration(
    "10s",
    "Who wants what was before reads nothing from a process that may not know yet what was deleted.",
    { min: "10ms" },
  ),
  interestIdleMs: duration(
    "60s",
    "A client that comes back within a minute finds its filter still in the index.",
  ),
  sessionTtlMs: duration("24h", "A laptop may sleep a night and resume by its session's id.", {
    min: "1s",
  }),
  sessionSaveIntervalMs: duration(
    "5s",
    "After a kill the repeat by session id is at most this much.",
    { min: "100ms" },
  ),
  subscribeTimeoutMs: duration(
    "10s",
    "A client that connects and says nothing holds a descriptor.",
    { min: "100ms" },
  ),
  logLinesPerSecondMax: integer(
    100,
    "Clients that were refused or cut off are told of in the log, and as many as there may be must not fill a disk.",
    { min: "1" },
  ),
  drainMs: duration(
    "10s",
    "Clients have left by then; many are spread over half of it, so that they do not all come back at once.",
    { min: "0ms" },
  ),
  drainStepMs: duration(
    "5ms",
    "Between two clients that leave, where drain leaves so much: two hundred a second trouble nobody, and a few are gone at once.",
    { min: "0ms" },
  ),
} as const;
