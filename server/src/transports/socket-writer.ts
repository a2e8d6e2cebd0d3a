import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";

const NOTHING = Buffer.alloc(0);

/** Is told when everything that waited in the process has left it. */
export interface DrainListener {
  drained(): void;
}

/**
 * Hands whole frames to a socket, and tells when all of them have left the process: `drain` alone
 * would not, since it speaks only of a socket that was full.
 */
export class SocketWriter {
  readonly #socket: Duplex;
  readonly #listener: DrainListener;
  #waiting = false;
  #sinceMs = 0;

  constructor(socket: Duplex, listener: DrainListener) {
    this.#socket = socket;
    this.#listener = listener;
  }

  get isIdle(): boolean {
    return this.#socket.writableLength === 0 && this.#socket.writable;
  }

  /**
   * How long bytes have been waiting in the process, in milliseconds, by a clock that never jumps:
   * a machine whose time is set anew has no stuck clients because of it.
   */
  waitingMs(): number {
    return this.#waiting ? performance.now() - this.#sinceMs : 0;
  }

  write(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.write(bytes);
    if (socket.writableLength > 0) this.#wait();
  }

  /** Hands over two pieces in one system call. */
  writeTogether(bytes: Uint8Array, more: Uint8Array): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.cork();
    socket.write(bytes);
    socket.write(more);
    socket.uncork();
    if (socket.writableLength > 0) this.#wait();
  }

  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#sinceMs = Math.floor(performance.now());
    this.#socket.write(NOTHING, () => {
      this.#waiting = false;
      if (this.#socket.writable) this.#listener.drained();
    });
  }
}
