import { GrowingBytes } from "../../growing-bytes.ts";
import { BROKEN, BrokenFrame, isCloseCode, NO_CODE } from "./close-code.ts";
import {
  BINARY,
  broken,
  CLOSE,
  CONTINUATION,
  type FrameHead,
  HEAD_BYTES_MAX,
  isControl,
  PING,
  readFrameHead,
  TEXT,
  unmask,
} from "./frame-head.ts";
import { inflateMessage } from "./message-inflater.ts";

/** Takes what a client says, frame by frame. Payloads are the taker's to keep. */
export interface FrameSink {
  text(text: string): void;
  binary(): void;
  ping(payload: Buffer): void;
  pong(payload: Buffer): void;
  /** The last that is heard. @param code 1005 where the frame named none */
  closeFrame(code: number, reason: string): void;
}

/** How much a client may send in one piece. */
export interface ReaderLimits {
  /** Of a whole message, compressed or not. */
  readonly frameBytesMax: number;
  readonly fragmentsMax: number;
}

/** A frame whose end has not come yet. */
interface FramePart {
  /** Bytes of its head, until they are all there. */
  readonly head: Buffer;
  headBytes: number;
  read: FrameHead | undefined;
  /** How much of its payload has come. */
  payloadBytes: number;
  /** Where its payload goes: a control frame's own bytes, or the message that it belongs to. */
  payload: GrowingBytes | undefined;
}

/** A message whose end has not come yet. */
interface MessagePart {
  readonly opcode: number;
  readonly compressed: boolean;
  readonly payload: GrowingBytes;
  fragments: number;
}

