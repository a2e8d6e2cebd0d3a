import {
  type DomainEvent,
  hashTerm,
  type ProcessOutcome,
  type Route,
  tokenise,
} from "@penstock-dev/contract";
import { cashtagsOf, mentionsOf } from "./entities.ts";
import { tweetFields } from "./fields.ts";
import { isDeletion, type RawDeletion, type RawPost, type RawTweet } from "./raw-tweet.ts";

/** Raw records that the state depends on: the newest of a partition. */
export const WINDOW_RECORDS = 20_000;

const NOTHING: ProcessOutcome = { enriched: [] };

/**
 * What is kept of one raw record of the window. It says what that record alone says, so that the
 * state is the same whatever was read before the window.
 */
interface Kept {
  readonly offset: number;
  readonly id: string;
  readonly userId: string;
  /**
   * Of a post: its event as JSON, from which its deletion's route is worked out. Few posts are deleted, and
   * one text is a fifth of what the terms of all of them take. Undefined of a deletion.
   */
  readonly post: string | undefined;
  /** Of a post: the next one of the window with the same id. */
  later: Kept | undefined;
}

/** The posts of the window that have one id. */
interface Posts {
  /** For all that the window says, the one that was told; those behind it are repeats. */
  oldest: Kept;
  newest: Kept;
}

/** The window of a partition: its records in order, and those of each id. */
export interface TweetState {
  readonly window: Kept[];
  /** Index of the oldest in `window`, which is cut now and then. */
  start: number;
  readonly posts: Map<string, Posts>;
  /** The newest deletion by author and id: an author's own alone can keep a post from coming. */
  readonly deletions: Map<string, Kept>;
}

export function createTweetState(): TweetState {
  return { window: [], start: 0, posts: new Map(), deletions: new Map() };
}

/** Names a tweet's content: its author and its id, unambiguously. */
export function contentKeyOf(userId: string, id: string): string {
  return JSON.stringify([userId, id]);
}

/** Takes one raw record of a partition: the event that it is, unless it repeats or has been deleted. */
export function applyTweet(raw: RawTweet, state: TweetState, offset: number): ProcessOutcome {
  forget(state, offset);
  return isDeletion(raw) ? applyDeletion(raw, state, offset) : applyPost(raw, state, offset);
}

/** The oldest raw offset that the state depends on. */
export function tweetStateFrom(state: TweetState): number {
  return state.window[state.start]?.offset ?? Number.MAX_SAFE_INTEGER;
}

/** The window is one of offsets, so that it is the same whatever was read before it. */
function forget(state: TweetState, offset: number): void {
  for (;;) {
    const oldest = state.window[state.start];
    if (oldest === undefined || oldest.offset > offset - WINDOW_RECORDS) break;
    state.start += 1;
    if (oldest.post === undefined) {
      const key = contentKeyOf(oldest.userId, oldest.id);
      if (state.deletions.get(key) === oldest) state.deletions.delete(key);
      continue;
    }
    const posts = state.posts.get(oldest.id);
    if (posts === undefined) continue;
    if (oldest.later === undefined) state.posts.delete(oldest.id);
    else posts.oldest = oldest.later;
  }
  if (state.start > 4096) {
    state.window.splice(0, state.start);
    state.start = 0;
  }
}

function applyPost(raw: RawPost, state: TweetState, offset: number): ProcessOutcome {
  const id = raw.id ?? "";
  const event = eventOf(raw, id);
  const kept: Kept = {
    offset,
    id,
    userId: raw.user_id,
    post: JSON.stringify(event),
    later: undefined,
  };
  state.window.push(kept);
  const posts = state.posts.get(id);
  if (posts !== undefined) {
    // A repeat is an occurrence too: it keeps the id known for another window.
    posts.newest.later = kept;
    posts.newest = kept;
    return NOTHING;
  }
  state.posts.set(id, { oldest: kept, newest: kept });
  return state.deletions.has(contentKeyOf(raw.user_id, id)) ? NOTHING : { enriched: [event] };
}

function applyDeletion(raw: RawDeletion, state: TweetState, offset: number): ProcessOutcome {
  const { id, user_id } = raw;
  const key = contentKeyOf(user_id, id);
  const repeated = state.deletions.has(key);
  const kept: Kept = { offset, id, userId: user_id, post: undefined, later: undefined };
  state.window.push(kept);
  state.deletions.set(key, kept);
  const post = state.posts.get(id)?.oldest;
  if (post !== undefined && post.userId !== user_id) {
    return { enriched: [], dead: `/user_id is not the author of ${id}` };
  }
  if (repeated) return NOTHING;
  const route: Route =
    post?.post === undefined
      ? { fields: { user_ids: [hashTerm(user_id)] }, partial: true }
      : routeOf(JSON.parse(post.post));
  const event: DomainEvent = {
    event_type: "delete",
    id,
    noun: "tweet",
    payload: { id, user_id },
    routes: [route],
  };
  return { enriched: [event], tombstones: [key] };
}

function eventOf(raw: RawPost, id: string): DomainEvent {
  const mentions = mentionsOf(raw.text);
  const cashtags = cashtagsOf(raw.text);
  const retweetId = raw.retweet_id ?? null;
  const replyToId = raw.reply_to_id ?? null;
  return {
    event_type: retweetId !== null ? "retweet" : replyToId !== null ? "reply" : "new_tweet",
    id,
    noun: "tweet",
    payload: {
      id,
      user_id: raw.user_id,
      text: raw.text,
      timestamp: raw.timestamp,
      hashtags: raw.hashtags ?? [],
      retweet_id: retweetId,
      ...(replyToId === null ? {} : { reply_to_id: replyToId }),
      ...(mentions.length === 0 ? {} : { mentions }),
      ...(cashtags.length === 0 ? {} : { cashtags }),
      ...(raw.lang === undefined ? {} : { lang: raw.lang }),
    },
  };
}

/** The terms of an event's fields, as hashes: whom a deletion of it must reach. */
function routeOf(event: DomainEvent): Route {
  const fields: [string, readonly string[]][] = [["event_types", [hashTerm(event.event_type)]]];
  for (const [name, field] of Object.entries(tweetFields)) {
    const taken = field.take(event);
    if (taken === undefined) continue;
    const values = typeof taken === "string" ? [taken] : taken;
    const terms =
      field.kind === "text"
        ? values.flatMap(tokenise)
        : values.map((value) => normalised(field, value));
    if (terms.length > 0) fields.push([name, terms.map(hashTerm)]);
  }
  return { fields: Object.fromEntries(fields) };
}

function normalised(field: (typeof tweetFields)[string], value: string): string {
  const result = field.normalise?.(value) ?? { value };
  return "value" in result ? result.value : value;
}
