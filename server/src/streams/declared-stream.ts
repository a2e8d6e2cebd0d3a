import {
  ENVELOPE_MEMBERS,
  type EventTypeDefinition,
  type FieldDefinition,
} from "@penstock-dev/contract";
import { Declaration } from "./declaration.ts";
import { declaredFields } from "./declared-fields.ts";
import { declaredIngest, declaredReader } from "./declared-record.ts";
import { DomainFailures } from "./domain-failures.ts";
import { valuesAt } from "./json-path.ts";
import { readPartitions } from "./partitions.ts";
import type { Stream } from "./stream.ts";
import { eventTypesField } from "./typed-stream.ts";

/**
 * A stream over a topic that is served as it lies.
 *
 * @param entry its block of the file
 * @param partitions of the topic, where the block does not say
 * @throws PenstockError `invalid_request`, naming what is wrong and where
 */
export function declaredStream(name: string, entry: object, partitions: number): Stream {
  const declaration = new Declaration(name, entry);
  const topic = declaration.text("topic", undefined);
  if (declaration.text("format", "json") !== "json")
    throw declaration.wrong("format", "must be json");
  const noun = readNoun(declaration);
  const { names, typeOf } = readEventTypes(declaration, noun);
  const fields = declaredFields(declaration);
  // The time is the one at which the log took a record; another's path is checked, for the archive.
  declaration.jsonPath("time");
  checkOwn(declaration, fields);
  return {
    name,
    description: declaration.text("description", `The records of ${topic}.`),
    topic,
    finalTopic: undefined,
    ingestTopic: topic,
    tombstoneTopic: undefined,
    partitions: readPartitions(declaration.path, declaration.given("partitions")) ?? partitions,
    eventTypes: new Map(names.map((type) => [type, recordType(noun)])),
    fields: new Map([...fields, ["event_types", eventTypesField(names)]]),
    noun,
    rateAlias: undefined,
    domain: undefined,
    failures: new DomainFailures(name, undefined),
    decode: declaredReader(declaration, noun, typeOf),
    latestBy: readLatestBy(declaration, fields),
    ingest: declaredIngest(declaration),
  };
}

function recordType(noun: string): EventTypeDefinition {
  return { noun, description: "A record of the topic.", schema: { type: "object" } };
}

function readNoun(declaration: Declaration): string {
  const noun = declaration.text("noun", declaration.name.replace(/s$/, "").replaceAll("-", "_"));
  if (!ENVELOPE_MEMBERS.includes(noun) && /^[a-z][a-z0-9_]{0,62}$/.test(noun)) return noun;
  throw declaration.wrong(
    "noun",
    `must be a name in snake_case, and none of ${ENVELOPE_MEMBERS.join(", ")}`,
  );
}

/** A constant, or where each record says its type; then `event_types` may list those that there are. */
function readEventTypes(
  declaration: Declaration,
  noun: string,
): { readonly names: readonly string[]; readonly typeOf: (body: unknown) => string } {
  const given = declaration.text("event_type", noun);
  if (!given.startsWith("$")) {
    if (declaration.list("event_types").length > 0)
      throw declaration.wrong("event_types", "must be left out where event_type is no path");
    return { names: [given], typeOf: () => given };
  }
  const path = declaration.jsonPath("event_type") ?? [];
  const typeOf = (body: unknown): string => {
    const [value] = valuesAt(body, path);
    return typeof value === "string" ? value : noun;
  };
  return { names: declaration.list("event_types"), typeOf };
}

function readLatestBy(
  declaration: Declaration,
  fields: ReadonlyMap<string, FieldDefinition>,
): Stream["latestBy"] {
  const names = declaration.list("latest_by");
  if (names.length === 0) return undefined;
  const chosen = names.map((name) => {
    const field = fields.get(name);
    if (field !== undefined) return field;
    throw declaration.wrong("latest_by", `names ${name}, which is no field`);
  });
  return (event) => JSON.stringify(chosen.map((field) => field.take(event) ?? null));
}

/** Whose an event is, for those who may read only their own: a text for each of some fields. */
function checkOwn(declaration: Declaration, fields: ReadonlyMap<string, FieldDefinition>): void {
  const own = declaration.given("own");
  if (own === undefined || own === null) return;
  if (typeof own !== "object" || Array.isArray(own))
    throw declaration.wrong("own", 'must be a mapping such as { customer_ids: "{sub}" }');
  for (const [field, value] of Object.entries(own)) {
    if (!fields.has(field)) throw declaration.wrong(`own.${field}`, "is no field of the stream");
    if (typeof value !== "string" || value === "")
      throw declaration.wrong(`own.${field}`, 'must be a text such as "{sub}"');
  }
}