/**
 * Reads a client's frames (RFC 6455 §5) out of pieces of any size. Between messages it holds nothing
 * but two empty members: a hundred thousand readers stand idle most of the time.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limits: ReaderLimits;
  readonly #compression: boolean;
  #frame: FramePart | undefined;
  #message: MessagePart | undefined;
  #over = false;
  #isClosing = false;

  /** @param compression whether permessage-deflate was agreed on */
  constructor(sink: FrameSink, limits: ReaderLimits, compression: boolean) {
    this.#sink = sink;
    this.#limits = limits;
    this.#compression = compression;
  }

  /**
   * Takes a piece, which is changed: masks come off in place. After a close frame or an error
   * nothing is read any more.
   *
   * @throws BrokenFrame the client broke the protocol; what came before it was handed on
   */
  feed(piece: Buffer): void {
    try {
      for (let at = 0; at < piece.length && !this.#over; ) {
        at +=
          this.#frame === undefined ? this.#fresh(piece, at) : this.#more(this.#frame, piece, at);
      }
    } catch (caught) {
      this.#over = true;
      throw caught;
    } finally {
      if (this.#over) {
        this.#frame = undefined;
        this.#message = undefined;
      }
    }
  }

  /** What the client says from now on counts for nothing, but that it closes as well. */
  hearCloseOnly(): void {
    this.#isClosing = true;
  }

  /** Reads at the beginning of a frame; answers how many bytes it took. */
  #fresh(piece: Buffer, from: number): number {
    const head = readFrameHead(piece, from, piece.length, this.#limits.frameBytesMax);
    if (head !== undefined) {
      this.#accept(head);
      const at = from + head.headBytes;
      if (piece.length - at >= head.length) {
        const payload = piece.subarray(at, at + head.length);
        unmask(payload, head.mask, 0);
        this.#whole(head, payload);
        return head.headBytes + head.length;
      }
    }
    this.#frame = {
      head: Buffer.allocUnsafeSlow(HEAD_BYTES_MAX),
      headBytes: 0,
      read: undefined,
      payloadBytes: 0,
      payload: undefined,
    };
    if (head === undefined) return this.#moreHead(this.#frame, piece, from);
    this.#begin(this.#frame, head);
    return head.headBytes;
  }

  #more(frame: FramePart, piece: Buffer, from: number): number {
    if (frame.read === undefined) return this.#moreHead(frame, piece, from);
    const { read } = frame;
    const wanted = Math.min(piece.length - from, read.length - frame.payloadBytes);
    const taken = (frame.payload as GrowingBytes).append(piece.subarray(from, from + wanted));
    unmask(taken, read.mask, frame.payloadBytes);
    frame.payloadBytes += wanted;
    if (frame.payloadBytes === read.length) this.#ended(frame, read);
    return wanted;
  }

  /** A head that comes in pieces is read byte by byte, so that none of the payload is taken. */
  #moreHead(frame: FramePart, piece: Buffer, from: number): number {
    let at = from;
    while (at < piece.length && frame.read === undefined) {
      frame.head[frame.headBytes] = piece[at] as number;
      frame.headBytes += 1;
      at += 1;
      const { frameBytesMax } = this.#limits;
      const read = readFrameHead(frame.head, 0, frame.headBytes, frameBytesMax);
      if (read === undefined) continue;
      this.#accept(read);
      this.#begin(frame, read);
      if (read.length === 0) this.#ended(frame, read);
    }
    return at - from;
  }

  /** The head of a frame whose payload comes in pieces is there. */
  #begin(frame: FramePart, head: FrameHead): void {
    frame.read = head;
    if (isControl(head.opcode)) frame.payload = new GrowingBytes();
    else frame.payload = this.#part(head).payload;
  }

  /** The message that a data frame belongs to. */
  #part(head: FrameHead): MessagePart {
    const message = this.#message;
    if (message !== undefined) {
      message.fragments += 1;
      return message;
    }
    const { opcode, compressed } = head;
    const part = { opcode, compressed, payload: new GrowingBytes(), fragments: 1 };
    this.#message = part;
    return part;
  }

  #ended(frame: FramePart, head: FrameHead): void {
    this.#frame = undefined;
    if (isControl(head.opcode)) this.#control(head.opcode, (frame.payload as GrowingBytes).bytes);
    else if (head.final) this.#completed();
  }

  /** A frame that came in one piece. */
  #whole(head: FrameHead, payload: Buffer): void {
    if (isControl(head.opcode)) {
      this.#control(head.opcode, payload);
    } else if (head.final && this.#message === undefined) {
      this.#deliver(head.opcode, head.compressed, payload);
    } else {
      this.#part(head).payload.append(payload);
      if (head.final) this.#completed();
    }
  }

  /** Holds a frame's head against what came before it. */
  #accept(head: FrameHead): void {
    if (head.compressed && !this.#compression) throw broken("no compression was agreed on");
    if (isControl(head.opcode)) return;
    const message = this.#message;
    if (message === undefined) {
      if (head.opcode === CONTINUATION) throw broken("there is no message to continue");
      return;
    }
    if (head.opcode !== CONTINUATION) throw broken("the message before has not ended");
    if (message.payload.length + head.length > this.#limits.frameBytesMax) {
      throw new BrokenFrame(BROKEN.tooBig, "the message is too big");
    }
    if (message.fragments >= this.#limits.fragmentsMax) {
      throw new BrokenFrame(BROKEN.policy, "the message has too many fragments");
    }
  }

  #completed(): void {
    const { opcode, compressed, payload } = this.#message as MessagePart;
    this.#message = undefined;
    this.#deliver(opcode, compressed, payload.bytes);
  }

  #deliver(opcode: number, compressed: boolean, payload: Buffer): void {
    if (this.#isClosing) return;
    const bytes = compressed ? inflateMessage(payload, this.#limits.frameBytesMax) : payload;
    if (opcode === TEXT) this.#sink.text(decode(bytes));
    else if (opcode === BINARY) this.#sink.binary();
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === CLOSE) this.#close(payload);
    else if (this.#isClosing) return;
    else if (opcode === PING) this.#sink.ping(Buffer.from(payload));
    else this.#sink.pong(payload);
  }

  #close(payload: Buffer): void {
    this.#over = true;
    if (payload.length === 0) {
      this.#sink.closeFrame(NO_CODE, "");
      return;
    }
    if (payload.length === 1) throw broken("a close code has two bytes");
    const code = payload.readUInt16BE(0);
    if (!isCloseCode(code)) throw broken("the close code is not one that may be sent");
    this.#sink.closeFrame(code, decode(payload.subarray(2)));
  }
}

/** One decoder for all: it keeps nothing between two whole texts. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new BrokenFrame(BROKEN.text, "the text is not UTF-8");
  }
}
