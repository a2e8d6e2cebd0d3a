import type { Encoding } from "../deliver/index.ts";

/** The header of a whole, unmasked text frame (RFC 6455 §5.2). */
function textFrame(text: string): Buffer {
  return frame(0x81, Buffer.byteLength(text), (target, at) => target.write(text, at));
}

/** A whole ping frame with a payload of at most 125 bytes. */
export function pingFrame(payload: string): Buffer {
  return frame(0x89, Buffer.byteLength(payload), (target, at) => target.write(payload, at));
}

/** A whole pong frame; its payload is the ping's. */
export function pongFrame(payload: Uint8Array): Buffer {
  return frame(0x8a, payload.length, (target, at) => target.set(payload, at));
}

function frame(first: number, length: number, fill: (target: Buffer, at: number) => void): Buffer {
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
  fill(bytes, head);
  return bytes;
}

export const websocketEncoding: Encoding = {
  name: "websocket",
  slot: 0,
  event: textFrame,
  control: (_type, json) => textFrame(json),
};

/** Server-sent events (WHATWG HTML §9.2): events have no `event:` line, so `onmessage` gets them. */
export const sseEncoding: Encoding = {
  name: "sse",
  slot: 1,
  event: (body) => Buffer.from(`data: ${body}\n\n`),
  control: (type, json, cursor) => {
    const resumes = cursor !== undefined && (type === "subscribed" || type === "checkpoint");
    return Buffer.from(`event: ${type}\n${resumes ? `id: ${cursor}\n` : ""}data: ${json}\n\n`);
  },
};

/** One frame a line. */
export const ndjsonEncoding: Encoding = {
  name: "ndjson",
  slot: 2,
  event: (body) => Buffer.from(`${body}\n`),
  control: (_type, json) => Buffer.from(`${json}\n`),
};
