import type { Entry } from "./entry.ts";
import { gapFrame } from "./gap.ts";
import type { Lane } from "./lane.ts";
import type { Delivery } from "./lane-writer.ts";
import { offsetsBetween, type Place } from "./place.ts";
import { SeqRef, type TopicState } from "./topic-state.ts";

/**
 * What becomes of a hot lane that cannot keep up: a gap up to where it goes on (`skip`), or only the
 * newest event of each key (`latest`). It makes the frames and moves; whoever owns the lane sends.
 */
export class BehindPolicy {
  readonly #state: TopicState;

  constructor(state: TopicState) {
    this.#state = state;
  }

  isBehind(lane: Lane, nowMs: number, endSeq: number): boolean {
    if (!lane.isHeld || lane.conflateUntilSeq >= 0) return false;
    const next = lane.nextSeq(this.#state.broadcasts, endSeq);
    const entry = next < endSeq ? this.#state.ring.get(next) : undefined;
    return entry !== undefined && nowMs - entry.atMs > lane.flow.behindAfterMs;
  }

  /** The gap that is due now; undefined where none is. Moves a lane that owes nobody a frame. */
  due(lane: Lane, nowMs: number, endSeq: number): Delivery | undefined {
    const { whenBehind } = lane.flow;
    const isLost = lane.lostFrom !== undefined;
    if (!isLost && !this.isBehind(lane, nowMs, endSeq)) return undefined;
    if (whenBehind === "skip") return this.#skip(lane, endSeq, endSeq);
    if (whenBehind !== "latest") return undefined;
    // What has left the ring cannot be conflated any more.
    if (isLost) return this.#skip(lane, this.#state.ring.tail, endSeq);
    return this.#conflate(lane, endSeq);
  }

  /** Moves a lane to `toSeq`, behind a gap that tells of what it passes. */
  #skip(lane: Lane, toSeq: number, endSeq: number): Delivery | undefined {
    const { ring } = this.#state;
    const nextSeq = lane.nextSeq(this.#state.broadcasts, endSeq);
    const from = lane.lostFrom ?? ring.placeAt(nextSeq);
    const to = ring.placeAt(toSeq);
    if (from === undefined || to === undefined) return undefined;
    const index = lane.interest.indexFrom(toSeq);
    const { hidden, casts } = this.#passed(lane, index, toSeq);
    const matches = index - lane.index;
    const distance = toSeq - lane.upTo;
    const count = matches + casts - hidden;
    const cancels = lane.interest.lastCancelSeq >= lane.upTo || casts > 0;
    // Some of what is passed may have been counted by an earlier conflation.
    const exact = lane.conflateUntilSeq < 0;
    const move = {
      delivered: 0,
      gap: count,
      empty: hidden,
      unmatched: distance - matches - casts,
    };
    const land = (landing: Lane): void => {
      landing.lostFrom = undefined;
      landing.index = index;
      landing.moveTo(toSeq);
    };
    const moved = (clients: number): void => {
      this.#state.movements.advance(distance, move, clients);
      if (count > 0) this.#drops("behind", count * clients);
    };
    if (count > 0) {
      const told = exact ? count : offsetsBetween(from, to);
      const gap = { reason: "behind", from, to, count: told, exact, cancels } as const;
      return this.#delivery(lane, gap, toSeq, land, moved);
    }
    land(lane);
    moved(lane.members.length);
    return undefined;
  }

  /** Tells of all that a newer event of the same key replaces, and leaves the rest to be sent. */
  #conflate(lane: Lane, endSeq: number): Delivery | undefined {
    const { ring } = this.#state;
    const from = ring.placeAt(lane.nextSeq(this.#state.broadcasts, endSeq));
    const to = ring.placeAt(endSeq);
    if (from === undefined || to === undefined) return undefined;
    const endIndex = lane.interest.indexFrom(endSeq);
    const kept = this.#kept(lane, endIndex);
    const { hidden } = this.#passed(lane, endIndex, endSeq);
    const count = endIndex - lane.index - hidden - kept.size;
    const land = (landing: Lane): void => landing.conflate(endSeq, kept);
    if (count === 0) {
      land(lane);
      return undefined;
    }
    const gap = { reason: "conflated", from, to, count, exact: true, cancels: false } as const;
    return this.#delivery(lane, gap, lane.upTo, land, (clients) =>
      this.#drops("conflated", count * clients),
    );
  }

  /** The matches of a lane, up to an index, that conflation keeps: the newest of each key, and whatever cancels. */
  #kept(lane: Lane, endIndex: number): ReadonlySet<number> {
    const seen = new Set<string>();
    const kept = new Set<number>();
    for (let index = endIndex - 1; index >= lane.index; index--) {
      const seq = lane.interest.seqAt(index);
      const entry = seq === undefined ? undefined : this.#state.ring.get(seq);
      if (seq === undefined || entry === undefined) break;
      if (entry.hidden) continue;
      const key = entry.cancels ? undefined : this.#keyOf(entry);
      if (key !== undefined && seen.has(key)) continue;
      if (key !== undefined) seen.add(key);
      kept.add(seq);
    }
    return kept;
  }

  #keyOf(entry: Entry): string | undefined {
    const { latestBy } = this.#state.stream;
    return latestBy === undefined ? undefined : entry.keyBy(latestBy);
  }

  #passed(lane: Lane, toIndex: number, endSeq: number): { hidden: number; casts: number } {
    let hidden = 0;
    const first = Math.max(lane.index, lane.interest.first);
    for (let index = first; index < toIndex; index++) {
      const seq = lane.interest.seqAt(index);
      if (seq !== undefined && this.#state.ring.get(seq)?.hidden === true) hidden += 1;
    }
    let casts = 0;
    for (const cast of this.#state.broadcasts) {
      if (cast.seq >= lane.upTo && cast.seq < endSeq && lane.interest.reads(cast)) casts += 1;
    }
    return { hidden, casts };
  }

  #delivery(
    lane: Lane,
    gap: Parameters<typeof gapFrame>[0],
    seqBehind: number,
    land: Delivery["land"],
    count: Delivery["count"],
  ): Delivery {
    const { control, ring, stream, topic } = this.#state;
    const subscription = { stream, topic, rules: lane.interest.filters.wire };
    const cursor = (place: Place): string => control.cursor(place);
    const bytes = control.gap(lane.flow.encoding, gapFrame(gap, subscription, cursor, true));
    return { bytes, events: 0, isOneFrame: true, ref: new SeqRef(ring, seqBehind), land, count };
  }

  #drops(reason: string, count: number): void {
    const { dropped } = this.#state;
    dropped.set(reason, (dropped.get(reason) ?? 0) + count);
  }
}
