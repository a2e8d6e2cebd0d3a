import { bytes, duration, list, text } from "../option.ts";

/** What the HTTP surface allows. */
export const apiOptions = {
  bodyBytesMax: bytes("1MiB", "A subscription of a thousand values fits many times.", {
    min: "1KiB",
  }),
  publicUrl: text(
    "",
    "What clients reach the server by, where a proxy stands before it; empty: the request's own host.",
  ),
  trustedProxies: list(
    [],
    "Addresses whose X-Forwarded-* headers count; from anybody else they are ignored.",
  ),
  allowedOrigins: list([], "Origins of pages that may connect, besides the server's own."),
  headersTimeoutMs: duration("30s", "A request's head fits one packet; slower ones hold a place.", {
    min: "100ms",
  }),
  bodyTimeoutMs: duration(
    "60s",
    "The largest single event comes through a slow line in this time; NDJSON is not bound by it.",
    { min: "100ms" },
  ),
  idleTimeoutMs: duration(
    "5m",
    "A connection on which nothing moves, in or out, for so long is gone; streams have their own.",
    { min: "100ms" },
  ),
} as const;
