import type { ColdLane, ColdMatch } from "./cold-lane.ts";
import { type Batch, placeInBatch } from "./cold-scan.ts";
import { laterOf, type Place } from "./place.ts";
import type { Parking, Subscriber } from "./subscriber.ts";
import type { TopicState } from "./topic-state.ts";

/** Takes a client out of its cohort, to go on from a place of its own. */
export type Park = (subscriber: Subscriber, parking: Parking) => void;

/** Sends a batch's matches to a cold lane: one buffer for all, and whoever cannot take it parks. */
export class ColdSender {
  readonly #state: TopicState;
  readonly #park: Park;

  constructor(state: TopicState, park: Park) {
    this.#state = state;
    this.#park = park;
  }

  send(lane: ColdLane, matches: readonly ColdMatch[], batch: Batch): void {
    const nowMs = this.#state.now();
    const first = matches[0];
    if (first === undefined) return;
    for (const member of lane.members) member.startLagMs ??= nowMs - first.entry.atMs;
    let at = 0;
    while (at < matches.length && lane.members.size > 0) {
      const allowed = lane.bucket?.available(nowMs) ?? Number.POSITIVE_INFINITY;
      if (allowed === 0) {
        const readyAtMs = lane.bucket?.readyAtMs(nowMs);
        for (const member of [...lane.members])
          this.#parkAt(lane, member, matches, at, batch, readyAtMs);
        return;
      }
      const until = this.#stretch(lane, matches, at, allowed, this.#state.options.writeBytesMax);
      this.#sendStretch(lane, matches, at, until, batch, nowMs);
      lane.bucket?.take(until - at, nowMs);
      at = until;
    }
  }

  /** The end of the matches from `at` on that fit a write. */
  #stretch(
    lane: ColdLane,
    matches: readonly ColdMatch[],
    at: number,
    eventsMax: number,
    bytesMax: number,
  ): number {
    let bytes = 0;
    let end = at;
    while (end < matches.length && end - at < eventsMax) {
      const { entry, tags } = matches[end] as ColdMatch;
      bytes += entry.frame(lane.flow.encoding, tags).length;
      if (bytes > bytesMax && end > at) break;
      end += 1;
    }
    return end;
  }

  #sendStretch(
    lane: ColdLane,
    matches: readonly ColdMatch[],
    from: number,
    until: number,
    batch: Batch,
    nowMs: number,
  ): void {
    const { control, options } = this.#state;
    const place = this.#placeAt(lane, matches, until, batch);
    const frames = matches
      .slice(from, until)
      .map(({ entry, tags }) => entry.frame(lane.flow.encoding, tags));
    const due = nowMs - lane.lastCheckpointMs >= options.checkpointIntervalMs;
    if (due) frames.push(control.checkpoint(lane.flow.encoding, place));
    const bytes = frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
    const events = until - from;
    const offer = { bytes, events, isOneFrame: events === 1, ref: { place: () => place } };
    for (const member of [...lane.members]) {
      if (member.offer(offer, nowMs)) {
        this.#count(events, nowMs, matches[from] as ColdMatch);
      } else {
        this.#sendAlone(lane, member, matches, from, batch, nowMs);
      }
    }
    lane.within = place;
    if (due) lane.lastCheckpointMs = nowMs;
  }

  /** What still fits a socket's room goes out, and the client parks behind it. */
  #sendAlone(
    lane: ColdLane,
    member: Subscriber,
    matches: readonly ColdMatch[],
    from: number,
    batch: Batch,
    nowMs: number,
  ): void {
    const room = member.room();
    let at = from;
    if (room > 0) {
      at = this.#stretch(lane, matches, from, Number.POSITIVE_INFINITY, room);
      const place = this.#placeAt(lane, matches, at, batch);
      const frames = matches
        .slice(from, at)
        .map(({ entry, tags }) => entry.frame(lane.flow.encoding, tags));
      const ref = { place: () => place };
      // What was chosen fits, or is one frame.
      const offer = { bytes: Buffer.concat(frames), events: at - from, isOneFrame: true, ref };
      member.offer(offer, nowMs);
      this.#count(at - from, nowMs, matches[from] as ColdMatch);
    }
    this.#parkAt(lane, member, matches, at, batch, undefined);
  }

  #parkAt(
    lane: ColdLane,
    member: Subscriber,
    matches: readonly ColdMatch[],
    at: number,
    batch: Batch,
    readyAtMs: number | undefined,
  ): void {
    this.#park(member, {
      place: this.#placeAt(lane, matches, at, batch),
      oldestMs: matches[at]?.entry.atMs ?? this.#state.now(),
      readyAtMs,
      bucket: lane.bucket,
    });
  }

  /** Where a lane stands before one of its matches; behind the batch for the last. */
  #placeAt(lane: ColdLane, matches: readonly ColdMatch[], at: number, batch: Batch): Place {
    const match = matches[at];
    const place = match === undefined ? batch.end : placeInBatch(batch, match.at);
    return lane.skip === undefined ? place : laterOf(place, lane.skip);
  }

  #count(events: number, nowMs: number, first: ColdMatch): void {
    this.#state.movements.delivered += events;
    this.#state.lag.observe(nowMs - first.entry.atMs, events);
  }
}
