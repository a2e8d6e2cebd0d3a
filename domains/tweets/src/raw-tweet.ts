import {
  FIELD_ERRORS_MAX,
  type FieldError,
  hasLoneSurrogate,
  type Parsed,
  schemaErrors,
} from "@penstock-dev/contract";
import { z } from "zod";
import { hashtagsOf } from "./entities.ts";

/** Characters that a post may have, as code points. */
export const TEXT_CODE_POINTS_MAX = 280;
/** Of the text and given, each once: a text alone has at most 94, and a record has both. */
const HASHTAGS_MAX = 150;

const wellFormed = (text: string): boolean => !hasLoneSurrogate(text);
const WELL_FORMED = "must be well-formed Unicode: it has half of a surrogate pair";

/** Others have no text of the form in which times are kept. */
function hasYearInUtc(time: string): boolean {
  const ms = Date.parse(time);
  return Number.isNaN(ms) || /^\d{4}-/.test(new Date(ms).toISOString());
}

const id = z
  .string("must be a text")
  .min(1, "must not be empty")
  .max(128, "must have at most 128 characters")
  .refine(wellFormed, WELL_FORMED);

const text = z.string("must be a text").refine(wellFormed, WELL_FORMED);

const post = z.strictObject({
  id: id.optional().describe("Given by the server when absent."),
  user_id: id,
  text: text.describe("1 to 280 code points; a retweet's may be empty."),
  timestamp: z.iso
    .datetime({
      offset: true,
      error: "must be an ISO 8601 time with a zone, such as 2026-01-01T00:00:00Z",
    })
    .refine(hasYearInUtc, "must be in the years 0000 to 9999 of UTC")
    .optional(),
  hashtags: z
    .array(
      z.string("must be a text").regex(
        // As long as one in a text may be: what is completed is read again.
        /^[#＃]?(?=.*\p{L})[\p{L}\p{M}\p{N}_]{1,280}$/u,
        "must be at most 280 letters, marks, digits and _, at least one letter",
      ),
      "must be a list of hashtags",
    )
    .max(HASHTAGS_MAX, `must have at most ${HASHTAGS_MAX} hashtags`)
    .optional(),
  retweet_id: id.nullable().optional(),
  reply_to_id: id.nullable().optional(),
  lang: z
    .string("must be a text")
    .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/, "must be a language tag such as en or pt-BR")
    .optional(),
});

const deletion = z.strictObject({
  type: z.literal("delete", 'must be "delete", or left out for a post'),
  id,
  user_id: id,
});

/** A post as it may be ingested. */
export interface RawPost {
  readonly id?: string | undefined;
  readonly user_id: string;
  readonly text: string;
  readonly timestamp?: string | undefined;
  readonly hashtags?: readonly string[] | undefined;
  readonly retweet_id?: string | null | undefined;
  readonly reply_to_id?: string | null | undefined;
  readonly lang?: string | undefined;
}

/** A deletion of a post by its author. */
export interface RawDeletion {
  readonly type: "delete";
  readonly id: string;
  readonly user_id: string;
}

export type RawTweet = RawPost | RawDeletion;

/** Whether a raw record deletes. */
export function isDeletion(raw: RawTweet): raw is RawDeletion {
  return "type" in raw;
}

/** What a raw record may be, as a JSON Schema. */
export const rawTweetSchema = {
  anyOf: [
    z.toJSONSchema(post, { unrepresentable: "any" }),
    z.toJSONSchema(deletion, { unrepresentable: "any" }),
  ],
};

/** Reads one raw record, strictly. */
export function parseRawTweet(value: unknown): Parsed<RawTweet> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { ok: false, errors: [{ path: "", message: "must be a JSON object" }] };
  }
  // Parsers of schemas leave this member out of sight; it is as unknown as any other.
  if (Object.hasOwn(value, "__proto__")) {
    return { ok: false, errors: [{ path: "/__proto__", message: "is not a member of a tweet" }] };
  }
  const schema = Object.hasOwn(value, "type") ? deletion : post;
  const result = schema.safeParse(value);
  if (!result.success) {
    return {
      ok: false,
      errors: result.error.issues
        .slice(0, FIELD_ERRORS_MAX)
        .flatMap((issue) =>
          schemaErrors(issue, Object.keys(schema.shape), "is not a member of a tweet"),
        ),
    };
  }
  const raw = result.data as RawTweet;
  const wrong = isDeletion(raw) ? undefined : (textError(raw) ?? hashtagsError(raw));
  return wrong === undefined ? { ok: true, value: raw } : { ok: false, errors: [wrong] };
}

function textError(raw: RawPost): FieldError | undefined {
  let length = 0;
  for (const _ of raw.text) length += 1;
  if (length > TEXT_CODE_POINTS_MAX) {
    return {
      path: "/text",
      message: `must have at most ${TEXT_CODE_POINTS_MAX} code points; it has ${length}`,
    };
  }
  const isRetweet = raw.retweet_id !== undefined && raw.retweet_id !== null;
  return length === 0 && !isRetweet
    ? { path: "/text", message: "must not be empty, unless it is a retweet's" }
    : undefined;
}

function hashtagsError({ text, hashtags = [] }: RawPost): FieldError | undefined {
  if (hashtags.length === 0) return undefined;
  const { length } = hashtagsOf(text, hashtags);
  if (length <= HASHTAGS_MAX) return undefined;
  return {
    path: "/hashtags",
    message: `must be at most ${HASHTAGS_MAX} with those of the text; they are ${length}`,
  };
}
