import { type Gap, gapFrame } from "./gap.ts";
import { offsetsBetween, type Place } from "./place.ts";
import type { Parking, Subscriber } from "./subscriber.ts";
import type { TokenBucket } from "./token-bucket.ts";
import type { TopicState } from "./topic-state.ts";

/** What is asked of the engine around the parked clients. */
export interface ParkedPort {
  /** Whether a client is still there, and nothing reads for it yet. */
  isWaiting(subscriber: Subscriber): boolean;
  /** Reads the log for it from a place on. */
  join(subscriber: Subscriber, place: Place, bucket: TokenBucket | undefined): void;
  /** Puts it among the hot ones, at the head. */
  meetHead(subscriber: Subscriber, bucket: TokenBucket | undefined): void;
  /** Where the live end stands. */
  head(): Place;
  end(subscriber: Subscriber, error: "behind", detail: string): void;
}

/**
 * Clients that are in no lane: their socket or their rate holds them back from what the log has for
 * them. Each goes on from its place when it may, or as its policy says when that took too long.
 */
export class ParkedClients {
  readonly #state: TopicState;
  readonly #port: ParkedPort;

  constructor(state: TopicState, port: ParkedPort) {
    this.#state = state;
    this.#port = port;
  }

  park(subscriber: Subscriber, parking: Parking): void {
    subscriber.standing = { kind: "parked", parking };
    if (parking.readyAtMs !== undefined) this.#wakeAt(subscriber, parking, parking.readyAtMs);
  }

  /** A timer counts whole milliseconds, and may fire a little early: then it is set again. */
  #wakeAt(subscriber: Subscriber, parking: Parking, readyAtMs: number): void {
    const delayMs = Math.max(1, Math.ceil(readyAtMs - this.#state.now()));
    setTimeout(() => {
      const { standing } = subscriber;
      if (standing.kind !== "parked" || standing.parking !== parking) return;
      const nextMs = this.#readyAtMs(parking);
      if (nextMs > this.#state.now()) this.#wakeAt(subscriber, parking, nextMs);
      else this.wake(subscriber, parking);
    }, delayMs).unref();
  }

  /** When its rate allows a client to go on, as its bucket has it now: a clock may have been set back. */
  #readyAtMs({ readyAtMs, bucket }: Parking): number {
    const bucketMs = bucket?.readyAtMs(this.#state.now()) ?? 0;
    return Math.min(readyAtMs ?? 0, bucketMs);
  }

  /** Lets a client go on, where its socket and its rate allow it now. */
  wake(subscriber: Subscriber, parking: Parking): void {
    if (!this.#port.isWaiting(subscriber) || subscriber.room() === 0) return;
    const nowMs = this.#state.now();
    if (this.#readyAtMs(parking) > nowMs) return;
    if (!isBehind(subscriber, parking, nowMs)) {
      this.#port.join(subscriber, parking.place, parking.bucket);
    } else if (subscriber.flow.whenBehind === "disconnect") {
      this.#port.end(subscriber, "behind", "What was due to you is older than `behind_after`.");
    } else {
      const to = this.#port.head();
      const count = offsetsBetween(parking.place, to);
      this.#tell(
        subscriber,
        { ...INEXACT, reason: "behind", from: parking.place, to, count },
        true,
      );
      this.#port.meetHead(subscriber, parking.bucket);
    }
  }

  /** Tells a client that what lies between two places is gone. */
  tellLost(subscriber: Subscriber, from: Place, to: Place): void {
    const count = offsetsBetween(from, to);
    this.#tell(subscriber, { ...INEXACT, reason: "retention", from, to, count }, false);
  }

  #tell(subscriber: Subscriber, gap: Gap, recoverable: boolean): void {
    const { stream, topic, control, dropped, movements } = this.#state;
    const subscription = { stream, topic, rules: subscriber.interest.filters.wire };
    const cursor = (place: Place): string => control.cursor(place);
    const frame = gapFrame(gap, subscription, cursor, recoverable);
    const bytes = control.gap(subscriber.flow.encoding, frame);
    subscriber.control(bytes, { place: () => gap.to }, this.#state.now());
    const move = { delivered: 0, unmatched: 0, empty: 0, gap: gap.count };
    movements.advance(gap.count, move, 1);
    dropped.set(gap.reason, (dropped.get(gap.reason) ?? 0) + gap.count);
  }
}

/** Nobody has evaluated what lies there. */
const INEXACT = { exact: false, cancels: true } as const;

function isBehind(subscriber: Subscriber, parking: Parking, nowMs: number): boolean {
  if (subscriber.flow.whenBehind === "wait" || subscriber.until !== undefined) return false;
  const lagMs = nowMs - parking.oldestMs;
  return lagMs > subscriber.flow.behindAfterMs + (subscriber.startLagMs ?? lagMs);
}
