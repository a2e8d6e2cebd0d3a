/**
 * The tweets domain: posts, retweets, replies and deletions, keyed by author. A deletion is an event
 * that reaches whoever got the original, and hides it from everyone afterwards.
 */
import { asDomain, type Domain } from "@penstock-dev/contract";
import { completeTweet } from "./completion.ts";
import { demoTweets } from "./demo.ts";
import { tweetFields } from "./fields.ts";
import { deletionSchema, tweetSchema } from "./payload-schema.ts";
import {
  applyTweet,
  contentKeyOf,
  createTweetState,
  type TweetState,
  tweetStateFrom,
} from "./process.ts";
import { parseRawTweet, type RawTweet, rawTweetSchema } from "./raw-tweet.ts";
import { fromTweetRecording } from "./recording.ts";

const domain: Domain<RawTweet, TweetState> = {
  name: "tweets",
  description: "Public posts with hashtags, mentions and deletions.",
  topics: { raw: "raw_tweets", enriched: "tweets.enriched", tombstones: "tweets.tombstones" },
  ingest: {
    schema: rawTweetSchema,
    parse: parseRawTweet,
    complete: completeTweet,
    key: (raw) => raw.user_id,
    id: (raw) => raw.id ?? "",
  },
  process: { create: createTweetState, apply: applyTweet, stateFrom: tweetStateFrom },
  event_types: {
    new_tweet: { noun: "tweet", description: "A post.", schema: tweetSchema },
    retweet: { noun: "tweet", description: "A post that repeats another.", schema: tweetSchema },
    reply: { noun: "tweet", description: "A post that answers another.", schema: tweetSchema },
    delete: {
      noun: "tweet",
      description: "A post was deleted by its author.",
      schema: deletionSchema,
      deletion: true,
    },
  },
  fields: tweetFields,
  contentKey: ({ payload }) => contentKeyOf(String(payload.user_id), String(payload.id)),
  latestBy: ({ payload }) => String(payload.user_id),
  own: { field: "user_ids" },
  rateAlias: "max_tweets_per_second",
  fromRecording: fromTweetRecording,
  demo: demoTweets,
};

export const tweets: Domain = asDomain(domain);
export type { RawTweet };
