import { bytes, list, text } from "../option.ts";

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
} as const;
