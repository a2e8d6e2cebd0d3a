import type { PlaceRef } from "../deliver/index.ts";

/** A pong within this time doubles the window. */
const PROMPT_MS = 1000;

interface Ping {
  readonly number: number;
  readonly sentBytes: number;
  readonly place: PlaceRef;
  readonly atMs: number;
}

/**
 * What a client has not read yet, told by numbered pings among its frames: every WebSocket library
 * answers a ping by itself once it has read it (RFC 6455 §5.5.3). It bounds what a client that does
 * not read costs in the kernel's memory, tells slow from dead, and acknowledges for free.
 */
export class PingWindow {
  #windowBytes: number;
  readonly #windowBytesMax: number;
  readonly #pings: Ping[] = [];
  #sentBytes = 0;
  #answeredBytes = 0;
  #pingedBytes = 0;
  #lastPingMs: number;
  #number = 0;

  constructor(windowBytes: number, windowBytesMax: number, nowMs: number) {
    this.#windowBytes = windowBytes;
    this.#windowBytesMax = windowBytesMax;
    this.#lastPingMs = nowMs;
  }

  /** Bytes that may still go out. */
  get roomBytes(): number {
    return Math.max(0, this.#windowBytes - (this.#sentBytes - this.#answeredBytes));
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** Whether a ping is due: every quarter of a window, and on an idle connection now and then. */
  isDue(nowMs: number, idleIntervalMs: number): boolean {
    return (
      this.#sentBytes - this.#pingedBytes >= this.#windowBytes / 4 ||
      nowMs - this.#lastPingMs >= idleIntervalMs
    );
  }

  /** The payload of the next ping, which stands for all that was sent so far. */
  ping(place: PlaceRef, nowMs: number): string {
    this.#number += 1;
    this.#pingedBytes = this.#sentBytes;
    this.#lastPingMs = nowMs;
    this.#pings.push({ number: this.#number, sentBytes: this.#sentBytes, place, atMs: nowMs });
    return String(this.#number);
  }

  /** Takes a pong; answers the place before which the client has read everything. */
  pong(payload: string, nowMs: number): PlaceRef | undefined {
    const number = Number(payload);
    const at = this.#pings.findIndex((ping) => ping.number === number);
    const ping = this.#pings[at];
    if (ping === undefined) return undefined;
    this.#pings.splice(0, at + 1);
    this.#answeredBytes = ping.sentBytes;
    if (nowMs - ping.atMs <= PROMPT_MS) {
      this.#windowBytes = Math.min(this.#windowBytesMax, this.#windowBytes * 2);
    }
    return ping.place;
  }

  /** How long the oldest ping has been unanswered, in milliseconds. */
  unansweredMs(nowMs: number): number {
    const oldest = this.#pings[0];
    return oldest === undefined ? 0 : nowMs - oldest.atMs;
  }
}
