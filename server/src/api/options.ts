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
  bodyBytesMax: bytes(
    "1MiB",
    "The largest body of a request that publishes nothing.",
    "A subscription of a thousand values fits many times.",
    {
      min: "1KiB",
    },
  ),
  publicUrl: text(
    "",
    "The address that clients reach the server by, where a proxy stands before it.",
    "None: the host that each request names.",
    ADDRESS,
  ),
  trustedProxies: list(
    [],
    "Addresses whose X-Forwarded-* headers count.",
    "None: anybody can write such a header.",
    { check: NETWORKS },
  ),
  allowedOrigins: list(
    [],
    "Origins of pages that may connect, besides the server's own.",
    "None: another site's page must not read with its visitor's rights unasked.",
    {
      check: ORIGINS,
    },
  ),
  headersTimeoutMs: duration(
    "30s",
    "How long the head of a request may take to arrive.",
    "It fits one packet; slower ones hold a place.",
    {
      min: "100ms",
    },
  ),
  bodyTimeoutMs: duration(
    "60s",
    "How long the body of a request may take to arrive; NDJSON is not bound by it.",
    "The largest single event comes through a slow line in this time.",
    { min: "100ms" },
  ),
  idleTimeoutMs: duration(
    "5m",
    "How long a connection on which nothing moves is kept; streams have their own limits.",
    "Longer than clients pause, and whoever is gone does not hold a descriptor for ever.",
    { min: "100ms" },
  ),
} as const;
