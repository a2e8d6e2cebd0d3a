import { ndjsonEncoding } from "./encodings.ts";

/** One frame a line: what `curl -N` gets. */
export const ndjson = {
  encoding: ndjsonEncoding,
  contentType: "application/x-ndjson; charset=utf-8",
} as const;
