/**
 * Filters and events for the benchmark of the filter index, skewed as real ones are (Zipf): the
 * events come out of the domains' own processing, with accounts, tags and words of a larger world.
 */
import type { Domain, DomainEvent } from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import { type Stream, type StreamEvent, typedStream } from "../../server/src/streams/index.ts";

/** One kind of load: a stream, its events, and as many different filters as wanted. */
export interface World {
  readonly name: string;
  readonly stream: Stream;
  readonly events: (count: number) => readonly StreamEvent[];
  /** The body of a subscription, the same for the same number; those of different numbers differ. */
  readonly request: (number: number, dice: Dice) => object;
}

/** Seeded choices (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A rank from 0 on, as likely as 1 / (rank + 1). */
  rank(count: number): number {
    return Math.floor((count + 1) ** this.next()) - 1;
  }
}

const ACCOUNTS = 3_000_000;
const TOKENS = 20_000;
const USERS = 3_000_000;
const TAGS = 200_000;
const WORDS = 50_000;

function mixed(number: number): number {
  let w = Math.imul(number ^ (number >>> 16), 0x7feb352d);
  w = Math.imul(w ^ (w >>> 15), 0x846ca68b);
  return (w ^ (w >>> 16)) >>> 0;
}

function address(rank: number): string {
  let digits = "";
  for (let word = 0; word < 5; word++) {
    digits += mixed(rank * 5 + word + 1)
      .toString(16)
      .padStart(8, "0");
  }
  return `0x${digits}`;
}

/** A word as long as its rank has it: the frequent ones are short. */
function word(rank: number): string {
  const consonants = "bcdfghklmnprstvz";
  const vowels = "aeiou";
  let text = "";
  for (let rest = rank; rest > 0 || text === ""; rest = Math.floor(rest / 80)) {
    const syllable = rest % 80;
    text += `${consonants[Math.floor(syllable / 5)]}${vowels[syllable % 5]}`;
  }
  return text;
}

function processed(domain: Domain, raws: Iterable<unknown>, count: number): DomainEvent[] {
  const { process } = domain;
  if (process === undefined) throw new Error("the domain has no process");
  const state = process.create();
  const events: DomainEvent[] = [];
  let offset = 0;
  for (const raw of raws) {
    const { enriched } = process.apply(raw, state, offset);
    offset += 1;
    for (const event of enriched) if (event.event_type !== "reorg") events.push(event);
    if (events.length >= count) break;
  }
  return events.slice(0, count);
}

const served = (event: DomainEvent): StreamEvent => ({
  ...event,
  source: undefined,
  contentKey: undefined,
  tail: "",
});

function* demoRaws(domain: Domain): Iterable<unknown> {
  for (const { raw } of domain.demo?.(1, 1_700_000_000_000) ?? []) yield raw;
}

/** The demonstration's chains, with the accounts and tokens of a larger world. */
function chainEventsOf(count: number): readonly StreamEvent[] {
  const dice = new Dice(7);
  return processed(chainEvents, demoRaws(chainEvents), count).map((event) => {
    const { payload, event_type } = event;
    const changed: Record<string, unknown> = { ...payload };
    if (event_type === "tx" || event_type === "transfer") {
      if (typeof payload.from === "string") changed.from = address(dice.rank(ACCOUNTS));
      if (typeof payload.to === "string") changed.to = address(dice.rank(ACCOUNTS));
    }
    if (typeof payload.token === "string") changed.token = address(-1 - dice.rank(TOKENS));
    if (typeof payload.contract === "string") changed.contract = address(-1 - dice.rank(TOKENS));
    if (event_type === "tx") changed.value = amount(dice).toFixed(4);
    return served({ ...event, payload: changed });
  });
}

/** From a thousandth to a hundred thousand, each magnitude as likely as any other. */
const amount = (dice: Dice): number => 10 ** (dice.next() * 8 - 3);

