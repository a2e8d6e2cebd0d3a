/** What the server sends on a stream, for documentation and tests, held to the contract's types. */
import {
  type AuthExpiringFrame,
  type CaughtUpFrame,
  type CheckpointFrame,
  type ControlFrame,
  ERRORS,
  type ErrorCode,
  type ErrorFrame,
  type FieldError,
  type FilterRule,
  type GapFrame,
  type GoAwayFrame,
  type HeartbeatFrame,
  type HelloFrame,
  type Limits,
  type OffsetMap,
  type SubscribedFrame,
  type SubscribeRequest,
  WHEN_BEHIND,
  type WhenBehind,
} from "@penstock-dev/contract";
import { z } from "zod";
import { subscribeRequestSchema } from "../../deliver/index.ts";
import { type Agrees, agreed } from "./agreement.ts";

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];
const policy = z.enum(WHEN_BEHIND as [WhenBehind, ...WhenBehind[]]);
const count = z.int().nonnegative();
const cursor = z.string().startsWith("c1.");

export const ruleSchema = z
  .record(z.string(), z.unknown())
  .describe("Fields, all of which must hold.") as unknown as z.ZodType<FilterRule>;

const offsets: z.ZodType<OffsetMap> = z
  .record(z.string().regex(/^\d+$/), count)
  .describe("Offsets by partition.");

export const limitsSchema = z.strictObject({
  rules_max: z.int(),
  values_max: z.int(),
  match_all: z.boolean(),
  max_events_per_second: z.number().nullable(),
  when_behind: z.array(policy),
});

export const fieldErrorSchema = z.strictObject({
  path: z.string().describe("A JSON Pointer (RFC 6901) to the member."),
  message: z.string().describe("What would be right."),
  did_you_mean: z.string().optional(),
});

export const frameSchemas = {
  hello: z.strictObject({
    type: z.literal("hello"),
    protocol: z.int(),
    server: z.string(),
    session_id: z.string().optional(),
    stream: z.string().optional(),
    heartbeat_interval_ms: count,
    limits: limitsSchema.optional(),
    oldest: offsets.optional(),
    newest: offsets.optional(),
  }),
  subscribed: z.strictObject({
    type: z.literal("subscribed"),
    session_id: z.string(),
    stream: z.string(),
    rules: z.array(ruleSchema),
    cursor,
    resume: z.enum(["none", "full", "gap"]),
    when_behind: policy,
    max_events_per_second: z.number().nullable(),
    finality: z.enum(["all", "final"]),
    limits: limitsSchema,
    note: z.string().optional(),
  }),
  checkpoint: z.strictObject({ type: z.literal("checkpoint"), cursor }),
  caught_up: z.strictObject({ type: z.literal("caught_up"), cursor }),
  gap: z.strictObject({
    type: z.literal("gap"),
    reason: z.enum(["behind", "conflated", "retention", "clamped"]),
    from: offsets,
    to: offsets,
    count,
    exact: z.boolean(),
    cancels: z.boolean().optional(),
    recover: (subscribeRequestSchema as unknown as z.ZodType<SubscribeRequest>).nullable(),
  }),
  go_away: z.strictObject({
    type: z.literal("go_away"),
    deadline_ms: count,
    jitter_ms: count,
    url: z.string().optional(),
  }),
  auth_expiring: z.strictObject({ type: z.literal("auth_expiring"), expires_in_ms: count }),
  heartbeat: z.strictObject({ type: z.literal("heartbeat") }),
  error: z.strictObject({
    type: z.literal("error"),
    code: z.enum(codes),
    message: z.string(),
    fatal: z.boolean(),
    retry: z.string(),
    retry_after_ms: count.nullable(),
    resumable: z.boolean(),
    errors: z.array(fieldErrorSchema).optional(),
  }),
} as const;

agreed<Agrees<z.output<typeof limitsSchema>, Limits>>();
agreed<Agrees<z.output<typeof fieldErrorSchema>, FieldError>>();
agreed<Agrees<z.output<(typeof frameSchemas)["hello"]>, HelloFrame>>();
agreed<Agrees<z.output<(typeof frameSchemas)["subscribed"]>, SubscribedFrame>>();
agreed<Agrees<z.output<(typeof frameSchemas)["checkpoint"]>, CheckpointFrame>>();
agreed<Agrees<z.output<(typeof frameSchemas)["caught_up"]>, CaughtUpFrame>>();
agreed<Agrees<z.output<(typeof frameSchemas)["gap"]>, GapFrame>>();
agreed<Agrees<z.output<(typeof frameSchemas)["go_away"]>, GoAwayFrame>>();
agreed<Agrees<z.output<(typeof frameSchemas)["auth_expiring"]>, AuthExpiringFrame>>();
agreed<Agrees<z.output<(typeof frameSchemas)["heartbeat"]>, HeartbeatFrame>>();
agreed<Agrees<z.output<(typeof frameSchemas)["error"]>, ErrorFrame>>();
agreed<Agrees<keyof typeof frameSchemas, ControlFrame["type"]>>();

/** An event of whatever stream; the payload stands besides, under its noun. */
export const eventSchema = z.looseObject({
  event_type: z.string(),
  position: z.string().regex(/^\d+:\d+$/),
  at: count.describe("Milliseconds since the epoch."),
  id: z.string(),
  removed: z.literal(true).optional(),
  tags: z.array(z.string()).optional(),
});
