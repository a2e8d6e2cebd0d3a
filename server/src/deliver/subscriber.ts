import type { ColdLane } from "./cold-lane.ts";
import type { Flow } from "./flow.ts";
import type { Interest } from "./interest.ts";
import type { Lane } from "./lane.ts";
import type { Outlet, PlaceRef } from "./outlet.ts";
import type { Place } from "./place.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** Control frames that wait for a socket before the client counts as an abuser of its own frames. */
export const WAITING_FRAMES_MAX = 64;

/**
 * Where a client stands. It is in a lane (hot), or it reads the log (cold): in a cohort's lane, or
 * at a place of its own while its socket or its rate holds it back.
 */
export type Standing =
  | { readonly kind: "hot"; readonly lane: Lane }
  | { readonly kind: "cohort"; readonly lane: ColdLane }
  | { readonly kind: "parked"; readonly parking: Parking }
  | { readonly kind: "gone"; readonly place: Place };

/** A place outside of any lane: the client goes on from there when its socket or rate allows. */
export interface Parking {
  readonly place: Place;
  /** When what it waits for was taken by the log. */
  readonly oldestMs: number;
  /** When its rate allows the next event; undefined where it waits for its socket. */
  readonly readyAtMs: number | undefined;
  readonly bucket: TokenBucket | undefined;
}

/** Frames for a client. */
export interface Offer {
  readonly bytes: Buffer;
  /** Events in `bytes`. */
  readonly events: number;
  /** Whether `bytes` is one frame, which goes out whatever is left of a socket's window. */
  readonly isOneFrame: boolean;
  /** Where the client stands behind them. */
  readonly ref: PlaceRef;
}

/** One connected client of a topic. */
export class Subscriber {
  readonly outlet: Outlet;
  readonly clientId: string;
  interest: Interest;
  flow: Flow;
  standing: Standing;
  /** Its index among the members of the lane that it is in. */
  memberAt = -1;
  /** The slot of the heartbeat wheel that looks at it. */
  wheelSlot = -1;
  lastWriteMs: number;
  /** Events that were handed to its socket. */
  delivered = 0;
  /** The last place up to which the client is known to have read. */
  acknowledged: Place | undefined;
  /** Whether `caught_up` is still due. */
  catchingUp = true;
  /** How far the client was behind when it began, in milliseconds; known from its first match on. */
  startLagMs: number | undefined;
  /** What its rate allows it, while its filters are being changed. */
  carried: TokenBucket | undefined;
  /** Reading ends here. */
  readonly until: Place | undefined;
  /** Called once, when the engine ends the connection. */
  readonly ended: (end: Ending) => void;
  #waiting: { readonly bytes: Buffer; readonly ref: PlaceRef }[] | undefined;

  constructor(init: {
    readonly outlet: Outlet;
    readonly clientId: string;
    readonly interest: Interest;
    readonly flow: Flow;
    readonly place: Place;
    readonly nowMs: number;
    readonly until: Place | undefined;
    readonly ended: (end: Ending) => void;
  }) {
    this.outlet = init.outlet;
    this.clientId = init.clientId;
    this.interest = init.interest;
    this.flow = init.flow;
    this.standing = { kind: "gone", place: init.place };
    this.lastWriteMs = init.nowMs;
    this.until = init.until;
    this.ended = init.ended;
  }

  /** Bytes that may be written now: none while control frames wait. */
  room(): number {
    return this.#waiting === undefined ? this.outlet.room() : 0;
  }

  /** Whether no control frame waits: what was written stands for the whole place. */
  get isClear(): boolean {
    return this.#waiting === undefined;
  }

  /** Hands events over where they may be written now, and tells whether it did. */
  offer({ bytes, events, isOneFrame, ref }: Offer, nowMs: number): boolean {
    if (this.#waiting !== undefined) return false;
    const room = this.outlet.room();
    if (room === 0 || (room < bytes.length && !isOneFrame)) return false;
    this.delivered += events;
    this.outlet.write(bytes, ref);
    this.lastWriteMs = nowMs;
    return true;
  }

  write(bytes: Buffer, ref: PlaceRef, nowMs: number): void {
    this.outlet.write(bytes, ref);
    this.lastWriteMs = nowMs;
  }

  /** Hands so many events over. */
  deliver(bytes: Buffer, ref: PlaceRef, nowMs: number, events: number): void {
    this.delivered += events;
    this.write(bytes, ref, nowMs);
  }

  /** Sends a control frame at this place of the stream: at once, or before anything else. */
  control(bytes: Buffer, ref: PlaceRef, nowMs: number): boolean {
    if (this.room() > 0) {
      this.write(bytes, ref, nowMs);
      return true;
    }
    this.#waiting ??= [];
    if (this.#waiting.length >= WAITING_FRAMES_MAX) return false;
    this.#waiting.push({ bytes, ref });
    return true;
  }

  /** Sends what waited for the socket. */
  flushWaiting(nowMs: number): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    while (waiting.length > 0 && this.outlet.room() > 0) {
      const next = waiting.shift();
      if (next !== undefined) this.write(next.bytes, next.ref, nowMs);
    }
    if (waiting.length === 0) this.#waiting = undefined;
  }
}

/** Why the engine ends a connection. */
export interface Ending {
  readonly error:
    | "behind"
    | "unread"
    | "no_progress"
    | "cursor_too_old"
    | "internal"
    | "protocol_error"
    | undefined;
  readonly detail: string;
}
