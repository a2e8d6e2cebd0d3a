import { constants, deflateRawSync } from "node:zlib";
import type { Encoding } from "../../deliver/index.ts";
import { DEFLATE_WINDOW_BITS } from "./deflate-offer.ts";
import { compressedTextFrame, textFrame } from "./frames.ts";

/** A text below this gains nothing: what a block of deflate takes by itself is more. */
const COMPRESSED_BYTES_MIN = 64;

const SETTINGS = {
  windowBits: DEFLATE_WINDOW_BITS,
  // Repeats within a few hundred bytes are found at once; searching longer finds no more.
  level: 1,
  memLevel: 9,
  finishFlush: constants.Z_SYNC_FLUSH,
} as const;

/** What a flush ends with, and a message leaves away (RFC 7692 §7.2.1). */
const TAIL_BYTES = 4;

/**
 * A text as a frame of permessage-deflate with `server_no_context_takeover`: compressed alone, and
 * so the same for whoever gets it; plain where that is not longer.
 */
export function deflatedFrame(text: string): Buffer {
  const plain = textFrame(text);
  if (text.length < COMPRESSED_BYTES_MIN) return plain;
  const whole = deflateRawSync(text, SETTINGS);
  const frame = compressedTextFrame(whole.subarray(0, whole.length - TAIL_BYTES));
  return frame.length < plain.length ? frame : plain;
}

export const websocketDeflateEncoding: Encoding = {
  name: "websocket-deflate",
  slot: 3,
  event: deflatedFrame,
  control: (_type, json) => deflatedFrame(json),
};
