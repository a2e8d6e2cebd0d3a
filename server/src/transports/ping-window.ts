import type { PlaceRef } from "../deliver/index.ts";

/** A pong within this time makes the window so many times as wide. */
const PROMPT_MS = 1000;
const GROWTH = 4;

/**
 * Pings are numbered from 1 to here, again and again: far more than are ever unanswered together,
 * and so few that the frames of all of them can be kept ready.
 */
export const PING_NUMBERS = 999;

/** How far a window goes, in bytes. */
export interface WindowLimits {
  readonly unackedBytesMin: number;
  readonly unackedBytesMax: number;
}

interface Ping {
  readonly number: number;
  /** What was sent since the ping before it. */
  readonly bytes: number;
  readonly place: PlaceRef;
  readonly atMs: number;
}

/**
 * What a client has not read yet, told by numbered pings among its frames: every WebSocket library
 * answers a ping by itself once it has read it (RFC 6455 §5.5.3). It bounds what a client that does
 * not read costs in the kernel's memory, tells slow from dead, and acknowledges for free.
 *
 * Times are whole milliseconds of a clock that never jumps, and bytes are counted from the last
 * pong, so that all members stay small integers, which take no memory of their own.
 */
export class PingWindow {
  readonly #limits: WindowLimits;
  #windowBytes: number;
  #unreadBytes = 0;
  #unpingedBytes = 0;
  #pings: Ping[] | undefined;
  #number = 0;
  #lastPingMs: number;

  constructor(limits: WindowLimits, nowMs: number) {
    this.#limits = limits;
    this.#windowBytes = limits.unackedBytesMin;
    this.#lastPingMs = nowMs;
  }

  /** Bytes that may still go out. */
  get roomBytes(): number {
    return Math.max(0, this.#windowBytes - this.#unreadBytes);
  }

  get lastPingMs(): number {
    return this.#lastPingMs;
  }

  /** Counts a write; answers whether a ping is due behind it: one every half of a window. */
  sent(bytes: number): boolean {
    this.#unreadBytes += bytes;
    this.#unpingedBytes += bytes;
    return this.#unpingedBytes * 2 >= this.#windowBytes;
  }

  /** The number of the next ping, which stands for all that was sent so far. */
  ping(place: PlaceRef, nowMs: number): number {
    this.#number = (this.#number % PING_NUMBERS) + 1;
    this.#pings ??= [];
    this.#pings.push({ number: this.#number, bytes: this.#unpingedBytes, place, atMs: nowMs });
    this.#unpingedBytes = 0;
    this.#lastPingMs = nowMs;
    return this.#number;
  }

  /** Takes a pong; answers the place before which the client has read everything. */
  pong(payload: string, nowMs: number): PlaceRef | undefined {
    const pings = this.#pings;
    if (pings === undefined) return undefined;
    const at = pings.findIndex(({ number }) => String(number) === payload);
    const ping = pings[at];
    if (ping === undefined) return undefined;
    const answered = pings.splice(0, at + 1);
    for (const { bytes } of answered) this.#unreadBytes -= bytes;
    if (pings.length === 0) this.#pings = undefined;
    if (nowMs - ping.atMs <= PROMPT_MS) {
      this.#windowBytes = Math.min(
        Math.max(this.#limits.unackedBytesMax, this.#limits.unackedBytesMin),
        this.#windowBytes * GROWTH,
      );
    }
    return ping.place;
  }

  /** How long the oldest ping has been unanswered, in milliseconds. */
  unansweredMs(nowMs: number): number {
    const oldest = this.#pings?.[0];
    return oldest === undefined ? 0 : nowMs - oldest.atMs;
  }
}
