import {
  type Domain,
  type DomainEvent,
  type EventTypeDefinition,
  type FieldDefinition,
  PenstockError,
} from "@penstock-dev/contract";
import type { LogRecord } from "../log/index.ts";
import { type Consequence, DomainFailures, thrownText } from "./domain-failures.ts";
import { checkEvent, decodeEnriched, sourceOf, tailOf } from "./record-codec.ts";
import { newRecordId } from "./record-id.ts";
import { readJson } from "./record-json.ts";
import type { Decoded, Stream, StreamIngest } from "./stream.ts";

/** A stream that a domain describes. */
export function typedStream(
  name: string,
  domain: Domain,
  options: { readonly partitions: number },
): Stream {
  const eventTypes = new Map<string, EventTypeDefinition>(Object.entries(domain.event_types));
  const failures = new DomainFailures(name, domain.name);
  const nouns = new Set([...eventTypes.values()].map(({ noun }) => noun));
  return {
    name,
    description: domain.description,
    topic: domain.topics.enriched,
    finalTopic: domain.topics.final,
    ingestTopic: domain.topics.raw,
    tombstoneTopic: domain.topics.tombstones,
    partitions: options.partitions,
    eventTypes,
    fields: new Map([
      ...Object.entries(domain.fields),
      ["event_types", eventTypesField([...eventTypes.keys()])],
    ]),
    noun: nouns.size === 1 ? [...nouns][0] : undefined,
    rateAlias: domain.rateAlias,
    domain,
    failures,
    decode:
      domain.process === undefined
        ? rawDecoder(domain, failures)
        : enrichedDecoder(domain, eventTypes, failures),
    latestBy: guardedLatestBy(domain, failures),
    ingest: typedIngest(domain),
  };
}

/** The field that every stream has. @param names the types that there are; none where they are open */
export function eventTypesField(names: readonly string[]): FieldDefinition {
  return {
    kind: "exact",
    description: "The type of the event.",
    example: names[0] ?? "event",
    ...(names.length === 0 ? {} : { values: names }),
    take: (event) => event.event_type,
  };
}

function enrichedDecoder(
  { contentKey }: Domain,
  eventTypes: ReadonlyMap<string, EventTypeDefinition>,
  failures: DomainFailures,
) {
  const nounOf = (eventType: string) => eventTypes.get(eventType)?.noun;
  const failed = passedOver(failures);
  return (record: LogRecord): Decoded => decodeEnriched(record, nounOf, contentKey, failed);
}

/**
 * A record of which the domain does not say what event it is, or which content it has: served, it
 * could be what was deleted.
 */
function passedOver(failures: DomainFailures) {
  return (member: string, caught: unknown, offset: number): Decoded => {
    const consequence: Consequence = "the record is passed over";
    failures.note(member, consequence, caught, String(offset));
    return { kind: "unreadable", reason: `the domain's ${member} failed: ${thrownText(caught)}` };
  };
}

function guardedLatestBy(domain: Domain, failures: DomainFailures): Stream["latestBy"] {
  const { latestBy } = domain;
  if (latestBy === undefined) return undefined;
  return (event, partition, offset) => {
    try {
      return latestBy(event);
    } catch (caught) {
      const consequence: Consequence = "the event is taken to have no key";
      failures.note("latestBy", consequence, caught, `${partition}:${offset}`);
      return undefined;
    }
  };
}

/** A domain without a process serves its raw topic: each record is the event that it says. */
function rawDecoder(domain: Domain, failures: DomainFailures) {
  const failed = passedOver(failures);
  return (record: LogRecord): Decoded => {
    const read = readJson(record.value);
    if ("wrong" in read) return { kind: "unreadable", reason: read.wrong };
    let member = "ingest.parse";
    try {
      const parsed = domain.ingest.parse(read.body);
      if (!parsed.ok) {
        const [first] = parsed.errors;
        const reason = `${first?.path ?? ""} ${first?.message ?? "is wrong"}`;
        return { kind: "unreadable", reason };
      }
      member = domain.toEvent === undefined ? "ingest.id" : "toEvent";
      const event = domain.toEvent?.(parsed.value) ?? onlyEvent(domain, parsed.value);
      checkEvent(event);
      const tail = tailOf(event);
      member = "contentKey";
      const contentKey = domain.contentKey?.(event);
      return { kind: "event", event: { ...event, source: sourceOf(record), contentKey, tail } };
    } catch (caught) {
      return failed(member, caught, record.offset);
    }
  };
}

/** A raw record as an event of the domain's one event type, itself the payload. */
function onlyEvent(domain: Domain, raw: unknown): DomainEvent {
  const [[event_type, { noun }] = ["event", { noun: "event" }]] = Object.entries(
    domain.event_types,
  );
  return { event_type, noun, id: domain.ingest.id(raw), payload: raw as DomainEvent["payload"] };
}

function typedIngest(domain: Domain): StreamIngest {
  const { ingest } = domain;
  return {
    schema: ingest.schema,
    accept: (value, { nowMs, idempotencyKey, headers }) => {
      const parsed = ingest.parse(value);
      if (!parsed.ok) {
        const [first] = parsed.errors;
        const detail =
          first === undefined
            ? "The event is wrong."
            : `${first.path || "The event"} ${first.message}.`;
        throw new PenstockError("invalid_event", detail, { errors: parsed.errors });
      }
      const raw = ingest.complete(parsed.value, {
        nowMs,
        newId: () => newRecordId(nowMs, idempotencyKey),
      });
      return {
        id: ingest.id(raw),
        key: ingest.key(raw),
        value: Buffer.from(JSON.stringify(raw)),
        headers: {
          ...headers,
          ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey }),
        },
      };
    },
  };
}
