import type { ChainWorld } from "./chain-world.ts";
import type { NaiveRule } from "./naive-matcher.ts";
import type { Random } from "./random.ts";
import type { SwarmFilter } from "./swarm-client.ts";
import { CASHTAGS, LANGS, TAGS, type TweetWorld, WORDS } from "./tweet-world.ts";

/** Draws a filter over tweets: of one to three rules, some of them tagged. */
export function drawTweetFilter(random: Random, world: TweetWorld): SwarmFilter {
  if (random.chance(0.12)) return [];
  return drawRules(random, () => tweetRule(random, world));
}

function drawRules(random: Random, rule: () => NaiveRule): SwarmFilter {
  const rules = Array.from({ length: random.chance(0.6) ? 1 : random.integer(2, 3) }, rule);
  if (random.chance(0.6)) return rules;
  return rules.map((one, number) => ({ tag: `rule${number}`, ...one }));
}

function tweetRule(random: Random, world: TweetWorld): NaiveRule {
  const conditions: [string, () => unknown][] = [
    ["hashtags", () => random.some(TAGS, 3).map((tag) => (random.chance(0.5) ? `#${tag}` : tag))],
    ["user_ids", () => random.some(world.authors, 4)],
    ["keywords", () => [random.pick(WORDS), `${random.pick(WORDS)} ${random.pick(WORDS)}`]],
    ["lang", () => random.some(LANGS, 2)],
    ["mentions", () => random.some(world.authors, 3).map((author) => `@${author}`)],
    ["cashtags", () => random.some(CASHTAGS, 2)],
    ["event_types", () => random.some(["new_tweet", "retweet", "reply", "delete"], 2)],
  ];
  return draw(random, conditions);
}

function draw(random: Random, conditions: readonly [string, () => unknown][]): NaiveRule {
  const count = random.chance(0.7) ? 1 : 2;
  return Object.fromEntries(random.some(conditions, count).map(([name, value]) => [name, value()]));
}

/** Draws a filter over the events of some chains. */
export function drawChainFilter(
  random: Random,
  worlds: readonly ChainWorld[],
  onFinal: boolean,
): SwarmFilter {
  if (random.chance(0.12)) return [];
  return drawRules(random, () => chainRule(random, random.pick(worlds), onFinal));
}

function chainRule(random: Random, world: ChainWorld, onFinal: boolean): NaiveRule {
  const { addresses, tokens } = world;
  const types = ["block", "tx", "transfer", "log", "reorg", ...(onFinal ? ["final"] : [])];
  const mixed = (address: string): string =>
    random.chance(0.3) && address.startsWith("0x")
      ? `0x${address.slice(2).toUpperCase()}`
      : address;
  const conditions: [string, () => unknown][] = [
    ["chain", () => [world.name]],
    ["address", () => random.some(addresses, 4).map(mixed)],
    ["from", () => random.some(addresses, 4)],
    ["to", () => random.some(addresses, 4)],
    ["token", () => random.some(tokens, 1)],
    ["contract", () => random.some(tokens, 1)],
    ["min_value", () => String(random.integer(0, 3))],
    ["max_value", () => "2.5"],
    ["method", () => "0xa9059cbb"],
    ["event_types", () => random.some(types, 2)],
  ];
  return draw(random, conditions);
}
