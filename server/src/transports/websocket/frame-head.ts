import { BROKEN, BrokenFrame } from "./close-code.ts";

export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

/** The longest head: two bytes, a length of eight, a mask of four. */
export const HEAD_BYTES_MAX = 14;

/** What the payload of a control frame may take (RFC 6455 §5.5). */
const CONTROL_BYTES_MAX = 125;

/** The head of a client's frame (RFC 6455 §5.2). */
export interface FrameHead {
  readonly opcode: number;
  readonly final: boolean;
  /** RSV1: the message that begins here is compressed (RFC 7692 §6). */
  readonly compressed: boolean;
  /** Of the payload, in bytes. */
  readonly length: number;
  /** The four bytes that the payload is masked with, as one number in network order. */
  readonly mask: number;
  /** What the head itself takes, in bytes. */
  readonly headBytes: number;
}

export function isControl(opcode: number): boolean {
  return opcode >= CLOSE;
}

/**
 * Reads a head; undefined where it is not there wholly. What is wrong with it is told as soon as its
 * first two bytes are there.
 *
 * @throws BrokenFrame what a client may not send, or a payload of more than `bytesMax`
 */
export function readFrameHead(
  bytes: Uint8Array,
  from: number,
  to: number,
  bytesMax: number,
): FrameHead | undefined {
  if (to - from < 2) return undefined;
  const first = bytes[from] as number;
  const second = bytes[from + 1] as number;
  const opcode = first & 0x0f;
  const final = (first & 0x80) !== 0;
  const short = second & 0x7f;
  check(first, second, opcode, final, short);
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  const maskAt = from + 2 + lengthBytes;
  if (to < maskAt) return undefined;
  let length = lengthBytes === 0 ? short : 0;
  for (let at = from + 2; at < maskAt; at++) length = length * 256 + (bytes[at] as number);
  if (length > bytesMax) throw new BrokenFrame(BROKEN.tooBig, "the message is too big");
  if (to < maskAt + 4) return undefined;
  const mask =
    ((bytes[maskAt] as number) << 24) |
    ((bytes[maskAt + 1] as number) << 16) |
    ((bytes[maskAt + 2] as number) << 8) |
    (bytes[maskAt + 3] as number);
  const compressed = (first & 0x40) !== 0;
  return { opcode, final, compressed, length, mask, headBytes: maskAt + 4 - from };
}

function check(first: number, second: number, opcode: number, final: boolean, short: number): void {
  if ((first & 0x30) !== 0) throw broken("RSV2 and RSV3 mean nothing here");
  if (opcode > BINARY && (opcode < CLOSE || opcode > PONG)) throw broken("the opcode is reserved");
  if (isControl(opcode)) {
    if (!final) throw broken("a control frame is not fragmented");
    if (short > CONTROL_BYTES_MAX) throw broken("a control frame has at most 125 bytes");
  }
  if ((first & 0x40) !== 0 && opcode !== TEXT && opcode !== BINARY) {
    throw broken("only the first frame of a message is compressed");
  }
  if ((second & 0x80) === 0) throw broken("a client masks its frames");
}

export function broken(reason: string): BrokenFrame {
  return new BrokenFrame(BROKEN.protocol, reason);
}

/**
 * Takes the mask off some bytes of a payload, where they lie (RFC 6455 §5.3).
 *
 * @param offset where they begin in the payload
 */
export function unmask(bytes: Uint8Array, mask: number, offset: number): void {
  if (mask === 0) return;
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = (bytes[at] as number) ^ (mask >>> (24 - 8 * ((offset + at) & 3)));
  }
}
