import type { FieldDefinition, Route } from "@penstock-dev/contract";
import type { Stream, StreamEvent } from "../streams/index.ts";
import type { FieldKind } from "./kinds/field-kind.ts";
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
  readonly #fields: readonly TakenField[];
  /** By field, the terms of those that somebody asked for. */
  readonly #terms: (readonly string[] | undefined)[];
  readonly #partition: number;
  readonly #offset: number;

  /** @param partition with `offset`, where the event stands, to tell what is wrong with it; -1 of none */
  constructor(stream: Stream, event: StreamEvent, partition = -1, offset = -1) {
    this.stream = stream;
    this.event = event;
    this.#fields = takenFields(stream);
    this.#terms = new Array(this.#fields.length).fill(undefined);
    this.#partition = partition;
    this.#offset = offset;
    this.onRequest = stream.eventTypes.get(event.event_type)?.on_request === true;
    this.views = event.routes === undefined ? [this] : [this, ...event.routes.map(routeView)];
  }

  terms(field: string): readonly string[] {
    const fields = this.#fields;
    for (let at = 0; at < fields.length; at++)
      if ((fields[at] as TakenField).name === field) return this.termsAt(at);
    return NONE;
  }

  /** The terms of a field by its place among the stream's. */
  termsAt(place: number): readonly string[] {
    const known = this.#terms[place];
    if (known !== undefined) return known;
    const field = this.#fields[place];
    const terms = field === undefined ? NONE : this.#take(field);
    this.#terms[place] = terms;
    return terms;
  }

  /**
   * A field whose own code fails has no value: rules that ask for one do not get the event, and
   * those that do not ask are not kept from it.
   */
  #take({ name, kind, definition }: TakenField): readonly string[] {
    try {
      const taken = definition.take(this.event);
      if (taken === undefined) return NONE;
      checkTaken(taken);
      return kind.eventTerms(taken, definition);
    } catch (caught) {
      this.stream.failures.note(
        `fields.${name}.take`,
        "the event is taken to have no value for this field",
        caught,
        `${this.#partition}:${this.#offset}`,
      );
      return NONE;
    }
  }
}

/** A field with what takes its terms. */
interface TakenField {
  readonly name: string;
  readonly kind: FieldKind;
  readonly definition: FieldDefinition;
}

const fieldsOf = new WeakMap<Stream, readonly TakenField[]>();

/** A stream's fields in order, worked out once. */
function takenFields(stream: Stream): readonly TakenField[] {
  const known = fieldsOf.get(stream);
  if (known !== undefined) return known;
  const fields = [...stream.fields].map(([name, definition]) => ({
    name,
    kind: kindOf(definition.kind),
    definition,
  }));
  fieldsOf.set(stream, fields);
  return fields;
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
