import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcessOutcome } from "@penstock-dev/contract";
import fc from "fast-check";
import { applyTweet, createTweetState, tweetStateFrom, WINDOW_RECORDS } from "./process.ts";
import { isDeletion, type RawTweet } from "./raw-tweet.ts";

const post = (id: string, user_id: string, text: string): RawTweet => ({
  id,
  user_id,
  text,
  timestamp: "2026-01-01T00:00:00Z",
  hashtags: [],
});
const deletion = (id: string, user_id: string): RawTweet => ({ type: "delete", id, user_id });

/** Raw records of few authors and ids, at offsets so far apart that a window holds some of them. */
const worlds = fc
  .array(
    fc.record({
      after: fc.integer({ min: 1, max: 6000 }),
      id: fc.constantFrom("t1", "t2", "t3"),
      user: fc.constantFrom("ann", "bob"),
      text: fc.constantFrom("one #a", "two #b"),
      deletes: fc.boolean(),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((items) => {
    let offset = 0;
    return items.map(({ after, id, user, text, deletes }) => {
      offset += after;
      return { offset, raw: deletes ? deletion(id, user) : post(id, user, text) };
    });
  });

test("what a record gives follows from the window of raw records before it, and nothing else", () => {
  fc.assert(
    fc.property(worlds, (records) => {
      const state = createTweetState();
      for (const [at, { offset, raw }] of records.entries()) {
        const outcome = applyTweet(raw, state, offset);
        const window = records
          .slice(0, at)
          .filter((one) => one.offset > offset - WINDOW_RECORDS)
          .map((one) => one.raw);
        const posts = window.filter((one) => !isDeletion(one) && one.id === raw.id);
        const deletes = window.filter(
          (one) => isDeletion(one) && one.id === raw.id && one.user_id === raw.user_id,
        );
        const foreign = posts[0] !== undefined && posts[0].user_id !== raw.user_id;
        if (isDeletion(raw)) {
          assert.equal(outcome.dead !== undefined, foreign);
          const told = !foreign && deletes.length === 0;
          assert.equal(outcome.enriched.length, told ? 1 : 0);
          assert.deepEqual(
            outcome.tombstones ?? [],
            told ? [JSON.stringify([raw.user_id, raw.id])] : [],
          );
          if (told)
            assert.equal(outcome.enriched[0]?.routes?.[0]?.partial, posts[0] ? undefined : true);
        } else {
          assert.equal(outcome.enriched.length, posts.length + deletes.length === 0 ? 1 : 0);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("a state that a replay rebuilds from the log behaves as the one that was in memory", () => {
  fc.assert(
    fc.property(worlds, fc.nat(), (records, number) => {
      const whole = createTweetState();
      const cut = number % records.length;
      const outcomes: ProcessOutcome[] = [];
      let from = 0;
      for (const [at, { offset, raw }] of records.entries()) {
        outcomes.push(applyTweet(raw, whole, offset));
        if (at === cut) from = tweetStateFrom(whole);
      }
      const rebuilt = createTweetState();
      for (const [at, { offset, raw }] of records.entries()) {
        if (offset < from) continue;
        const outcome = applyTweet(raw, rebuilt, offset);
        if (at > cut) assert.deepEqual(outcome, outcomes[at]);
      }
    }),
    { numRuns: 500 },
  );
});

test("a deletion goes to whoever could have got the post, by hashes of what it held", () => {
  const state = createTweetState();
  const { enriched } = applyTweet(post("t1", "ann", "hello #Crypto $BTC"), state, 0);
  assert.equal(enriched[0]?.event_type, "new_tweet");
  const [event] = applyTweet(deletion("t1", "ann"), state, 1).enriched;
  assert.deepEqual(event?.payload, { id: "t1", user_id: "ann" });
  const [route] = event?.routes ?? [];
  assert.deepEqual(Object.keys(route?.fields ?? {}), [
    "event_types",
    "user_ids",
    "keywords",
    "cashtags",
  ]);
  assert.doesNotMatch(JSON.stringify(event?.routes), /hello|ann|crypto/i);
});

test("of a retweet that is a reply too, the retweet counts", () => {
  const raw = { ...post("t1", "ann", "x"), retweet_id: "a", reply_to_id: "b" };
  const [event] = applyTweet(raw, createTweetState(), 0).enriched;
  assert.equal(event?.event_type, "retweet");
  const [reply] = applyTweet({ ...raw, retweet_id: null }, createTweetState(), 0).enriched;
  assert.equal(reply?.event_type, "reply");
});
