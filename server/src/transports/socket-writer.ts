import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";

const NOTHING = Buffer.alloc(0);

/**
 * Hands whole frames to a socket, and tells when all of them have left the process: `drain` alone
 * would not, since it speaks only of a socket that was full.
 */
export class SocketWriter {
  readonly #socket: Duplex;
  readonly #drained: () => void;
  #waiting = false;
  #sinceMs = 0;

  constructor(socket: Duplex, drained: () => void) {
    this.#socket = socket;
    this.#drained = drained;
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
    if (!this.#socket.writable) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength === 0 || this.#waiting) return;
    this.#waiting = true;
    this.#sinceMs = performance.now();
    this.#socket.write(NOTHING, () => {
      this.#waiting = false;
      if (this.#socket.writable) this.#drained();
    });
  }
}
