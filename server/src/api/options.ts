import { BlockList, isIP } from "node:net";
import { bytes, duration, list, type TextCheck, text } from "../option.ts";

const ADDRESS: TextCheck = {
  what: "an absolute address such as https://stream.example.com",
  holds: (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
};

const NETWORKS: TextCheck = {
  what: "addresses or ranges such as 10.0.0.7 or 10.0.0.0/8",
  holds: (text) => {
    const [network = "", prefix] = text.split("/");
    if (isIP(network) === 0) return false;
    if (prefix === undefined) return true;
    try {
      new BlockList().addSubnet(network, Number(prefix), isIP(network) === 6 ? "ipv6" : "ipv4");
      return /^\d+$/.test(prefix);
    } catch {
      return false;
    }
  },
};

/** Origins are compared as they are written: one with a path would silently never match. */
const ORIGINS: TextCheck = {
  what: "origins such as https://app.example.com, without a path",
  holds: (text) => URL.canParse(text) && new URL(text).origin === text,
};

/** What the HTTP surface allows. */
export const apiOptions = {
  bodyBytesMax: bytes("1MiB", "A subscription of a thousand values fits many times.", {
    min: "1KiB",
  }),
  publicUrl: text(
    "",
    "What clients reach the server by, where a proxy stands before it; empty: the request's own host.",
    ADDRESS,
  ),
  trustedProxies: list(
    [],
    "Addresses whose X-Forwarded-* headers count; from anybody else they are ignored.",
    { check: NETWORKS },
  ),
  allowedOrigins: list([], "Origins of pages that may connect, besides the server's own.", {
    check: ORIGINS,
  }),
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
