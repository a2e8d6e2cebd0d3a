import type { FieldDefinition } from "@penstock-dev/contract";
import { foldCashtag, foldHashtag, foldMention } from "./entities.ts";

/** A member of the payload, if it is a text or a list of them. */
function texts(value: unknown): string | readonly string[] | undefined {
  if (typeof value === "string") return value;
  return Array.isArray(value) ? (value as readonly string[]) : undefined;
}

const folded = (fold: (text: string) => string) => (value: string) => {
  const text = fold(value);
  return text === "" ? { wrong: "must not be empty" } : { value: text };
};

/** What of a tweet can be filtered. */
export const tweetFields: Readonly<Record<string, FieldDefinition>> = {
  user_ids: {
    kind: "exact",
    description: "The author.",
    example: "user123",
    take: ({ payload }) => texts(payload.user_id),
  },
  hashtags: {
    kind: "set",
    description: "Hashtags of the text, with or without #, whatever their case.",
    example: "crypto",
    normalise: folded(foldHashtag),
    take: ({ payload }) => texts(payload.hashtags),
  },
  keywords: {
    kind: "text",
    description: "Whole words of the text, whatever their case; several words are a phrase.",
    example: "coinbase",
    take: ({ payload }) => texts(payload.text),
  },
  lang: {
    kind: "exact",
    description: "The language tag that the producer gave.",
    example: "en",
    normalise: (value) => ({ value: value.toLowerCase() }),
    take: ({ payload }) => texts(payload.lang),
  },
  mentions: {
    kind: "set",
    description: "Accounts that the text mentions, with or without @.",
    example: "satoshi",
    normalise: folded(foldMention),
    take: ({ payload }) => texts(payload.mentions),
  },
  cashtags: {
    kind: "set",
    description: "Ticker symbols of the text, with or without $.",
    example: "BTC",
    normalise: folded(foldCashtag),
    take: ({ payload }) => texts(payload.cashtags),
  },
  reply_to_ids: {
    kind: "exact",
    description: "The tweet that it answers.",
    example: "tweet789",
    take: ({ payload }) => texts(payload.reply_to_id),
  },
  retweet_ids: {
    kind: "exact",
    description: "The tweet that it repeats.",
    example: "tweet789",
    take: ({ payload }) => texts(payload.retweet_id),
  },
};
