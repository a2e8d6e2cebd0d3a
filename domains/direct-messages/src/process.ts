/**
 * From raw records to events. A repeat gives nothing, a deletion hides its message; everything else
 * is an event as it stands. The state says only what the last records say, so that a processor that
 * was killed rebuilds it from there and goes on as if nothing had been.
 */
import {
  type DomainEvent,
  hashTerm,
  type ProcessOutcome,
  type Route,
  tokenise,
} from "@penstock-dev/contract";
import { participantsOf } from "./fields.ts";
import type { RawDeletion, RawMessage, RawRecord } from "./raw-record.ts";

/** Raw records of a partition within which a repeat, and a deletion's message, are known. */
export const WINDOW_RECORDS = 10_000;

/** The window of a partition: its records, and what each of them said. */
export interface State {
  /** What a record said, by its offset, oldest first: a Map keeps the order of insertion. */
  readonly window: Map<number, string>;
  /** For all that was said in the window, once for each time: of a message, whom it could reach. */
  readonly said: Map<string, (Route | undefined)[]>;
}

const NOTHING: ProcessOutcome = { enriched: [] };

export function createState(): State {
  return { window: new Map(), said: new Map() };
}

/** Names a message's content: its author and its id. Nobody hides what another wrote. */
export function contentKeyOf({ from, id }: { readonly from: string; readonly id: string }): string {
  return JSON.stringify([from, id]);
}

/** Takes one raw record of a partition. */
export function apply(raw: RawRecord, state: State, offset: number): ProcessOutcome {
  forget(state, offset - WINDOW_RECORDS);
  const type = raw.type ?? "message";
  const id = raw.id ?? "";
  const content = contentKeyOf({ from: raw.from, id });
  const said = `${type} ${content}`;
  const before = state.said.get(said) ?? [];
  const isRepeat = before.length > 0;
  before.push(raw.type === undefined ? routeOf(raw) : undefined);
  state.said.set(said, before);
  state.window.set(offset, said);
  if (isRepeat || (type !== "delete" && state.said.has(`delete ${content}`))) return NOTHING;
  if (raw.type === "delete") {
    // For all that the window says, the oldest is the one that was told.
    const [told] = state.said.get(`message ${content}`) ?? [];
    return { enriched: [deletionOf(raw, told)], tombstones: [content] };
  }
  const { type: _, ...payload } = raw;
  return { enriched: [{ event_type: type, id, noun: "message", payload }] };
}

/** The oldest raw offset that the state depends on. */
export function stateFrom({ window }: State): number {
  const [oldest] = window.keys();
  return oldest ?? Number.MAX_SAFE_INTEGER;
}

/** The window is one of offsets, so that it is the same whatever was read before it. */
function forget({ window, said }: State, until: number): void {
  for (const [offset, what] of window) {
    if (offset > until) return;
    window.delete(offset);
    const times = said.get(what);
    times?.shift();
    if (times?.length === 0) said.delete(what);
  }
}

/**
 * A deletion carries no text, and yet must reach whoever got the message, by a filter on words too.
 * So it takes along what the message could be filtered by, as hashes. Of a message that left the
 * window only the two sides are known: then it reaches those who filter by them.
 */
function deletionOf({ id, from, to }: RawDeletion, told: Route | undefined): DomainEvent {
  const route: Route = told ?? { fields: sidesOf({ from, to }), partial: true };
  return {
    event_type: "delete",
    id,
    noun: "message",
    payload: { id, from, to },
    routes: [route],
  };
}

/** What a message can be filtered by. */
function routeOf(message: RawMessage): Route {
  const words = tokenise(message.text).map(hashTerm);
  return {
    fields: {
      ...sidesOf(message),
      event_types: [hashTerm("message")],
      ...(words.length === 0 ? {} : { keywords: words }),
    },
  };
}

function sidesOf(message: { readonly from: string; readonly to: string }): Route["fields"] {
  return {
    from: [hashTerm(message.from)],
    to: [hashTerm(message.to)],
    participants: participantsOf(message).map(hashTerm),
  };
}
