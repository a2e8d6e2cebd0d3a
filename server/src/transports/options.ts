import { boolean, bytes, duration, integer, type OptionValues } from "../option.ts";

/** Limits of the connections themselves. */
export const transportOptions = {
  unackedBytesMin: bytes(
    "64KiB",
    "What a client may leave unread at first: it bounds the kernel's memory for one that never reads.",
    { min: "4KiB" },
  ),
  unackedBytesMax: bytes(
    "1MiB",
    "What a client that answers within a second may leave unread: enough for a fast line far away.",
    { min: "4KiB" },
  ),
  pingIntervalMs: duration(
    "60s",
    "An idle WebSocket is pinged this often: a pong every minute costs 4 % of a core at 100,000 clients.",
    { min: "100ms" },
  ),
  framesPerSecondMax: integer(
    50,
    "A client's own frames are few: filters, heartbeats, acknowledgements.",
    { min: "1" },
  ),
  frameBytesMax: bytes("1MiB", "A subscription of a thousand values fits many times.", {
    min: "1KiB",
  }),
  fragmentsMax: integer(
    1024,
    "Libraries send a frame whole, or in pieces of some KiB; each piece costs memory of its own.",
    { min: "1" },
  ),
  compression: boolean(
    true,
    "Where a client offers permessage-deflate: a frame is compressed once for all who get it, and a post shrinks to three quarters.",
  ),
  closeTimeoutMs: duration("5s", "A peer that does not answer a close is cut."),
} as const;

export type TransportOptions = OptionValues<typeof transportOptions>;
