import { type DomainEvent, PenstockError } from "@penstock-dev/contract";
import type { LogRecord } from "../log/index.ts";
import type { Declaration } from "./declaration.ts";
import { type JsonPath, parseJsonPath, valuesAt, without } from "./json-path.ts";
import { tailOf } from "./record-codec.ts";
import { newRecordId } from "./record-id.ts";
import { readJson } from "./record-json.ts";
import type { Decoded, Stream, StreamEvent } from "./stream.ts";

/** A record of a topic that is served as it lies, before anything is left out of it. */
export interface WholeRecord {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * An event of a declared stream. Fields are taken from its whole record, so that what is omitted
 * from the payload, and what stands in a header, can be filtered.
 */
export interface DeclaredEvent extends StreamEvent {
  readonly record: WholeRecord;
}

/** The record behind an event; of an event that was not read here, its payload. */
export function recordOf(event: DomainEvent): WholeRecord {
  return "record" in event
    ? (event as DeclaredEvent).record
    : { body: event.payload, headers: NO_HEADERS };
}

const NO_HEADERS: Readonly<Record<string, string>> = {};

/** Where ingestion keeps the id that it gave to a record which has none. */
const ID_HEADER = "id";

/** How records of the topic are read as events. @param typeOf the event type of a record's body */
export function declaredReader(
  declaration: Declaration,
  noun: string,
  typeOf: (body: unknown) => string,
): Stream["decode"] {
  const idPath = declaration.jsonPath("id");
  const omitted = omittedPaths(declaration);
  return (record: LogRecord): Decoded => {
    const { headers } = record;
    const read = readJson(record.value);
    if ("wrong" in read) return { kind: "unreadable", reason: read.wrong };
    const { body } = read;
    if (!isObject(body)) return { kind: "unreadable", reason: "the record is not a JSON object" };
    const event: DomainEvent = {
      event_type: typeOf(body),
      id: scalarAt(body, idPath) ?? headers[ID_HEADER] ?? String(record.offset),
      noun,
      payload: omitted.reduce<unknown>(without, body) as DomainEvent["payload"],
    };
    const declared: DeclaredEvent = {
      ...event,
      source: undefined,
      contentKey: undefined,
      tail: tailOf(event),
      record: { body, headers },
    };
    return { kind: "event", event: declared };
  };
}

/** How a posted value becomes a record of the topic: as it is, under its key. */
export function declaredIngest(declaration: Declaration): Stream["ingest"] {
  const idPath = declaration.jsonPath("id");
  const keyPath = declaration.jsonPath("key") ?? idPath;
  return {
    schema: { type: "object" },
    accept: (value, { nowMs, idempotencyKey, headers }) => {
      if (!isObject(value)) {
        throw new PenstockError("invalid_event", "The event must be a JSON object.", {
          errors: [{ path: "", message: "must be a JSON object" }],
        });
      }
      const own = scalarAt(value, idPath);
      const id = own ?? newRecordId(nowMs, idempotencyKey);
      return {
        id,
        key: scalarAt(value, keyPath) ?? id,
        value: Buffer.from(JSON.stringify(value)),
        headers: {
          ...headers,
          ...(own === undefined ? { [ID_HEADER]: id } : {}),
          ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey }),
        },
      };
    },
  };
}

function omittedPaths(declaration: Declaration): readonly JsonPath[] {
  return declaration.list("omit").map((item) => {
    const path = parseJsonPath(item);
    if (path !== undefined && path.length > 0) return path;
    throw declaration.wrong("omit", `has ${item}, which is no path such as $.customer.email`);
  });
}

/** The first value at a path as a text; undefined where there is none that could be one. */
function scalarAt(body: unknown, path: JsonPath | undefined): string | undefined {
  const [value] = path === undefined ? [] : valuesAt(body, path);
  return value === undefined || typeof value === "object" ? undefined : String(value);
}

function isObject(value: unknown): value is { readonly [member: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
