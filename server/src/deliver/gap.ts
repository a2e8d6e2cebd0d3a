import type { FilterRule, GapFrame } from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import { offsetMap, type Place } from "./place.ts";

/** What a gap frame says, but for the subscription that would recover it. */
export interface Gap {
  readonly reason: GapFrame["reason"];
  readonly from: Place;
  readonly to: Place;
  readonly count: number;
  readonly exact: boolean;
  readonly cancels: boolean;
}

/** Whose gap it is. */
export interface GapSubscription {
  readonly stream: Stream;
  /** The topic that is read: the stream's, or its final one. */
  readonly topic: string;
  readonly rules: readonly FilterRule[];
}

/**
 * The frame of a gap, with the subscription that would still get what it covers.
 *
 * @param recoverable false where the range is no longer kept
 */
export function gapFrame(
  gap: Gap,
  { stream, topic, rules }: GapSubscription,
  cursor: (place: Place) => string,
  recoverable: boolean,
): GapFrame {
  const recover = recoverable
    ? {
        stream: stream.name,
        rules,
        // A cursor of the final topic means nothing elsewhere.
        ...(topic === stream.finalTopic ? { finality: "final" as const } : {}),
        start: { cursor: cursor(gap.from) },
        until: { cursor: cursor(gap.to) },
        when_behind: "wait" as const,
      }
    : null;
  return {
    type: "gap",
    reason: gap.reason,
    from: offsetMap(gap.from),
    to: offsetMap(gap.to),
    count: gap.count,
    exact: gap.exact,
    cancels: gap.cancels,
    recover,
  };
}
