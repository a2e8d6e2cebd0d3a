/** What the REST calls answer, for documentation and tests. */
import { ERRORS, type ErrorCode, type Problem } from "@penstock-dev/contract";
import { z } from "zod";
import { type Agrees, agreed } from "./agreement.ts";
import { eventSchema, fieldErrorSchema, limitsSchema, ruleSchema } from "./frames.ts";

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
const time = z.iso.datetime();
const count = z.int().nonnegative();
const policy = limitsSchema.shape.when_behind;

export const problemSchema = z.strictObject({
  type: z.string().describe("Where the code is explained, relative to the server."),
  title: z.string(),
  status: z.int(),
  code: z.enum(codes),
  detail: z.string(),
  errors: z.array(fieldErrorSchema).optional(),
  retry_after_ms: z.number().optional(),
});

agreed<Agrees<z.output<typeof problemSchema>, Problem>>();

export const sessionCreatedSchema = z.strictObject({
  session_id: z.string(),
  websocket_url: z.string(),
  sse_url: z.string(),
  expires_at: time,
  limits: limitsSchema,
});

const lagSchema = z.strictObject({
  source_records: count.describe("Records that the log holds and this server has not read yet."),
  gateway_ms: z.number().describe("How long what is due has been waiting in this server."),
  network_ms: z.number().describe("How long bytes have been waiting to be read by the client."),
  client_offsets: count.describe("Offsets between what was sent and what the client has read."),
});

export const sessionSchema = z.strictObject({
  session_id: z.string(),
  stream: z.string(),
  finality: z.enum(["all", "final"]),
  rules: z.array(ruleSchema),
  when_behind: policy.element,
  max_events_per_second: z.number().nullable(),
  cursor: z.string(),
  connected: z.boolean(),
  created_at: time,
  connected_at: time.nullable(),
  disconnected_at: time.nullable(),
  disconnect_code: z.int().nullable(),
  disconnect_reason: z.string().nullable(),
  expires_at: time.nullable(),
  lag: lagSchema.nullable(),
});

export const sessionWithUrlsSchema = sessionSchema.extend({
  websocket_url: z.string(),
  sse_url: z.string(),
});

export const sessionsSchema = z.strictObject({ sessions: z.array(sessionSchema) });

export const previewSchema = z.strictObject({
  stream: z.string(),
  rules: z.array(ruleSchema),
  matched: count,
  evaluated: count,
  window_ms: z.number(),
  events_per_second: z.number(),
  cost: z.strictObject({ rules: count, values: count }),
  sample: z.array(eventSchema),
});

export const streamsSchema = z.strictObject({
  streams: z.array(
    z.strictObject({
      name: z.string(),
      description: z.string(),
      domain: z.string().optional(),
      finality: z.array(z.enum(["all", "final"])),
      when_behind: policy,
      event_types: z.array(
        z.strictObject({
          name: z.string(),
          noun: z.string(),
          description: z.string(),
          broadcast: z.boolean(),
          on_request: z.boolean(),
          schema: z.record(z.string(), z.unknown()),
        }),
      ),
      fields: z.array(
        z.strictObject({
          name: z.string(),
          kind: z.string(),
          description: z.string(),
          example: z.string(),
          values: z.array(z.string()).optional(),
        }),
      ),
      ingest_schema: z.record(z.string(), z.unknown()),
    }),
  ),
  kinds: z.array(z.string()),
});

export const ingestedSchema = z.strictObject({ id: z.string(), position: z.string() });

/** One line of the answer to NDJSON. */
export const ingestLineSchema = z.union([
  z.strictObject({
    line: z.int().positive(),
    status: z.literal(202),
    id: z.string(),
    position: z.string(),
  }),
  z.strictObject({
    line: z.int().positive(),
    status: z.int(),
    code: z.enum(codes),
    detail: z.string(),
    errors: z.array(fieldErrorSchema).optional(),
    retry_after_ms: z.number().optional(),
  }),
]);

export const statusSchema = z.strictObject({ status: z.string() });
