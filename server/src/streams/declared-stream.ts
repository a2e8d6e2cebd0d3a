import {
  type DomainEvent,
  ENVELOPE_MEMBERS,
  type EventTypeDefinition,
  type FieldDefinition,
  nearest,
  PenstockError,
  RESERVED_NAMES,
} from "@penstock-dev/contract";
import type { LogRecord } from "../log/index.ts";
import { wrong } from "./declaration-error.ts";
import { type JsonPath, parseJsonPath, valuesAt, without } from "./json-path.ts";
import { tailOf } from "./record-codec.ts";
import { newRecordId } from "./record-id.ts";
import type { Decoded, Stream } from "./stream.ts";
import { eventTypesField } from "./typed-stream.ts";

const MEMBERS = [
  "topic",
  "description",
  "format",
  "noun",
  "event_type",
  "event_types",
  "id",
  "time",
  "key",
  "fields",
  "omit",
  "latest_by",
  "own",
  "partitions",
];
const KINDS = ["exact", "set", "text", "range"];

interface Declaration {
  readonly name: string;
  readonly entry: Readonly<Record<string, unknown>>;
  readonly path: string;
}

/**
 * A stream over a topic that is served as it lies.
 *
 * @param entry its block of the file
 * @throws PenstockError `invalid_request`, naming what is wrong and where
 */
export function declaredStream(name: string, entry: object, partitions: number): Stream {
  const declaration: Declaration = {
    name,
    entry: entry as Record<string, unknown>,
    path: `streams.${name}`,
  };
  for (const member of Object.keys(entry)) {
    if (MEMBERS.includes(member)) continue;
    const meant = nearest(member, MEMBERS);
    throw wrong(
      `${declaration.path}.${member}`,
      `is no member of a stream${meant === undefined ? "" : `; did you mean ${meant}?`}`,
    );
  }
  const topic = text(declaration, "topic", undefined);
  const format = text(declaration, "format", "json");
  if (format !== "json") throw wrong(`${declaration.path}.format`, "must be json");
  const noun = text(declaration, "noun", name.replace(/s$/, "").replaceAll("-", "_"));
  if (ENVELOPE_MEMBERS.includes(noun) || !/^[a-z][a-z0-9_]{0,62}$/.test(noun)) {
    throw wrong(
      `${declaration.path}.noun`,
      `must be a name in snake_case, and none of ${ENVELOPE_MEMBERS.join(", ")}`,
    );
  }
  const { types, typeOf } = eventTypes(declaration, noun);
  const read = reader(declaration, noun, typeOf);
  const fields = readFields(declaration);
  const latestBy = list(declaration, "latest_by");
  for (const field of latestBy)
    if (!fields.has(field))
      throw wrong(`${declaration.path}.latest_by`, `names ${field}, which is no field`);
  return {
    name,
    description: text(declaration, "description", `The records of ${topic}.`),
    topic,
    finalTopic: undefined,
    ingestTopic: topic,
    tombstoneTopic: undefined,
    partitions:
      typeof declaration.entry.partitions === "number" ? declaration.entry.partitions : partitions,
    eventTypes: types,
    fields: new Map(
      [
        ...fields,
        ["event_types", eventTypesField(isOpen(declaration) ? [] : [...types.keys()])],
      ].map(([field, definition]) => [field as string, openValues(definition as FieldDefinition)]),
    ),
    noun,
    rateAlias: undefined,
    domain: undefined,
    decode: read,
    latestBy:
      latestBy.length === 0
        ? undefined
        : (event) => JSON.stringify(latestBy.map((field) => fields.get(field)?.take(event))),
    ingest: { schema: { type: "object" }, accept: acceptor(declaration) },
  };
}

/** A field whose values are not known beforehand has no list of them. */
function openValues(definition: FieldDefinition): FieldDefinition {
  if (definition.values === undefined || definition.values.length > 0) return definition;
  const { values: _none, ...open } = definition;
  return open;
}

function isOpen(declaration: Declaration): boolean {
  const { event_type, event_types } = declaration.entry;
  return typeof event_type === "string" && event_type.startsWith("$") && event_types === undefined;
}

function text({ entry, path }: Declaration, member: string, fallback: string | undefined): string {
  const value = entry[member] ?? fallback;
  if (typeof value === "string" && value !== "") return value;
  throw wrong(`${path}.${member}`, "must be a text");
}

function list({ entry, path }: Declaration, member: string): readonly string[] {
  const value = entry[member] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string"))
    return value as string[];
  throw wrong(`${path}.${member}`, "must be a list of texts");
}

function jsonPath(declaration: Declaration, member: string): JsonPath | undefined {
  const value = declaration.entry[member];
  if (value === undefined) return undefined;
  const path = typeof value === "string" ? parseJsonPath(value) : undefined;
  if (path === undefined)
    throw wrong(`${declaration.path}.${member}`, "must be a path such as $.customer.id");
  return path;
}

