/** The query strings of the REST calls, as what comes in is read by them. */
import { WHEN_BEHIND, type WhenBehind } from "@penstock-dev/contract";
import { z } from "zod";
import { CURSOR_PATTERN } from "../../deliver/index.ts";

const whole = (min: number, max: number, fallback: number, description: string) => {
  const wrong = `must be a whole number from ${min} to ${max}`;
  return (
    z
      .string()
      .regex(/^\d{1,9}$/, wrong)
      // It comes as a text, and is a number to whoever writes it.
      .meta({ type: "integer", minimum: min, maximum: max, pattern: undefined })
      .transform(Number)
      .pipe(z.int().min(min, wrong).max(max, wrong))
      .default(fallback)
      .describe(description)
  );
};

/** A longer one does not fit the head of a request, and goes into a body. */
const CURSOR_CHARACTERS_MAX = 8192;

const cursor = (description: string) =>
  z
    .string()
    .min(1, "must be a cursor")
    .max(CURSOR_CHARACTERS_MAX, `must be a cursor of at most ${CURSOR_CHARACTERS_MAX} characters`)
    .meta({ pattern: CURSOR_PATTERN })
    .optional()
    .describe(description);

const time = (description: string) =>
  z
    .union([z.iso.datetime({ offset: true }), z.iso.date()], {
      error: "must be an ISO 8601 time with a zone, such as 2026-01-01T00:00:00Z, or a date",
    })
    .transform((text) => Date.parse(text))
    .optional()
    .describe(description);

const limit = whole(1, 1000, 100, "How many events at most.");

/** `GET /v1/{stream}/recent` */
export const recentQuery = z.strictObject({
  limit,
  after: cursor("Oldest first, from this cursor on."),
  wait_ms: whole(
    0,
    30_000,
    0,
    "With `after`: how long to wait for something new, in milliseconds.",
  ),
});

/** `GET /v1/{stream}/history` */
export const historyQuery = z.strictObject({
  limit,
  start_time: time("Not before this time."),
  end_time: time("Before this time."),
  key: z
    .string()
    .min(1, "must not be empty")
    .max(1024, "must have at most 1024 characters")
    .optional()
    .describe("Only records with this partition key."),
  cursor: cursor("The cursor of the page before; beats `start_time`."),
});

/** `GET /v1/{stream}/live`, for documentation: the transports read it, where a stream begins. */
export const liveQuery = z.strictObject({
  since: z
    .string()
    .optional()
    .describe("Where to begin: a duration such as `10m`, a time, `earliest` or `now`."),
  cursor: cursor("Where to begin: a cursor; beats `since`."),
  when_behind: z
    .enum(WHEN_BEHIND as [WhenBehind, ...WhenBehind[]])
    .optional()
    .describe("What happens when the client does not keep up."),
  max_events_per_second: z.string().optional().describe("How fast events may come."),
  finality: z
    .enum(["all", "final"])
    .optional()
    .describe("`final` reads what is never undone, where the stream has that."),
});

/** `GET /v1/stream/{session_id}/events` */
export const resumeQuery = z.strictObject({
  cursor: cursor("Where to go on; beats what the session remembers."),
});
