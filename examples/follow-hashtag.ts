/**
 * Follows a hashtag: npx node examples/follow-hashtag.ts crypto
 *
 * When the server goes away it waits, and goes on where it was; every post comes once.
 */
import { Penstock, type PenstockEvent, PenstockStreamError } from "@penstock-dev/client";

interface TweetEvent extends PenstockEvent {
  readonly tweet: { readonly user_id: string; readonly text?: string };
}

const [hashtag = "crypto"] = process.argv.slice(2);
const penstock = new Penstock({ url: process.env.PENSTOCK_URL ?? "http://127.0.0.1:8080" });
const events = penstock.stream<TweetEvent>("tweets", {
  filters: { hashtags: [hashtag] },
  onStatus: (status) => {
    // Standard output is for what was followed alone.
    console.error(status.state === "waiting" ? `waiting: ${status.reason}` : status.state);
  },
});

try {
  for await (const { event_type, id, tweet } of events) {
    console.log(event_type === "delete" ? `${id} was deleted` : `@${tweet.user_id}: ${tweet.text}`);
  }
} catch (error) {
  if (!(error instanceof PenstockStreamError)) throw error;
  console.error(`${error.message} ${error.advice}`);
  process.exitCode = 1;
}
