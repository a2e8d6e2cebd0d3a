/** Whole frames of a server, which masks nothing (RFC 6455 §5.2). */
import { PING_NUMBERS } from "../ping-window.ts";

const TEXT = 0x81;
const COMPRESSED_TEXT = 0xc1;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;

/** What a close frame's reason may take beside the code (RFC 6455 §5.5). */
const REASON_BYTES_MAX = 123;

export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const bytes = frame(TEXT, length);
  bytes.write(text, bytes.length - length);
  return bytes;
}

/** A text that was compressed as one message (RFC 7692 §7.2.1). */
export function compressedTextFrame(payload: Uint8Array): Buffer {
  return filled(COMPRESSED_TEXT, payload);
}

/** @param payload at most 125 bytes */
export function pingFrame(payload: string): Buffer {
  return filled(PING, Buffer.from(payload));
}

/** The pings of all connections: each number's frame is made once. */
const pings: (Buffer | undefined)[] = new Array(PING_NUMBERS + 1).fill(undefined);

/** A ping whose payload is a number from 1 to `PING_NUMBERS`; its bytes are shared. */
export function numberedPing(number: number): Buffer {
  let ping = pings[number];
  if (ping === undefined) {
    ping = pingFrame(String(number));
    pings[number] = ping;
  }
  return ping;
}

/** @param payload the ping's */
export function pongFrame(payload: Uint8Array): Buffer {
  return filled(PONG, payload);
}

/** @param code undefined where the frame has none; a reason that is too long is cut */
export function closeFrame(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return frame(CLOSE, 0);
  const text = Buffer.from(reason);
  let length = Math.min(text.length, REASON_BYTES_MAX);
  // A reason is not cut within a character: bytes 10xxxxxx follow a first one.
  while (length < text.length && ((text[length] ?? 0) & 0xc0) === 0x80) length -= 1;
  const bytes = frame(CLOSE, 2 + length);
  bytes.writeUInt16BE(code, bytes.length - length - 2);
  bytes.set(text.subarray(0, length), bytes.length - length);
  return bytes;
}

function filled(first: number, payload: Uint8Array): Buffer {
  const bytes = frame(first, payload.length);
  bytes.set(payload, bytes.length - payload.length);
  return bytes;
}

/** A frame's bytes, with a payload that is still to be filled in. */
function frame(first: number, length: number): Buffer {
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  // Not from the pool: a frame lives as long as its entry, and would keep its neighbours alive.
  const bytes = Buffer.allocUnsafeSlow(head + length);
  bytes[0] = first;
  if (head === 2) {
    bytes[1] = length;
  } else if (head === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  return bytes;
}
