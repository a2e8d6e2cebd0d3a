import { sseEncoding } from "./encodings.ts";

/** Server-sent events: what `Accept: text/event-stream` gets. */
export const sse = {
  encoding: sseEncoding,
  contentType: "text/event-stream; charset=utf-8",
} as const;
