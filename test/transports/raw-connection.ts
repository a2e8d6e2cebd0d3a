import { connect, type Socket } from "node:net";
import type { ConnectOptions, Frame, Over, TransportConnection } from "./transport-driver.ts";

/** What a transport makes of the bytes that a server sends behind the head of its answer. */
export interface FrameReader {
  /** Takes bytes; answers the frames that are whole now. */
  feed(bytes: Buffer): readonly string[];
  /** The close code, where one came. */
  readonly code: number | undefined;
  /** What the client's side of the protocol says by itself: answers to pings. */
  replies(): readonly Buffer[];
}

/** A client on a bare socket, so that a test decides to the byte what it reads. */
export class RawConnection implements TransportConnection {
  readonly frames: Frame[] = [];
  readonly over: Promise<Over>;
  readonly socket: Socket;
  text = "";
  readonly #reader: FrameReader;
  readonly #encode: ((frame: object) => Buffer) | undefined;
  readonly #onFrame: ((frame: Frame) => void) | undefined;
  readonly #waiters: { readonly from: number; readonly look: () => boolean }[] = [];
  readonly #lost: ((error: Error) => void)[] = [];
  readonly #unsent: Buffer[] = [];
  #head: Buffer | undefined = Buffer.alloc(0);
  #readableBytes: number;
  #isOver = false;

  constructor(
    url: string,
    request: string,
    reader: FrameReader,
    encode: ((frame: object) => Buffer) | undefined,
    options: ConnectOptions,
  ) {
    this.#reader = reader;
    this.#encode = encode;
    this.#onFrame = options.onFrame;
    this.#readableBytes = options.cutAfterBytes ?? Number.POSITIVE_INFINITY;
    this.socket = connect(Number(new URL(url).port), "127.0.0.1");
    this.socket.setNoDelay(true);
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk) => this.#take(chunk));
    this.socket.write(request);
    const { promise, resolve } = Promise.withResolvers<Over>();
    this.over = promise;
    this.socket.on("close", () => {
      this.#isOver = true;
      for (const lose of this.#lost.splice(0)) {
        lose(new Error(`the connection ended first, behind ${this.text.slice(-600)}`));
      }
      resolve({ code: this.#reader.code });
    });
  }

  next(fits: (frame: Frame) => boolean, from = 0): Promise<Frame> {
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    let at = from;
    const look = (): boolean => {
      for (; at < this.frames.length; at++) {
        const frame = this.frames[at];
        if (frame === undefined || !fits(frame)) continue;
        resolve(frame);
        return true;
      }
      return false;
    };
    if (look()) return promise;
    if (this.#isOver) reject(new Error(`the connection is over, behind ${this.text.slice(-600)}`));
    this.#waiters.push({ from, look });
    this.#lost.push(reject);
    return promise;
  }

  send(frame: object): void {
    if (this.#encode === undefined) throw new Error("this transport carries no client frames");
    this.sendBytes(this.#encode(frame));
  }

  /** Sends bytes once the answer's head is there. */
  sendBytes(bytes: Buffer): void {
    if (this.#head === undefined) this.socket.write(bytes);
    else this.#unsent.push(bytes);
  }

  destroy(): void {
    this.#readableBytes = 0;
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    const bytes = chunk.subarray(0, this.#readableBytes);
    this.#readableBytes -= bytes.length;
    this.text += bytes.toString("latin1");
    const body = this.#behindHead(bytes);
    if (body !== undefined && body.length > 0) {
      for (const text of this.#reader.feed(body)) {
        const frame = JSON.parse(text) as Frame;
        this.frames.push(frame);
        this.#onFrame?.(frame);
      }
      for (const reply of this.#reader.replies()) this.socket.write(reply);
      for (let at = 0; at < this.#waiters.length; ) {
        if (this.#waiters[at]?.look() === true) this.#waiters.splice(at, 1);
        else at += 1;
      }
    }
    if (this.#readableBytes <= 0) this.socket.destroy();
  }

  #behindHead(bytes: Buffer): Buffer | undefined {
    if (this.#head === undefined) return bytes;
    const all = Buffer.concat([this.#head, bytes]);
    const end = all.indexOf("\r\n\r\n");
    this.#head = all;
    if (end < 0) return undefined;
    this.#head = undefined;
    for (const unsent of this.#unsent.splice(0)) this.socket.write(unsent);
    return all.subarray(end + 4);
  }
}
