import type { LogEntry } from "./log-entry.ts";
import { folded, type NaiveField } from "./naive-matcher.ts";

type Fields = { readonly [name: string]: NaiveField };

const same = (value: string): string => value;
const member =
  (name: string) =>
  ({ payload }: LogEntry): string[] => {
    const value = payload[name];
    if (value === undefined || value === null) return [];
    return (Array.isArray(value) ? value : [value]).map(String);
  };
const exact = (name: string, normalise = same): NaiveField => ({
  kind: "exact",
  take: member(name),
  normalise,
});
const bare = (value: string): string => folded(value.replace(/^[#＃@＠$]/, ""));

/** The fields of tweets, from its description. */
export const tweetFields: Fields = {
  user_ids: exact("user_id"),
  hashtags: exact("hashtags", bare),
  keywords: { kind: "text", take: member("text"), normalise: same },
  lang: exact("lang", (value) => value.toLowerCase()),
  mentions: exact("mentions", bare),
  cashtags: exact("cashtags", bare),
  reply_to_ids: exact("reply_to_id"),
  retweet_ids: exact("retweet_id"),
};

const partiesOf = (name: string, { payload }: LogEntry): string[] =>
  ((payload[name] ?? []) as { readonly address: string | null }[])
    .map(({ address }) => address)
    .filter((address) => address !== null && address !== undefined);
const lower = (value: string): string => (/^(0x|bc1)/i.test(value) ? value.toLowerCase() : value);
const addresses = (take: (entry: LogEntry) => string[]): NaiveField => ({
  kind: "exact",
  take,
  normalise: lower,
});

/** The fields of chain-events, from its description. */
export const chainFields: Fields = {
  chain: exact("chain", (value) => value.toUpperCase()),
  address: addresses((entry) =>
    entry.eventType === "log"
      ? member("contract")(entry)
      : [
          ...["from", "to", "contract_created", "token"].flatMap((name) => member(name)(entry)),
          ...partiesOf("inputs", entry),
          ...partiesOf("outputs", entry),
        ],
  ),
  from: addresses((entry) => [...member("from")(entry), ...partiesOf("inputs", entry)]),
  to: addresses((entry) => [...member("to")(entry), ...partiesOf("outputs", entry)]),
  contract: addresses((entry) =>
    entry.eventType === "log" ? member("contract")(entry) : member("contract_created")(entry),
  ),
  token: addresses(member("token")),
  topic0: exact("topics", lower),
  method: exact("method", lower),
  value: {
    kind: "range",
    take: (entry) => (entry.eventType === "tx" ? member("value")(entry) : []),
    normalise: same,
  },
};

/** By stream. */
export const naiveFields: { readonly [stream: string]: Fields } = {
  tweets: tweetFields,
  "chain-events": {
    ...chainFields,
    topic0: {
      ...(chainFields.topic0 as NaiveField),
      take: (entry) => member("topics")(entry).slice(0, 1),
    },
  },
};
