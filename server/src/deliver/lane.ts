import type { Entry } from "./entry.ts";
import type { Flow } from "./flow.ts";
import type { Broadcast, Interest } from "./interest.ts";
import type { Place } from "./place.ts";
import type { Ring } from "./ring.ts";
import type { Standing, Subscriber } from "./subscriber.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What of a lane's backlog goes out together. */
export interface Stretch {
  readonly entries: readonly Entry[];
  readonly frames: readonly Buffer[];
  readonly bytes: number;
  /** Where the lane stands behind it. */
  readonly index: number;
  readonly upTo: number;
  /** Matches and broadcasts that it passes whose content was deleted. */
  readonly hidden: number;
  /** Matches that it passes because a newer one has their key. */
  readonly superseded: number;
  /** Broadcasts that it passes. */
  readonly broadcasts: number;
}

/** How much a stretch may hold. */
export interface StretchLimits {
  readonly endSeq: number;
  readonly bytesMax: number;
  readonly eventsMax: number;
}

/**
 * Hot clients with one interest and one flow that stand at the same place: one index into the
 * posting list, one token bucket, one buffer for all.
 */
export class Lane {
  readonly interest: Interest;
  readonly flow: Flow;
  /** In no order: one that leaves makes room for the last. */
  readonly members: Subscriber[] = [];
  /** Where its members stand: one object for all of them. */
  readonly standing: Standing = { kind: "hot", lane: this };
  /** The next match, as an index into the interest's posting list. */
  index: number;
  /** Everything before this sequence is done with, broadcasts among it. */
  upTo: number;
  lastCheckpointMs: number;
  bucket: TokenBucket | undefined;
  /** Where the lane stood when what it had not sent left the ring; a gap is due from there. */
  lostFrom: Place | undefined;
  /** Up to this sequence only the newest event of each key goes out: the matches that are kept. */
  conflateUntilSeq = -1;
  #kept: ReadonlySet<number> | undefined;
  /** Waits for its turn in the flush that runs. */
  queued = false;
  /**
   * A socket or the rate has held back what it owes, and it has not caught up since: only then is
   * what it owes late by its own doing, and not by ours.
   */
  isHeld = false;
  /** The socket of its one member takes nothing now: that socket wakes it, and no match does. */
  isBlocked = false;

  constructor(interest: Interest, flow: Flow, index: number, upTo: number, nowMs: number) {
    this.interest = interest;
    this.flow = flow;
    this.index = index;
    this.upTo = upTo;
    this.lastCheckpointMs = nowMs;
    if (flow.maxEventsPerSecond !== undefined) {
      this.bucket = new TokenBucket(flow.maxEventsPerSecond);
    }
  }

  add(subscriber: Subscriber): void {
    subscriber.memberAt = this.members.length;
    subscriber.standing = this.standing;
    this.members.push(subscriber);
    this.isBlocked = false;
  }

  /** Takes a member out; where it stands then is for the caller to say. */
  remove(subscriber: Subscriber): void {
    const last = this.members.pop();
    if (last === undefined || last === subscriber) return;
    last.memberAt = subscriber.memberAt;
    this.members[last.memberAt] = last;
  }

  /** A lane of the same kind at the same place, for members that must leave this one. */
  split(): Lane {
    const lane = new Lane(this.interest, this.flow, this.index, this.upTo, this.lastCheckpointMs);
    lane.bucket = this.bucket?.copy();
    lane.lostFrom = this.lostFrom;
    lane.isHeld = this.isHeld;
    lane.conflateUntilSeq = this.conflateUntilSeq;
    lane.#kept = this.#kept;
    return lane;
  }

  /** From here on up to a sequence, only those matches go out that are kept. */
  conflate(untilSeq: number, kept: ReadonlySet<number>): void {
    this.conflateUntilSeq = untilSeq;
    this.#kept = kept;
  }

  /** Everything before a sequence is done with. */
  moveTo(seq: number): void {
    this.upTo = seq;
    if (seq < this.conflateUntilSeq) return;
    this.conflateUntilSeq = -1;
    this.#kept = undefined;
  }

  /** Whether a match has been told of as replaced by a newer one. */
  #isSuperseded(seq: number): boolean {
    return seq < this.conflateUntilSeq && this.#kept?.has(seq) === false;
  }

  /** The sequence of the next match or broadcast that is due, or `endSeq` where there is none. */
  nextSeq(broadcasts: readonly Broadcast[], endSeq: number): number {
    let next = this.interest.seqAt(this.index) ?? endSeq;
    for (let at = firstFrom(broadcasts, this.upTo); at < broadcasts.length; at++) {
      const broadcast = broadcasts[at];
      if (broadcast === undefined || broadcast.seq >= next) break;
      if (this.interest.reads(broadcast)) next = broadcast.seq;
    }
    return Math.min(next, endSeq);
  }

  /** The next entries that fit the limits, with their frames. Moves nothing. */
  stretch(ring: Ring, broadcasts: readonly Broadcast[], limits: StretchLimits): Stretch {
    const { interest } = this;
    const entries: Entry[] = [];
    const frames: Buffer[] = [];
    let bytes = 0;
    let hidden = 0;
    let superseded = 0;
    let passed = 0;
    let { index } = this;
    let at = firstFrom(broadcasts, this.upTo);
    const upTo = (seq: number): Stretch => {
      return { entries, frames, bytes, index, upTo: seq, hidden, superseded, broadcasts: passed };
    };
    for (;;) {
      while (at < broadcasts.length && !interest.reads(broadcasts[at] as Broadcast)) at += 1;
      const matchSeq = interest.seqAt(index) ?? limits.endSeq;
      const castSeq = broadcasts[at]?.seq ?? limits.endSeq;
      const seq = Math.min(matchSeq, castSeq);
      if (seq >= limits.endSeq) return upTo(limits.endSeq);
      const entry = ring.get(seq);
      if (entry === undefined) return upTo(seq);
      if (entry.hidden) {
        hidden += 1;
      } else if (matchSeq < castSeq && this.#isSuperseded(seq)) {
        superseded += 1;
      } else {
        const tags = matchSeq < castSeq ? interest.tagsAt(index) : undefined;
        const frame = entry.frame(this.flow.encoding, tags);
        if (frames.length > 0 && bytes + frame.length > limits.bytesMax) return upTo(seq);
        if (frames.length >= limits.eventsMax) return upTo(seq);
        entries.push(entry);
        frames.push(frame);
        bytes += frame.length;
      }
      if (castSeq < matchSeq) {
        at += 1;
        passed += 1;
      } else {
        index += 1;
      }
    }
  }
}

/** The index of the first broadcast at or behind a sequence. */
export function firstFrom(broadcasts: readonly Broadcast[], seq: number): number {
  // Broadcasts are few and mostly old: the end is the place to look from.
  let at = broadcasts.length;
  while (at > 0 && (broadcasts[at - 1]?.seq ?? 0) >= seq) at -= 1;
  return at;
}
