import { boolean, bytes, duration, integer, type OptionValues } from "../option.ts";

/** Limits of the connections themselves. */
export const transportOptions = {
  unackedBytesMin: bytes(
    "64KiB",
    "What a client may leave unread at first.",
    "It bounds the kernel's memory for one that never reads.",
    { min: "4KiB" },
  ),
  unackedBytesMax: bytes(
    "1MiB",
    "What a client that answers within a second may leave unread.",
    "Enough for a fast line far away.",
    { min: "4KiB" },
  ),
  pingIntervalMs: duration(
    "60s",
    "How often an idle WebSocket is pinged.",
    "A pong every minute costs 4 % of a core at 100,000 clients.",
    { min: "100ms" },
  ),
  framesPerSecondMax: integer(
    50,
    "Frames that a client may send in a second.",
    "Its own are few: filters, heartbeats, acknowledgements.",
    { min: "1" },
  ),
  frameBytesMax: bytes(
    "1MiB",
    "The largest frame that a client may send.",
    "A subscription of a thousand values fits many times.",
    {
      min: "1KiB",
    },
  ),
  fragmentsMax: integer(
    1024,
    "Pieces that a client may send one frame in.",
    "Libraries send it whole, or in pieces of some KiB; each costs memory of its own.",
    { min: "1" },
  ),
  compression: boolean(
    true,
    "Whether permessage-deflate is agreed on where a client offers it.",
    "A frame is compressed once for all who get it, and a post shrinks to three quarters.",
  ),
  closeTimeoutMs: duration(
    "5s",
    "How long a client may take to answer a close before it is cut off.",
    "Whoever is there answers within a round trip.",
  ),
} as const;

export type TransportOptions = OptionValues<typeof transportOptions>;
