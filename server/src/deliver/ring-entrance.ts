import { matches } from "../filter/index.ts";
import type { Interest } from "./interest.ts";
import { covers, type Place } from "./place.ts";
import type { Ring } from "./ring.ts";
import type { TopicState } from "./topic-state.ts";

/** Entries behind the head that are looked through for a client: fewer than a step of a scan. */
const LOOKED_MAX = 256;

/**
 * The ring's sequence at which a client can go on among the hot ones at once, because nothing between there and the head
 * is for it. Whoever comes while the log moves stands some entries behind by the time that its session
 * is on disk; to read the log for each of them would decode those entries again and again.
 *
 * @returns undefined where the log has to be read for it
 */
export function ringEntrance(
  state: TopicState,
  interest: Interest,
  place: Place,
): number | undefined {
  const { ring, broadcasts } = state;
  const seq = seqOf(ring, place);
  if (seq === undefined) return undefined;
  if (broadcasts.some((broadcast) => broadcast.seq >= seq && interest.reads(broadcast)))
    return undefined;
  if (interest.indexFrom(seq) < interest.end) return undefined;
  // What came before the interest did was not posted to it.
  const isLookedThrough = interest.bornSeq > seq;
  if (!isLookedThrough) return seq;
  for (let at = seq; at < interest.bornSeq; at++) {
    const entry = ring.get(at);
    if (entry !== undefined && matches(interest.filters, entry.terms) !== undefined)
      return undefined;
  }
  interest.filters.compact();
  return seq;
}

/**
 * The sequence before which lies what of the ring is before a place, and behind which the rest: undefined
 * where there is none, or where it is not near the head.
 */
function seqOf(ring: Ring, place: Place): number | undefined {
  const from = Math.max(ring.tail, ring.head - LOOKED_MAX);
  const oldest = ring.placeAt(from);
  const head = ring.placeAt(ring.head);
  if (oldest === undefined || head === undefined) return undefined;
  if (!covers(place, oldest) || !covers(head, place)) return undefined;
  let seq = ring.head;
  for (let at = from; at < ring.head; at++) {
    const entry = ring.get(at);
    if (entry === undefined) return undefined;
    const isBehind = entry.offset >= (place.offsets[entry.partition] ?? 0);
    if (isBehind) seq = Math.min(seq, at);
    else if (seq < at) return undefined;
  }
  return seq;
}
