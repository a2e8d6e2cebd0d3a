import type {
  Domain,
  DomainEvent,
  EventTypeDefinition,
  FieldDefinition,
  Source,
} from "@penstock-dev/contract";
import type { LogRecord } from "../log/index.ts";
import type { DomainFailures } from "./domain-failures.ts";

/** A record of a stream's topic, read as an event. */
export interface StreamEvent extends DomainEvent {
  /** Where it came from; undefined in a topic that is served as it lies. */
  readonly source: Source | undefined;
  /** Names its content, so that a deletion can hide it. */
  readonly contentKey: string | undefined;
  /**
   * The event's members behind `position` and `at`, as JSON without the opening brace:
   * `"id":"…","tweet":{…}}`. With what stands before them they make the body on the wire.
   */
  readonly tail: string;
  /** Whether the tail says all that fields are taken from, so that the event can be read from there again. */
  readonly isAllInTail?: boolean;
}

/** What a record of a stream's topic is. */
export type Decoded =
  | { readonly kind: "event"; readonly event: StreamEvent }
  /** Holds no event for anyone: a progress or control record. It may still name a source. */
  | { readonly kind: "control"; readonly source: Source | undefined }
  /** Cannot be read; told with its position, counted, passed over. */
  | { readonly kind: "unreadable"; readonly reason: string };

/** A stream as every room needs it: what users see, and how its records are read. */
export interface Stream {
  readonly name: string;
  readonly description: string;
  /** The topic that is served. */
  readonly topic: string;
  /** The topic of `finality: "final"`, where there is one. */
  readonly finalTopic: string | undefined;
  /** Where `POST /v1/ingest/{stream}` appends. */
  readonly ingestTopic: string;
  /** Holds what was deleted, where the stream has deletions. */
  readonly tombstoneTopic: string | undefined;
  /** Partitions of each of the topics, where they are made here. */
  readonly partitions: number;
  readonly eventTypes: ReadonlyMap<string, EventTypeDefinition>;
  /** All of them, `event_types` included. */
  readonly fields: ReadonlyMap<string, FieldDefinition>;
  /** The one noun, or undefined where event types differ in it: names the list in `recent`. */
  readonly noun: string | undefined;
  /** The name of the rate inside `filters`, besides `max_events_per_second`. */
  readonly rateAlias: string | undefined;
  /** The domain behind it; undefined for a declared stream. */
  readonly domain: Domain | undefined;
  /** What its domain's code failed in; whoever calls a field's `take` tells it. */
  readonly failures: DomainFailures;
  /** Reads one record of the topic, or of the final topic; never throws. */
  readonly decode: (record: LogRecord) => Decoded;
  /**
   * The key of an event of which the newest is kept; undefined of one that has none, and is kept.
   * Never throws.
   */
  readonly latestBy:
    | ((event: StreamEvent, partition: number, offset: number) => string | undefined)
    | undefined;
  /** What a record that is ingested must be, and how it becomes one of the ingest topic. */
  readonly ingest: StreamIngest;
}

/** One accepted record, ready to append to the ingest topic. */
export interface IngestRecord {
  readonly id: string;
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StreamIngest {
  /** JSON Schema of what may be posted. */
  readonly schema: object;
  /**
   * Checks and completes one posted value.
   *
   * @throws PenstockError `invalid_event` with the path of each member that is wrong
   */
  readonly accept: (
    value: unknown,
    context: {
      readonly nowMs: number;
      readonly idempotencyKey?: string | undefined;
      /** The producer's own, for the record. */
      readonly headers?: Readonly<Record<string, string>>;
    },
  ) => IngestRecord;
}
