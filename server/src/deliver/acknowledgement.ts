import { decodeCursor, PenstockError } from "@penstock-dev/contract";
import type { Fanout } from "./fanout.ts";
import { offsetsBetween, placeOf } from "./place.ts";
import type { SessionRecord } from "./session.ts";

/**
 * Moves a session to where its client says that it stands.
 *
 * @param text the cursor of an `ack`
 * @returns false where an earlier `ack` had come further
 * @throws PenstockError `cursor_foreign` or `cursor_ahead`
 */
export function acknowledge(session: SessionRecord, fanout: Fanout, text: string): boolean {
  const cursor = decodeCursor(text);
  const { stream, topic, logId, generation } = fanout.identity;
  const isKnown =
    cursor.stream === stream &&
    cursor.topic === topic &&
    cursor.logId === logId &&
    cursor.generation <= generation;
  if (!isKnown) {
    throw new PenstockError("cursor_foreign", "The cursor of `ack` belongs to another stream.");
  }
  const head = fanout.head();
  const floors = head.offsets.map(() => 0);
  const place = placeOf(cursor, floors);
  if (offsetsBetween(head, place) > 0) {
    throw new PenstockError("cursor_ahead", "The cursor of `ack` is past the end of the log.");
  }
  const last = placeOf(decodeCursor(session.position), floors);
  if (session.acknowledged && offsetsBetween(place, last) > 0) return false;
  session.position = text;
  session.acknowledged = true;
  return true;
}
