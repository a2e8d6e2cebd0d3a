import type { JsonSchema } from "@penstock-dev/contract";

const text = { type: "string" } as const;
const texts = { type: "array", items: text } as const;

/** The payload of a tweet. */
export const tweetSchema: JsonSchema = {
  type: "object",
  required: ["id", "user_id", "text", "timestamp", "hashtags", "retweet_id"],
  properties: {
    id: text,
    user_id: text,
    text,
    timestamp: { type: "string", format: "date-time" },
    hashtags: texts,
    retweet_id: { type: ["string", "null"] },
    reply_to_id: text,
    mentions: texts,
    cashtags: texts,
    lang: text,
  },
};

/** The payload of a deletion. */
export const deletionSchema: JsonSchema = {
  type: "object",
  required: ["id", "user_id"],
  properties: { id: text, user_id: text },
};
