import {
  FIELD_ERRORS_MAX,
  type FieldError,
  type FilterRule,
  PenstockError,
  parseDurationMs,
  pointer,
  type SubscribeRequest,
  schemaErrors,
  WHEN_BEHIND,
  type WhenBehind,
} from "@penstock-dev/contract";
import { z } from "zod";

/** What every cursor looks like, for documentation: the decoder says what is wrong with one. */
export const CURSOR_PATTERN = "^c1\\.[A-Za-z0-9_-]+$";

/** A cursor in a body or frame: some thousand partitions fit. */
export const cursorText = z.string().min(1).max(65_536).meta({ pattern: CURSOR_PATTERN });

const cursorStart = z.strictObject({ cursor: cursorText });

const duration = z
  .string()
  .refine((text) => parseDurationMs(text) !== undefined)
  .meta({ pattern: "^\\d{1,12}(\\.\\d{1,6})?(ms|s|m|h|d)$" });

const time = z.iso.datetime({ offset: true });

/** Whether a text is a time as a `start` has it: a day that there is, with its zone. */
export function isTime(text: string): boolean {
  return time.safeParse(text).success;
}

const start = z.union([
  z.literal("now"),
  z.literal("earliest"),
  cursorStart,
  z.strictObject({ time }),
  z.strictObject({ ago: duration }),
  z.strictObject({
    block: z.strictObject({ chain: z.string().min(1).max(64), number: z.int().nonnegative() }),
  }),
]);

const rule = z.record(z.string(), z.unknown());

const fields = {
  api_key: z.string().max(8192).optional(),
  stream: z.string().min(1).max(128).optional(),
  filters: rule.optional(),
  rules: z.array(rule).meta({ minItems: 1 }).optional(),
  start: start.optional(),
  clamp: z.boolean().optional(),
  until: cursorStart.optional(),
  when_behind: z.enum(WHEN_BEHIND as [WhenBehind, ...WhenBehind[]]).optional(),
  max_events_per_second: z.number().positive().max(1_000_000).optional(),
  finality: z.enum(["all", "final"]).optional(),
};

/** The body of `POST /v1/stream/subscribe`; a `subscribe` frame has its `type` besides. */
export const subscribeRequestSchema = z.strictObject(fields);

/** What a session's body may change. */
export const sessionPatchSchema = z.strictObject({
  api_key: fields.api_key,
  filters: fields.filters,
  rules: fields.rules,
  when_behind: fields.when_behind,
  max_events_per_second: fields.max_events_per_second,
});

/** What of a session may change: the members of `PATCH /v1/stream/subscribe/{session_id}`. */
export interface SessionPatch {
  readonly filters?: FilterRule;
  readonly rules?: readonly FilterRule[];
  readonly when_behind?: WhenBehind;
  readonly max_events_per_second?: number;
}

const EXPECTED: Readonly<Record<string, string>> = {
  start:
    '"now", "earliest", {"cursor": "c1.…"}, {"time": "2026-01-01T00:00:00Z"}, {"ago": "10m"} or {"block": {"chain": "ETH", "number": 1}}',
  filters: "an object of fields",
  rules: "a list of objects of fields",
  until: '{"cursor": "c1.…"}',
  when_behind: `one of ${WHEN_BEHIND.join(", ")}`,
  max_events_per_second: "a number above 0",
  finality: '"all" or "final"',
  clamp: "true or false",
  stream: "the name of a stream",
  api_key: "a text",
  cursor: "a cursor, as this stream gave it",
  token: "a text",
};

/**
 * A subscription's request, checked.
 *
 * @throws PenstockError `invalid_request` with the path of each member that is wrong
 */
export function readSubscribeRequest(body: unknown): SubscribeRequest {
  return readBody(subscribeRequestSchema, body) as SubscribeRequest;
}

/** What of a session a caller wants to change, checked. */
export function readSessionPatch(body: unknown): SessionPatch {
  return readBody(sessionPatchSchema, body) as SessionPatch;
}

/**
 * A body or frame, checked against its schema.
 *
 * @throws PenstockError `invalid_request` with the path of each member that is wrong
 */
export function readBody<S extends z.ZodObject>(schema: S, body: unknown): z.output<S> {
  refuseHidden(body, "");
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const known = Object.keys(schema.shape);
  const errors = result.error.issues
    .slice(0, FIELD_ERRORS_MAX)
    .flatMap((issue) => fieldErrors(issue, known));
  const first = errors[0];
  const detail =
    first === undefined
      ? "The request is wrong."
      : `${first.path || "The request"} ${first.message}.`;
  throw new PenstockError("invalid_request", detail, { errors });
}

/** Parsers of schemas drop this member; a rule that held nothing else would match everything. */
const HIDDEN = "__proto__";

function refuseHidden(value: unknown, path: string): void {
  if (typeof value !== "object" || value === null) return;
  if (Object.hasOwn(value, HIDDEN)) {
    const inRule = path !== "";
    throw new PenstockError(
      inRule ? "unknown_field" : "invalid_request",
      `There is no ${inRule ? "field" : "member"} \`${HIDDEN}\`.`,
      { errors: [{ path: `${path}/${HIDDEN}`, message: "is not a member of this request" }] },
    );
  }
  if (path !== "") return;
  const { filters, rules } = value as { filters?: unknown; rules?: unknown };
  refuseHidden(filters, "/filters");
  if (!Array.isArray(rules)) return;
  for (const [at, rule] of rules.entries()) {
    // The schema would tell of each of a million.
    if (typeof rule !== "object" || rule === null || Array.isArray(rule)) throw noRule(at);
    refuseHidden(rule, `/rules/${at}`);
  }
}

function noRule(at: number): PenstockError {
  const [path, message] = [`/rules/${at}`, "must be an object of fields"];
  return new PenstockError("invalid_request", `${path} ${message}.`, {
    errors: [{ path, message }],
  });
}

function fieldErrors(issue: z.core.$ZodIssue, known: readonly string[]): FieldError[] {
  if (issue.code === "unrecognized_keys") {
    // The members of what lies deeper are others.
    const there = issue.path.length === 0 ? known : [];
    return schemaErrors(issue, there, "is not a member of this request");
  }
  const path = pointer(issue.path);
  const expected = EXPECTED[String(issue.path[0] ?? "")];
  const message = expected === undefined ? "must be an object" : `must be ${expected}`;
  return [{ path, message }];
}
