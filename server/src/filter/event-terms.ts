import type { Route } from "@penstock-dev/contract";
import type { Stream, StreamEvent } from "../streams/index.ts";
import { kindOf } from "./kinds/kinds.ts";

/** What rules are held against: an event's own fields, or those of what a deletion cancels. */
export interface TermsView {
  terms(field: string): readonly string[];
  /** The fields, where only some are known: the others may be anything. */
  readonly known: ReadonlySet<string> | undefined;
  /** Whether terms are hashes, as in a deletion's routes. */
  readonly hashed: boolean;
}

const NONE: readonly string[] = [];

/** An event's terms, worked out once for each field that somebody asks for, and shared by all. */
export class EventTerms implements TermsView {
  readonly stream: Stream;
  readonly event: StreamEvent;
  readonly known = undefined;
  readonly hashed = false;
  /** The event itself, and what it cancels. */
  readonly views: readonly TermsView[];
  /** Whether only rules that name the event's type get it. */
  readonly onRequest: boolean;
  /** Fields that somebody asked for, and their terms: few, and a list is quicker than a map then. */
  readonly #asked: (string | readonly string[])[] = [];

  readonly #partition: number;
  readonly #offset: number;

  /** @param partition with `offset`, where the event stands, to tell what is wrong with it; -1 of none */
  constructor(stream: Stream, event: StreamEvent, partition = -1, offset = -1) {
    this.stream = stream;
    this.event = event;
    this.#partition = partition;
    this.#offset = offset;
    this.onRequest = stream.eventTypes.get(event.event_type)?.on_request === true;
    this.views = event.routes === undefined ? [this] : [this, ...event.routes.map(routeView)];
  }

  terms(field: string): readonly string[] {
    const asked = this.#asked;
    for (let at = 0; at < asked.length; at += 2) {
      if (asked[at] === field) return asked[at + 1] as readonly string[];
    }
    const terms = this.#take(field);
    asked.push(field, terms);
    return terms;
  }

  /**
   * A field whose own code fails has no value: rules that ask for one do not get the event, and
   * those that do not ask are not kept from it.
   */
  #take(field: string): readonly string[] {
    const definition = this.stream.fields.get(field);
    if (definition === undefined) return NONE;
    try {
      const taken = definition.take(this.event);
      if (taken === undefined) return NONE;
      checkTaken(taken);
      return kindOf(definition.kind).eventTerms(taken, definition);
    } catch (caught) {
      this.stream.failures.note(
        `fields.${field}.take`,
        "the event is taken to have no value for this field",
        caught,
        `${this.#partition}:${this.#offset}`,
      );
      return NONE;
    }
  }
}

/** A domain may be written in JavaScript. @throws TypeError where it gave anything but texts */
function checkTaken(taken: unknown): void {
  if (typeof taken === "string") return;
  if (!Array.isArray(taken))
    throw new TypeError(`it gave ${taken === null ? "null" : typeof taken}, not a text`);
  for (const value of taken) {
    if (typeof value !== "string") throw new TypeError(`it gave a list with ${typeof value} in it`);
  }
}

function routeView(route: Route): TermsView {
  return {
    terms: (field) => (Object.hasOwn(route.fields, field) ? (route.fields[field] ?? NONE) : NONE),
    known: route.partial === true ? new Set(Object.keys(route.fields)) : undefined,
    hashed: true,
  };
}
