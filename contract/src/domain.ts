/**
 * What a domain says about its stream, once, for everyone: documentation, filter index, ingestion,
 * processing and the console's forms come from it. A domain is a package of pure functions; it
 * reads no clock, draws no random number, and opens nothing (docs/architecture.md, "Domains").
 */
import type { FieldError } from "./errors.ts";

/** A JSON Schema (2020-12), as documentation and code generators take it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What reading an input gives: the value, or what is wrong with which member. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** An event before it has a place in the log. */
export interface DomainEvent {
  readonly event_type: string;
  /** Stable across replays; an undo or a deletion carries it again. */
  readonly id: string;
  /** The member that the payload stands under on the wire. */
  readonly noun: string;
  readonly payload: { readonly [member: string]: unknown };
  /**
   * Where it is from, as the producer says in the header `region` of its raw record: it is filtered
   * by, and is no part of what is sent.
   */
  readonly region?: string;
  /** An undo of the event with this id. */
  readonly removed?: true;
  /** For a deletion: whom it must reach. Left out, the event reaches whom its own fields match. */
  readonly routes?: readonly Route[];
}

/**
 * Values by field of an event that a deletion cancels, hashed (`hashTerm`), in the form in which
 * the field's kind indexes them: a set's values, a text's tokens in order, a range's one decimal
 * string (not hashed). The deletion reaches each rule that matches a route or its own fields.
 */
export interface Route {
  readonly fields: { readonly [field: string]: readonly string[] };
  /**
   * Only these fields of the cancelled event are known: the route reaches rules without any
   * condition, and rules whose conditions on these fields all hold, whatever else they ask.
   */
  readonly partial?: true;
}

/** The kinds that ship; a plug-in adds others (`server/src/filter/kinds`). */
export type FieldKindName = "exact" | "set" | "text" | "range" | (string & {});

/** One thing that can be filtered. */
export interface FieldDefinition {
  readonly kind: FieldKindName;
  readonly description: string;
  /** A value that a filter may hold, for documentation and forms. */
  readonly example: string;
  /** The only values that there are, where they are few. */
  readonly values?: readonly string[];
  /**
   * A filter's value in the form in which values are compared, or what is wrong with it. Events'
   * values pass through it too. Left out: as it is.
   */
  readonly normalise?: (value: string) => { readonly value: string } | { readonly wrong: string };
  /** What an event has for this field: one value, several, or none. Where it throws: none. */
  readonly take: (event: DomainEvent) => string | readonly string[] | undefined;
}

export interface EventTypeDefinition {
  readonly noun: string;
  readonly description: string;
  /** Of the payload. */
  readonly schema: JsonSchema;
  /** Goes to everyone whose rules could match this field's value in the event. */
  readonly broadcast?: { readonly field: string };
  /** Goes only to those who name it in `event_types`. */
  readonly on_request?: true;
  /** Cancels the content with the same content key. */
  readonly deletion?: true;
}

/** What completion may use; the caller owns clock and randomness. */
export interface CompletionContext {
  readonly nowMs: number;
  /** A new id, sortable by time; the same one again for the same idempotency key. */
  readonly newId: () => string;
}

/** How raw records come in. */
export interface DomainIngest<Raw> {
  readonly schema: JsonSchema;
  /** Reads one raw record, strictly: an unknown member is refused with its path. */
  readonly parse: (value: unknown) => Parsed<Raw>;
  /** Adds what the producer may leave out. */
  readonly complete: (raw: Raw, context: CompletionContext) => Raw;
  /** The partition key: the scope in which order holds. */
  readonly key: (raw: Raw) => string;
  /** The id that the answer to the producer names. */
  readonly id: (raw: Raw) => string;
}

/** What one raw record gives. */
export interface ProcessOutcome {
  readonly enriched: readonly DomainEvent[];
  /** For the final stream, where the domain has one. */
  readonly final?: readonly DomainEvent[];
  /** Content keys that the record deletes; written before the events. */
  readonly tombstones?: readonly string[];
  /** Why the record is a dead letter; it gives nothing else then. */
  readonly dead?: string;
  /** Something an operator should know, though the record was taken. */
  readonly notice?: string;
}

/** A domain's deterministic function from raw records to events, over one partition. */
export interface DomainProcess<Raw, State> {
  readonly create: () => State;
  /**
   * Takes the partition's raw records in the order of their offsets. The state after a record is a
   * function of the records from `stateFrom` on: a replay from there gives the same bytes.
   *
   * @param headers what the producer said of the record besides
   */
  readonly apply: (
    raw: Raw,
    state: State,
    offset: number,
    headers?: Readonly<Record<string, string>>,
  ) => ProcessOutcome;
  /** The lowest raw offset that the state, after the last record applied, depends on. */
  readonly stateFrom: (state: State) => number;
}

/** One raw record of the demonstration world. */
export interface DemoRecord<Raw> {
  /** Milliseconds after the record before it. */
  readonly afterMs: number;
  readonly raw: Raw;
}

export interface Domain<Raw = unknown, State = unknown> {
  /** The name that configuration and addresses use: `tweets`. */
  readonly name: string;
  readonly description: string;
  readonly topics: {
    readonly raw: string;
    /** What the stream serves; the raw topic itself where there is no process. */
    readonly enriched: string;
    readonly final?: string;
    readonly tombstones?: string;
  };
  readonly ingest: DomainIngest<Raw>;
  readonly process?: DomainProcess<Raw, State>;
  /**
   * Where there is no process, the raw topic is the one that is served: the event that a raw record
   * is. Left out, the record is an event of the domain's only event type, with itself as payload.
   */
  readonly toEvent?: (raw: Raw) => DomainEvent;
  readonly event_types: { readonly [eventType: string]: EventTypeDefinition };
  /** `event_types` is a field of every stream, and is not named here. */
  readonly fields: { readonly [field: string]: FieldDefinition };
  /**
   * Names the content of an event, so that a deletion can hide it; undefined: cannot be deleted.
   * Where it throws, the event is not served.
   */
  readonly contentKey?: (event: DomainEvent) => string | undefined;
  /** What `when_behind: latest` keeps the newest of. */
  readonly latestBy?: (event: DomainEvent) => string;
  /** The field that says whose an event is, for grants that see only their own. */
  readonly own?: { readonly field: string };
  /** Another name under which a rate may stand in `filters`: `max_tweets_per_second`. */
  readonly rateAlias?: string;
  /**
   * The raw records that one line of a known public recording stands for; undefined where the line
   * is none. An Error among them says what of the recording gives no record, and why. `memory` is
   * empty before the first line of a recording, and kept between lines; `text` is the line as it
   * stands, whose integers may be beyond what a double holds.
   */
  readonly fromRecording?: (
    line: unknown,
    memory: Map<string, unknown>,
    text: string,
  ) => readonly unknown[] | undefined;
  /** What a recording still stands for behind its last line. */
  readonly endOfRecording?: (memory: Map<string, unknown>) => readonly unknown[];
  /** An endless, seeded, plausible world; `startMs` is the time that it begins at. */
  readonly demo?: (seed: number, startMs: number) => Iterable<DemoRecord<Raw>>;
}

/** A domain as those see it who do not know its raw records: how a package exports it. */
export function asDomain<Raw, State>(domain: Domain<Raw, State>): Domain {
  return domain as unknown as Domain;
}