function* rawPosts(dice: Dice): Iterable<unknown> {
  const recent: { readonly id: string; readonly user_id: string }[] = [];
  for (let number = 0; ; number++) {
    const gone = recent[dice.below(200)];
    if (gone !== undefined && dice.next() < 0.02) {
      yield { type: "delete", ...gone };
      continue;
    }
    const id = `p${number}`;
    const user_id = `user${dice.rank(USERS)}`;
    const words = Array.from({ length: 8 + dice.below(12) }, () => word(dice.rank(WORDS)));
    const tags = Array.from({ length: dice.below(4) }, () => `#${word(dice.rank(TAGS))}x`);
    const mention = dice.next() < 0.2 ? [`@user${dice.rank(USERS)}`] : [];
    const text = [...mention, ...words, ...tags].join(" ").slice(0, 280);
    recent.unshift({ id, user_id });
    recent.length = Math.min(recent.length, 200);
    const timestamp = "2026-01-01T00:00:00.000Z";
    yield { id, user_id, text, timestamp, lang: dice.next() < 0.7 ? "en" : "es" };
  }
}

function* completed(raws: Iterable<unknown>): Iterable<unknown> {
  for (const raw of raws) {
    const parsed = tweets.ingest.parse(raw);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    yield tweets.ingest.complete(parsed.value, { nowMs: 0, newId: () => "none" });
  }
}

/** Of words that say something: nobody asks for the most frequent ones. */
const phrase = (dice: Dice): string =>
  Array.from({ length: 2 + dice.below(2) }, () => word(50 + dice.rank(WORDS))).join(" ");

function postFilters(number: number, dice: Dice): object {
  const kind = dice.next();
  // Different by their number wherever chance might repeat them.
  const user = `user${number * 3 + dice.below(3)}`;
  const tag = () => `${word(dice.rank(TAGS))}x`;
  if (kind < 0.3) return { filters: { user_ids: [user] } };
  if (kind < 0.5) return { filters: { hashtags: [tag()], user_ids: [user] } };
  if (kind < 0.65) return { filters: { keywords: [phrase(dice)], lang: ["en"] } };
  if (kind < 0.75) return { filters: { keywords: [phrase(dice), `n${number}`] } };
  if (kind < 0.85) return { filters: { hashtags: [`t${number}`, `${word(number)}x`] } };
  if (kind < 0.92)
    return { rules: [{ tag: "mentioned", mentions: [user], event_types: ["new_tweet", "reply"] }] };
  return {
    rules: [
      { tag: "author", user_ids: [user], keywords: [word(dice.rank(WORDS))] },
      { tag: "topic", hashtags: [`${word(number)}x`], lang: ["es"] },
    ],
  };
}

function chainFilters(number: number, dice: Dice): object {
  const kind = dice.next();
  const account = address(number * 3 + dice.below(3));
  const token = address(-1 - dice.rank(TOKENS));
  if (kind < 0.4) return { filters: { address: [account] } };
  if (kind < 0.55)
    return { filters: { from: [account], min_value: String(Math.ceil(amount(dice))) } };
  if (kind < 0.65) {
    const low = amount(dice);
    return { filters: { min_value: low.toFixed(8), max_value: (low * 1.001).toFixed(8) } };
  }
  if (kind < 0.75) return { filters: { token: [token], to: [account] } };
  if (kind < 0.9) {
    const other = address(dice.below(ACCOUNTS));
    return { filters: { event_types: ["transfer"], address: [account, other] } };
  }
  return {
    rules: [
      { tag: "out", from: [account], chain: ["ETH"] },
      { tag: "big", to: [account], min_value: String(1 + dice.below(1000)) },
    ],
  };
}

const chains = typedStream("chain-events", chainEvents, { partitions: 1 });
const posts = typedStream("tweets", tweets, { partitions: 1 });

export const worlds: readonly World[] = [
  {
    name: "addresses",
    stream: chains,
    events: chainEventsOf,
    request: (number, dice) => ({ filters: { address: address(number * 3 + dice.below(3)) } }),
  },
  { name: "chain mix", stream: chains, events: chainEventsOf, request: chainFilters },
  {
    name: "post mix",
    stream: posts,
    events: (count) => processed(tweets, completed(rawPosts(new Dice(11))), count).map(served),
    request: postFilters,
  },
];
