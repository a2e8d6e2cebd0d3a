/** What a reader tells of each frame: its first byte (bits and opcode), and where its payload lies. */
export type OnFrame = (first: number, chunk: Buffer, start: number, end: number) => void;

/**
 * Cuts a server's bytes into WebSocket frames (RFC 6455 §5.2), and looks no further: servers do not
 * mask. Frames that a chunk holds whole are told where they lie; only what is cut is copied.
 */
export class FrameReader {
  #rest: Buffer | undefined;
  readonly #onFrame: OnFrame;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Takes the bytes of a chunk from a place on; the chunk may be reused afterwards. */
  read(chunk: Buffer, from: number, length: number): void {
    if (this.#rest === undefined) {
      this.#frames(chunk, from, length);
      return;
    }
    const joined = Buffer.concat([this.#rest, chunk.subarray(from, length)]);
    this.#rest = undefined;
    this.#frames(joined, 0, joined.length);
  }

  #frames(chunk: Buffer, from: number, length: number): void {
    let at = from;
    while (length - at >= 2) {
      let size = (chunk[at + 1] as number) & 0x7f;
      let start = at + 2;
      if (size === 126) {
        if (length - at < 4) break;
        size = chunk.readUInt16BE(at + 2);
        start = at + 4;
      } else if (size === 127) {
        if (length - at < 10) break;
        size = Number(chunk.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      if (start + size > length) break;
      this.#onFrame(chunk[at] as number, chunk, start, start + size);
      at = start + size;
    }
    if (at < length) this.#rest = Buffer.from(chunk.subarray(at, length));
  }
}

/** A client's frame, masked with zeros, which is a mask like any other (RFC 6455 §5.3). */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  if (length > 0xffff) throw new RangeError("a client of these benchmarks sends nothing so long");
  const head = length < 126 ? 2 : 4;
  const frame = Buffer.alloc(head + 4 + length);
  frame[0] = 0x80 | opcode;
  if (length < 126) frame[1] = 0x80 | length;
  else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  }
  frame.set(payload, head + 4);
  return frame;
}

/** A server's text frame, for the baselines. */
export function serverFrame(payload: Uint8Array): Buffer {
  const { length } = payload;
  if (length > 0xffff) throw new RangeError("a baseline writes nothing so long");
  const head = length < 126 ? 2 : 4;
  const frame = Buffer.alloc(head + length);
  frame[0] = 0x81;
  if (length < 126) frame[1] = length;
  else {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  }
  frame.set(payload, head);
  return frame;
}
