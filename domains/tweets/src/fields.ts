import type { DomainEvent, FieldDefinition } from "@penstock-dev/contract";
import { foldCashtag, foldHashtag, foldMention } from "./entities.ts";

const member =
  (name: string) =>
  ({ payload }: DomainEvent): string | readonly string[] | undefined => {
    const value = payload[name];
    if (typeof value === "string") return value;
    return Array.isArray(value) ? (value as readonly string[]) : undefined;
  };

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
    take: member("user_id"),
  },
  hashtags: {
    kind: "set",
    description: "Hashtags of the text, with or without #, whatever their case.",
    example: "crypto",
    normalise: folded(foldHashtag),
    take: member("hashtags"),
  },
  keywords: {
    kind: "text",
    description: "Whole words of the text, whatever their case; several words are a phrase.",
    example: "coinbase",
    take: member("text"),
  },
  lang: {
    kind: "exact",
    description: "The language tag that the producer gave.",
    example: "en",
    normalise: (value) => ({ value: value.toLowerCase() }),
    take: member("lang"),
  },
  mentions: {
    kind: "set",
    description: "Accounts that the text mentions, with or without @.",
    example: "satoshi",
    normalise: folded(foldMention),
    take: member("mentions"),
  },
  cashtags: {
    kind: "set",
    description: "Ticker symbols of the text, with or without $.",
    example: "BTC",
    normalise: folded(foldCashtag),
    take: member("cashtags"),
  },
  reply_to_ids: {
    kind: "exact",
    description: "The tweet that it answers.",
    example: "tweet789",
    take: member("reply_to_id"),
  },
  retweet_ids: {
    kind: "exact",
    description: "The tweet that it repeats.",
    example: "tweet789",
    take: member("retweet_id"),
  },
};
