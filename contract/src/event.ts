/**
 * One event as every transport carries it (PROTOCOL.md, "Events"). The payload stands under its
 * noun, which differs by stream and event type; the other members are the envelope.
 */
export interface PenstockEvent {
  readonly event_type: string;
  /** `partition:offset` in the stream's topic. */
  readonly position: string;
  /** When the log took it, in milliseconds since the epoch. */
  readonly at: number;
  /** Names the thing, not the delivery: an undo or a deletion carries it again. */
  readonly id: string;
  /** An undo: the event with this id no longer holds. */
  readonly removed?: true;
  /** The tags of the rules that matched. */
  readonly tags?: readonly string[];
  /** The payload, under its noun. */
  readonly [noun: string]: unknown;
}

/** The members of the envelope: no noun may have one of these names. */
export const ENVELOPE_MEMBERS: readonly string[] = [
  "event_type",
  "position",
  "at",
  "id",
  "removed",
  "tags",
  "type",
];

/** Names that no field and no stream may have, for the wire uses them (PROTOCOL.md, "REST"). */
export const RESERVED_NAMES: readonly string[] = [
  "start_time",
  "end_time",
  "key",
  "cursor",
  "limit",
  "after",
  "since",
  "wait_ms",
  "stream",
  "streams",
  "stream_id",
  "ingest",
  "docs",
  "start",
  "time",
  "until",
  "clamp",
  "filters",
  "rules",
  "tag",
  "api_key",
  "ticket",
  "when_behind",
  "finality",
  "max_events_per_second",
];

/** The parts of a `position`. */
export interface Position {
  readonly partition: number;
  readonly offset: number;
}

export function formatPosition(partition: number, offset: number): string {
  return `${partition}:${offset}`;
}

/** The parts of the text of a position, or undefined where it is none. */
export function parsePosition(text: string): Position | undefined {
  const match = /^(\d{1,9}):(\d{1,16})$/.exec(text);
  return match === null ? undefined : { partition: Number(match[1]), offset: Number(match[2]) };
}
