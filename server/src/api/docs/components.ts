/** The schemas that documentation names, from those by which the server reads and answers. */
import { z } from "zod";
import * as answers from "../schemas/answers.ts";
import {
  eventSchema,
  fieldErrorSchema,
  frameSchemas,
  limitsSchema,
  ruleSchema,
} from "../schemas/frames.ts";
import * as requests from "../schemas/requests.ts";

/** A schema as JSON (2020-12). */
export type JsonSchema = { readonly [keyword: string]: unknown };

const SCHEMAS = {
  AnyEvent: eventSchema,
  ClientFrame: requests.clientFrameSchema,
  FieldError: fieldErrorSchema,
  FilterRule: ruleSchema,
  Ingested: answers.ingestedSchema,
  IngestLine: answers.ingestLineSchema,
  Limits: limitsSchema,
  Preview: answers.previewSchema,
  PreviewRequest: requests.previewRequestSchema,
  Problem: answers.problemSchema,
  Session: answers.sessionWithUrlsSchema,
  SessionCreated: answers.sessionCreatedSchema,
  SessionPatch: requests.sessionPatchSchema,
  Sessions: answers.sessionsSchema,
  Status: answers.statusSchema,
  Streams: answers.streamsSchema,
  SubscribeRequest: requests.subscribeRequestSchema,
} as const;

const FRAMES = {
  auth_expiring: "AuthExpiringFrame",
  caught_up: "CaughtUpFrame",
  checkpoint: "CheckpointFrame",
  error: "ErrorFrame",
  gap: "GapFrame",
  go_away: "GoAwayFrame",
  heartbeat: "HeartbeatFrame",
  hello: "HelloFrame",
  subscribed: "SubscribedFrame",
} as const;

/** The schema of a frame, by the frame's type. */
export type FrameSchemaName = (typeof FRAMES)[keyof typeof FRAMES];

/** Names of schemas; those of a stream's events are made from its name besides. */
export type SchemaName = keyof typeof SCHEMAS | FrameSchemaName | "ServerFrame" | "History";

/** The control frames' types, each with the name of its schema. */
export const FRAME_SCHEMAS = Object.entries(FRAMES) as readonly (readonly [
  keyof typeof FRAMES,
  FrameSchemaName,
])[];

/** A reference to a schema among the components of a document. */
export function reference(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** All schemas that do not differ by stream, by name. */
export function componentSchemas(): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SCHEMAS)) registry.add(schema, { id });
  for (const [type, id] of FRAME_SCHEMAS) registry.add(frameSchemas[type], { id });
  const { schemas } = z.toJSONSchema(registry, {
    io: "input",
    uri: (id) => `#/components/schemas/${id}`,
  });
  const plain = Object.entries(schemas).map(([id, schema]) => [id, bare(schema)] as const);
  return Object.fromEntries(plain.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The parameters of a query's schema, each with its name. */
export function queryParameters(schema: z.ZodObject): (JsonSchema & { readonly name: string })[] {
  const { properties = {}, required = [] } = bare(z.toJSONSchema(schema, { io: "input" })) as {
    properties?: Record<string, JsonSchema>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

function bare(schema: object): JsonSchema {
  const { $schema: _schema, $id: _id, ...rest } = schema as Record<string, unknown>;
  return rest;
}
