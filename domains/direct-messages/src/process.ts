/**
 * From raw records to events. A repeat gives nothing, a deletion hides its message; everything else
 * is an event as it stands. The state says only what the last records say, so that a processor that
 * was killed rebuilds it from there and goes on as if nothing had been.
 */
import { type DomainEvent, hashTerm, type ProcessOutcome } from "@penstock-dev/contract";
import type { RawDeletion, RawRecord } from "./raw-record.ts";

/** Raw records of a partition within which a repeat is known as one. */
export const WINDOW_RECORDS = 10_000;

/** What was said in the window, in order, with the offset at which it was said last. */
export type State = Map<string, number>;

const NOTHING: ProcessOutcome = { enriched: [] };

/** Names a message's content: its author and its id. Nobody hides what another wrote. */
export function contentKeyOf({ from, id }: { readonly from: string; readonly id: string }): string {
  return JSON.stringify([from, id]);
}

/** Takes one raw record of a partition. */
export function apply(raw: RawRecord, state: State, offset: number): ProcessOutcome {
  // A Map keeps the order of insertion: the oldest come first.
  for (const [said, at] of state) {
    if (at > offset - WINDOW_RECORDS) break;
    state.delete(said);
  }
  const type = raw.type ?? "message";
  const content = contentKeyOf({ from: raw.from, id: raw.id ?? "" });
  const isDeleted = state.has(`delete ${content}`);
  const said = `${type} ${content}`;
  const isRepeat = state.delete(said);
  state.set(said, offset);
  if (isRepeat || isDeleted) return NOTHING;
  if (raw.type === "delete") return { enriched: [deletionOf(raw)], tombstones: [content] };
  const { type: _, ...payload } = raw;
  return { enriched: [{ event_type: type, id: raw.id ?? "", noun: "message", payload }] };
}

/** The oldest raw offset that the state depends on. */
export function stateFrom(state: State): number {
  const [oldest] = state.values();
  return oldest ?? Number.MAX_SAFE_INTEGER;
}

/**
 * A deletion carries no text, and yet must reach whoever got the message, by a filter on words too.
 * So it names its route: everybody whose conditions on these fields hold, whatever else they ask.
 */
function deletionOf({ id, from, to }: RawDeletion): DomainEvent {
  const fields = {
    from: [hashTerm(from)],
    to: [hashTerm(to)],
    participants: [hashTerm(from), hashTerm(to)],
  };
  return {
    event_type: "delete",
    id,
    noun: "message",
    payload: { id, from, to },
    routes: [{ fields, partial: true }],
  };
}