function eventTypes(
  declaration: Declaration,
  noun: string,
): { types: Map<string, EventTypeDefinition>; typeOf: (body: unknown) => string } {
  const given = text(declaration, "event_type", noun);
  const path = given.startsWith("$") ? jsonPath(declaration, "event_type") : undefined;
  const names = path === undefined ? [given] : list(declaration, "event_types");
  const definition = { noun, description: "A record of the topic.", schema: { type: "object" } };
  const types = new Map(names.map((name) => [name, definition]));
  const typeOf = (body: unknown): string => {
    const [value] = path === undefined ? [given] : valuesAt(body, path);
    return typeof value === "string" ? value : noun;
  };
  return { types, typeOf };
}

function reader(declaration: Declaration, noun: string, typeOf: (body: unknown) => string) {
  const idPath = jsonPath(declaration, "id");
  const omitted = list(declaration, "omit").map((item) => {
    const path = parseJsonPath(item);
    if (path === undefined)
      throw wrong(
        `${declaration.path}.omit`,
        `has ${item}, which is no path such as $.customer.email`,
      );
    return path;
  });
  return (record: LogRecord): Decoded => {
    let body: unknown;
    try {
      body = JSON.parse(Buffer.from(record.value).toString());
    } catch {
      return { kind: "unreadable", reason: "the record is not JSON" };
    }
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      return { kind: "unreadable", reason: "the record is not a JSON object" };
    }
    const [id] = idPath === undefined ? [] : valuesAt(body, idPath);
    const shown = omitted.reduce<unknown>((value, path) => without(value, path), body);
    const event: DomainEvent = {
      event_type: typeOf(body),
      id: id === undefined ? String(record.offset) : String(id),
      noun,
      payload: shown as DomainEvent["payload"],
    };
    // Fields are taken from the whole record and from its headers: what is omitted can be filtered.
    const taken = { body, headers: record.headers };
    const tail = tailOf(event);
    return {
      kind: "event",
      event: {
        ...event,
        payload: Object.assign(Object.create({ [WHOLE]: taken }), shown),
        source: undefined,
        contentKey: undefined,
        tail,
      },
    };
  };
}

/** Where an event of a declared stream keeps the whole record, unseen by whoever lists its members. */
const WHOLE = Symbol("whole record");

interface Whole {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

function readFields(declaration: Declaration): Map<string, FieldDefinition> {
  const { entry, path } = declaration;
  const given = entry.fields ?? [];
  const fields = new Map<string, FieldDefinition>();
  const pairs: [string, unknown][] = Array.isArray(given)
    ? given.map((name) => [String(name), { path: `$.${String(name)}` }])
    : Object.entries(given as object);
  for (const [name, spec] of pairs) {
    const at = `${path}.fields.${name}`;
    if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw wrong(at, "must be named in snake_case");
    if (RESERVED_NAMES.includes(name) || name === "event_types")
      throw wrong(at, "has a name that the addresses use");
    fields.set(name, readField(at, spec));
  }
  return fields;
}

function readField(at: string, spec: unknown): FieldDefinition {
  if (typeof spec !== "object" || spec === null)
    throw wrong(at, "must be a mapping with a path or a header");
  const { path, header, kind = "exact", description, ...rest } = spec as Record<string, unknown>;
  const [extra] = Object.keys(rest);
  if (extra !== undefined)
    throw wrong(
      `${at}.${extra}`,
      "is no member of a field, which has path or header, kind and description",
    );
  if (typeof kind !== "string" || !KINDS.includes(kind))
    throw wrong(`${at}.kind`, `must be one of ${KINDS.join(", ")}`);
  const parsed = typeof path === "string" ? parseJsonPath(path) : undefined;
  if (parsed === undefined && typeof header !== "string")
    throw wrong(at, "must have a path such as $.customer.id, or a header");
  return {
    kind,
    description:
      typeof description === "string"
        ? description
        : typeof path === "string"
          ? path
          : `the header ${String(header)}`,
    example: kind === "range" ? "1.5" : "value",
    take: (event) => {
      const whole = Reflect.get(event.payload, WHOLE) as Whole | undefined;
      const found =
        parsed === undefined
          ? [whole?.headers[String(header)]]
          : valuesAt(whole?.body ?? event.payload, parsed);
      const values = found
        .filter((value) => ["string", "number", "boolean"].includes(typeof value))
        .map(String);
      return values.length === 0 ? undefined : values;
    },
  };
}

function acceptor(declaration: Declaration): Stream["ingest"]["accept"] {
  const idPath = jsonPath(declaration, "id");
  const keyPath = jsonPath(declaration, "key") ?? idPath;
  return (value, { nowMs, idempotencyKey }) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new PenstockError("invalid_event", "The event must be a JSON object.", {
        errors: [{ path: "", message: "must be a JSON object" }],
      });
    }
    const [id] = idPath === undefined ? [] : valuesAt(value, idPath);
    const [key] = keyPath === undefined ? [] : valuesAt(value, keyPath);
    const name = id === undefined ? newRecordId(nowMs, idempotencyKey) : String(id);
    return {
      id: name,
      key: key === undefined ? name : String(key),
      value: Buffer.from(JSON.stringify(value)),
      ...(idempotencyKey === undefined ? {} : { headers: { idempotency_key: idempotencyKey } }),
    };
  };
}
