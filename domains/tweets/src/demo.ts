import type { DemoRecord } from "@penstock-dev/contract";
import type { RawTweet } from "./raw-tweet.ts";

const TAGS = [
  "crypto",
  "bitcoin",
  "news",
  "ethereum",
  "sports",
  "music",
  "defi",
  "ai",
  "football",
  "climate",
  "travel",
  "food",
  "photography",
  "startup",
  "gaming",
  "art",
  "science",
  "fitness",
  "books",
  "東京",
];
const SYMBOLS = ["BTC", "ETH", "COIN", "AAPL", "TSLA"];
const OPENERS = [
  "Loving",
  "Just read about",
  "Can't stop thinking about",
  "Hot take on",
  "Watching",
  "Big day for",
  "Who else follows",
  "Quietly excited about",
  "Learning",
  "Not sure about",
];
const SUBJECTS = [
  "the markets",
  "Coinbase",
  "this match",
  "a new album",
  "block times",
  "my garden",
  "the election",
  "good coffee",
  "rust and types",
  "the moon landing",
  "long trains",
  "open data",
];
const CLOSERS = [
  "today!",
  "again…",
  "🚀",
  "🔥🔥",
  "and it shows.",
  "— thoughts?",
  "before breakfast",
  "😀",
  "in the rain ☔",
  "with friends 🎉",
];
const FOREIGN: readonly (readonly [string, string])[] = [
  ["de", "Heute läuft alles wie am Schnürchen"],
  ["es", "Qué día tan bonito para caminar"],
  ["fr", "Encore une réunion qui aurait pu être un courriel"],
  ["ja", "東京都は今日も晴れです"],
  ["tr", "İstanbul'da güzel bir akşam"],
  ["pt-BR", "Que jogo incrível ontem à noite"],
];
const AUTHORS = 400;
const RECENT_MAX = 200;

/** A pseudo-random number from 0 to 1, by a 32-bit state (Marsaglia's xorshift). */
function random(seed: number): () => number {
  let state = (seed * 2654435761 + 1013904223) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** An endless, seeded stream of plausible posts, about fifty a second, some of them deleted again. */
export function* demoTweets(seed: number, startMs: number): Iterable<DemoRecord<RawTweet>> {
  const next = random(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T;
  // A few authors and tags are much more frequent than the others, as everywhere.
  const skewed = (count: number): number => Math.floor(count * next() ** 3);
  const recent: { readonly id: string; readonly user_id: string }[] = [];
  let timeMs = startMs;
  for (let number = 0; ; number++) {
    const afterMs = -Math.log(1 - next()) * 20;
    timeMs += afterMs;
    const user_id = `user${skewed(AUTHORS)}`;
    if (recent.length > 20 && next() < 0.02) {
      const [gone] = recent.splice(Math.floor(next() * recent.length), 1);
      if (gone !== undefined) yield { afterMs, raw: { type: "delete", ...gone } };
      continue;
    }
    const id = `${Math.floor(startMs).toString(36)}-${number.toString(36).padStart(6, "0")}`;
    const timestamp = new Date(timeMs).toISOString();
    const kind = next();
    const original = recent.length === 0 ? undefined : pick(recent);
    recent.push({ id, user_id });
    if (recent.length > RECENT_MAX) recent.shift();
    const foreign = next() < 0.15 ? pick(FOREIGN) : undefined;
    const lang = foreign?.[0] ?? "en";
    const text =
      foreign === undefined
        ? englishText(next, pick, skewed)
        : `${foreign[1]} #${TAGS[skewed(TAGS.length)]}`;
    if (kind < 0.12 && original !== undefined) {
      yield { afterMs, raw: { id, user_id, text: "", timestamp, retweet_id: original.id, lang } };
    } else if (kind < 0.25 && original !== undefined) {
      yield {
        afterMs,
        raw: {
          id,
          user_id,
          text: `@${original.user_id} ${text}`,
          timestamp,
          reply_to_id: original.id,
          lang,
        },
      };
    } else {
      yield { afterMs, raw: { id, user_id, text, timestamp, lang } };
    }
  }
}

function englishText(
  next: () => number,
  pick: <T>(items: readonly T[]) => T,
  skewed: (count: number) => number,
): string {
  const words = [pick(OPENERS), pick(SUBJECTS)];
  if (next() < 0.7) words.push(`#${TAGS[skewed(TAGS.length)]}`);
  if (next() < 0.2) words.push(`#${TAGS[skewed(TAGS.length)]}`);
  if (next() < 0.15) words.push(`$${pick(SYMBOLS)}`);
  if (next() < 0.1) words.push(`@user${skewed(AUTHORS)}`);
  words.push(pick(CLOSERS));
  return words.join(" ");
}
