import { bytes, duration, integer } from "../option.ts";

/** The delivery engine's limits. */
export const deliverOptions = {
  ringBytes: bytes(
    "64MiB",
    "Memory for the newest events of each topic, of all workers together; older ones are read from the log.",
    "Some minutes of a busy stream.",
    { min: "256KiB" },
  ),
  regionCacheBytes: bytes(
    "128MiB",
    "Memory for stretches of the log that clients who were away read, of all workers together.",
    "Those who come back together share them.",
    {
      min: "1MiB",
    },
  ),
  readRecordsMax: integer(
    1000,
    "Records that are read from the log and decoded at once.",
    "That many take a few milliseconds.",
    {
      min: "1",
      max: "100000",
    },
  ),
  sliceMs: duration(
    "5ms",
    "How long a flush to clients goes on before it gives the event loop a turn.",
    "No socket then waits long.",
    { min: "1ms" },
  ),
  writeBytesMax: bytes(
    "64KiB",
    "The most that one write to a client holds.",
    "It is shared by all who get the same, and bounds a slow socket's memory.",
    { min: "1KiB" },
  ),
  flushIntervalMs: duration(
    "0ms",
    "How long events are gathered before they are written to clients.",
    "0: every event at once; more saves writes where several come to a client within it.",
    { max: "10s" },
  ),
  behindAfterMs: duration(
    "5s",
    "How late a client may be before its when_behind says what happens.",
    "A delay that a person watching would call stuck.",
    {
      min: "10ms",
    },
  ),
  heartbeatIntervalMs: duration(
    "15s",
    "How often a client hears of the server while it gets no events.",
    "Shorter than the idle timeouts of common proxies (30 s and more).",
    { min: "100ms" },
  ),
  checkpointIntervalMs: duration(
    "1s",
    "How often a client gets a cursor between events.",
    "A reconnect repeats at most this much.",
    { min: "10ms" },
  ),
  unreadTimeoutMs: duration(
    "60s",
    "How long a client may read nothing before it is disconnected.",
    "One that does so for a minute is gone.",
    {
      min: "1s",
    },
  ),
  noProgressTimeoutMs: duration(
    "60s",
    "How long the log may not be read on for a client before it is sent to another server.",
    "It fares better elsewhere.",
    { min: "100ms" },
  ),
  catchUpMs: duration(
    "10s",
    "How long a client that asks for what was before waits for this process to have read the log.",
    "Before, the process may not know what was deleted; a busy one needs some seconds.",
    { min: "10ms" },
  ),
  interestIdleMs: duration(
    "60s",
    "How long a filter stays in the index after its last client left.",
    "One that comes back within a minute finds it there.",
  ),
  sessionTtlMs: duration(
    "24h",
    "How long a client that left may resume by its session's id.",
    "A laptop may sleep a night.",
    {
      min: "1s",
    },
  ),
  sessionSaveIntervalMs: duration(
    "5s",
    "How often it is saved how far each session has read.",
    "After a kill the repeat by session id is at most this much.",
    { min: "100ms" },
  ),
  subscribeTimeoutMs: duration(
    "10s",
    "How long a client may take to subscribe after it connected.",
    "One that says nothing holds a descriptor.",
    { min: "100ms" },
  ),
  logLinesPerSecondMax: integer(
    100,
    "Lines that the log gets in a second of clients that were refused or cut off.",
    "As many as there may be must not fill a disk.",
    { min: "1" },
  ),
  drainMs: duration(
    "10s",
    "How long clients get to leave when the server stops.",
    "Many are spread over half of it, so that they do not all come back at once.",
    { min: "0ms" },
  ),
  drainStepMs: duration(
    "5ms",
    "The time between two clients that leave when the server stops, where the drain leaves so much.",
    "Two hundred a second trouble nobody, and a few are gone at once.",
    { min: "0ms" },
  ),
} as const;
