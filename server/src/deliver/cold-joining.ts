import { ColdLane } from "./cold-lane.ts";
import type { ColdScan } from "./cold-scan.ts";
import { offsetsBetween, type Place } from "./place.ts";
import type { Subscriber } from "./subscriber.ts";

/** Clients this many offsets apart are read for by one scan; farther ones get a scan of their own. */
export const SCAN_SPAN_OFFSETS = 20_000;

/** Members of a cold lane: what is written to within one slice. */
const LANE_MEMBERS_MAX = 256;

/** A client that is about to be read for. */
export interface Joining {
  readonly subscriber: Subscriber;
  readonly place: Place;
  readonly bucket: ColdLane["bucket"];
  /** Whether it has just come; else its socket or its rate held it back. */
  readonly isNew: boolean;
}

/** A lane for each group that joins with the same interest, flow and place, the earliest first. */
export function lanesOf(joining: Iterable<Joining>, nowMs: number): ColdLane[] {
  const lanes: ColdLane[] = [];
  const groups = new Map<unknown, Map<string, ColdLane>>();
  for (const { subscriber, place, bucket, isNew } of joining) {
    const { interest, flow, until } = subscriber;
    const byFlow = groups.get(interest) ?? new Map<string, ColdLane>();
    groups.set(interest, byFlow);
    const key = `${flow.key} ${isNew} ${place.offsets.join(",")}`;
    let lane = until === undefined ? byFlow.get(key) : undefined;
    if (lane === undefined || lane.members.size >= LANE_MEMBERS_MAX) {
      lane = new ColdLane({ interest, flow, place, until, bucket: bucket?.copy(), isNew, nowMs });
      lanes.push(lane);
      if (until === undefined) byFlow.set(key, lane);
    } else if (bucket !== undefined) {
      lane.bucket?.join(bucket);
    }
    lane.members.add(subscriber);
  }
  return lanes.sort((a, b) => total(a.place) - total(b.place));
}

/** The members of a lane wait to join, as they came. */
export function putBack(lane: ColdLane, waiting: Map<Subscriber, Joining>): void {
  const { place, bucket, isNew } = lane;
  for (const subscriber of lane.members)
    waiting.set(subscriber, { subscriber, place, bucket, isNew });
}

/** Whether a scan comes past a place soon. */
export function comesPast(scan: ColdScan, place: Place): boolean {
  return scan.admits(place) && offsetsBetween(scan.place, place) <= SCAN_SPAN_OFFSETS;
}

/** Whether a scan has just been where clients stand that it cannot admit. */
export function hasPassed(scan: ColdScan, place: Place): boolean {
  return (
    offsetsBetween(place, scan.place) <= SCAN_SPAN_OFFSETS &&
    offsetsBetween(scan.place, place) <= SCAN_SPAN_OFFSETS
  );
}

/** Whether a scan began near a place, before it or behind it. */
export function beganNear(scan: ColdScan, place: Place): boolean {
  return Math.abs(total(scan.start) - total(place)) <= SCAN_SPAN_OFFSETS;
}

/** Where a scan must begin to serve a lane, and the others near it that wait for one. */
export function startFor(lanes: readonly ColdLane[], first: ColdLane): Place {
  let start = first.place;
  for (const lane of lanes) {
    if (Math.abs(total(lane.place) - total(first.place)) > SCAN_SPAN_OFFSETS) continue;
    if (lane.members.values().next().value?.standing.kind === "cohort") continue;
    start = earlierOf(start, lane.place);
  }
  return start;
}

/** The earlier of two places in each partition; a reader that starts there looks for the sources. */
export function earlierOf(a: Place, b: Place): Place {
  const offsets = a.offsets.map((offset, partition) => Math.min(offset, b.offsets[partition] ?? 0));
  const sources = offsets.map((offset, partition) =>
    offset === a.offsets[partition] ? a.sources[partition] : b.sources[partition],
  );
  return { offsets, sources };
}

function total(place: Place): number {
  let sum = 0;
  for (const offset of place.offsets) sum += offset;
  return sum;
}
