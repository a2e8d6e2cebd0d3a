import type { CompletionContext } from "@penstock-dev/contract";
import { hashtagsOf } from "./entities.ts";
import { isDeletion, type RawTweet } from "./raw-tweet.ts";

/** Adds what a producer may leave out: id, time, and the hashtags of the text. */
export function completeTweet(raw: RawTweet, context: CompletionContext): RawTweet {
  if (isDeletion(raw)) return raw;
  return {
    ...raw,
    id: raw.id ?? context.newId(),
    timestamp:
      raw.timestamp === undefined ? new Date(context.nowMs).toISOString() : utc(raw.timestamp),
    hashtags: hashtagsOf(raw.text, raw.hashtags ?? []),
  };
}

/** A time in UTC, with milliseconds only if it had a fraction. */
export function utc(timestamp: string): string {
  const iso = new Date(timestamp).toISOString();
  return /:\d\d[.,]\d/.test(timestamp) ? iso : iso.replace(/\.\d{3}Z$/, "Z");
}
