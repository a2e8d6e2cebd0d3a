import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { DirectWrite, type QueueListener } from "./direct-write.ts";

const NOTHING = Buffer.alloc(0);

/** Two pieces of so many bytes in all are copied into one: cheaper than the way through the socket. */
const JOINED_BYTES_MAX = 16 * 1024;

/** Is told when everything that waited in the process has left it. */
export interface DrainListener {
  drained(): void;
}

/**
 * Hands whole frames to a socket, and tells when all of them have left the process: `drain` alone
 * would not, since it speaks only of a socket that was full. Nobody else writes to the socket.
 */
export class SocketWriter implements QueueListener {
  readonly #socket: Duplex;
  readonly #listener: DrainListener;
  /** The way past the socket's own buffer, while there is nothing in it. */
  #direct: DirectWrite | undefined;
  #waiting = false;
  #sinceMs = 0;

  /** @param direct whether bytes may go past the socket's own buffer, where that can be */
  constructor(socket: Duplex, listener: DrainListener, direct = true) {
    this.#socket = socket;
    this.#listener = listener;
    this.#direct = direct ? DirectWrite.to(socket) : undefined;
    if (socket.writableLength > 0) this.#wait();
  }

  get isIdle(): boolean {
    if (this.#waiting) return false;
    return this.#direct !== undefined || this.#socket.writable;
  }

  /**
   * How long bytes have been waiting in the process, in milliseconds, by a clock that never jumps:
   * a machine whose time is set anew has no stuck clients because of it.
   */
  waitingMs(): number {
    return this.#waiting ? performance.now() - this.#sinceMs : 0;
  }

  write(bytes: Uint8Array): void {
    if (this.#direct === undefined || this.#waiting) {
      this.#writeThrough(bytes);
      return;
    }
    const written = this.#direct.write(bytes, this);
    if (written === "queued") this.#waits();
    else if (written === "failed") this.#fail();
  }

  /** Hands over two pieces in one system call. */
  writeTogether(bytes: Uint8Array, more: Uint8Array): void {
    const isDirect = this.#direct !== undefined && !this.#waiting;
    if (isDirect && bytes.length + more.length <= JOINED_BYTES_MAX) {
      this.write(Buffer.concat([bytes, more]));
      return;
    }
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.cork();
    socket.write(bytes);
    socket.write(more);
    socket.uncork();
    if (socket.writableLength > 0) this.#wait();
  }

  /** Nothing more is written; the peer is told so behind what waits. */
  end(): void {
    this.#direct = undefined;
    this.#socket.end();
  }

  #writeThrough(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.write(bytes);
    if (socket.writableLength > 0) this.#wait();
  }

  /** Waits for what the socket holds, which comes behind what was handed over directly. */
  #wait(): void {
    if (this.#waiting) return;
    this.#waits();
    this.#socket.write(NOTHING, (failed) => this.written(failed !== null && failed !== undefined));
  }

  #waits(): void {
    this.#waiting = true;
    this.#sinceMs = Math.floor(performance.now());
  }

  /** What waited has left, or the socket is broken. */
  written(failed: boolean): void {
    const socket = this.#socket;
    this.#waiting = false;
    if (failed || !socket.writable) {
      this.#fail();
    } else if (socket.writableLength > 0) {
      // More was handed to the socket meanwhile: an answer to a ping, the frame of a close.
      this.#wait();
    } else {
      this.#listener.drained();
    }
  }

  /** Nothing gets through any more; the socket's `close` tells whoever listens. */
  #fail(): void {
    this.#direct = undefined;
    if (this.#socket.writable) this.#socket.destroy();
  }
}
