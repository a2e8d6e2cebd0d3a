/** The schemas of a stream's events, which differ by stream. */
import type { Stream } from "../../streams/index.ts";
import { plural } from "../plural.ts";
import { type JsonSchema, reference } from "./components.ts";

/** The schemas of all streams, by the names that `streamNames` gives them. */
export function streamSchemas(streams: Iterable<Stream>): Record<string, JsonSchema> {
  const schemas: Record<string, JsonSchema> = {};
  const all: JsonSchema[] = [];
  for (const stream of streams) {
    const names = streamNames(stream);
    for (const [type, { noun, description, schema }] of stream.eventTypes) {
      schemas[names.event(type)] = eventOf(type, noun, description, schema);
    }
    const events = [...stream.eventTypes.keys()].map((type) => reference(names.event(type)));
    schemas[names.events] = { oneOf: events };
    schemas[names.recent] = listOf(stream, names.events);
    schemas[names.ingest] = stream.ingest.schema as JsonSchema;
    all.push(reference(names.events));
  }
  schemas.StreamEvent = { anyOf: all };
  return schemas;
}

/** Names of the schemas of one stream: `TweetsEvent`, `TweetsNewTweetEvent`, … */
export function streamNames(stream: Stream) {
  const name = pascal(stream.name);
  return {
    event: (type: string) => `${name}${pascal(type)}Event`,
    events: `${name}Event`,
    recent: `${name}Recent`,
    ingest: `${name}Input`,
  };
}

function pascal(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
}

function eventOf(type: string, noun: string, description: string, payload: JsonSchema): JsonSchema {
  return {
    description,
    type: "object",
    required: ["event_type", "position", "at", "id", noun],
    properties: {
      event_type: { const: type },
      position: { type: "string", pattern: "^\\d+:\\d+$", description: "partition:offset" },
      at: {
        type: "integer",
        description: "When the log took it, in milliseconds since the epoch.",
      },
      id: {
        type: "string",
        description: "Names the thing: an undo or a deletion carries it again.",
      },
      removed: { const: true, description: "An undo: the event with this id no longer holds." },
      tags: { type: "array", items: { type: "string" }, description: "Of the rules that matched." },
      [noun]: payload,
    },
  };
}

function listOf({ noun, eventTypes }: Stream, events: string): JsonSchema {
  const [first] = eventTypes.values();
  const [member, items] =
    noun === undefined || first === undefined
      ? ["events", reference(events)]
      : [plural(noun), payloadOf(noun, eventTypes)];
  return {
    type: "object",
    required: [member, "cursor"],
    properties: {
      [member]: { type: "array", items },
      cursor: { type: "string" },
      more: { const: true, description: "There is more behind the cursor." },
    },
  };
}

function payloadOf(noun: string, eventTypes: Stream["eventTypes"]): JsonSchema {
  const schemas = [...eventTypes.values()]
    .filter((type) => type.noun === noun && type.deletion !== true)
    .map(({ schema }) => schema);
  return schemas.length === 1 ? (schemas[0] as JsonSchema) : { anyOf: schemas };
}
