import { foldCase } from "@penstock-dev/contract";

const URL = /[A-Za-z][A-Za-z0-9+.-]{1,15}:\/\/\S*/g;
const HASHTAG = /(?<![\p{L}\p{N}_&/])[#＃]([\p{L}\p{M}\p{N}_]{1,280})/gu;
const MENTION = /(?<![\p{L}\p{N}_&/@])[@＠]([A-Za-z0-9_]{1,64})(?![A-Za-z0-9_@])/gu;
const CASHTAG = /(?<![\p{L}\p{N}_$])\$([A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?)(?![A-Za-z0-9_])/gu;

/** A text without its addresses, in which nothing is an entity. */
function withoutUrls(text: string): string {
  return text.includes("://") ? text.replace(URL, (url) => " ".repeat(url.length)) : text;
}

const isHash = (mark: string): boolean => mark === "#" || mark === "＃";
const isAt = (mark: string): boolean => mark === "@" || mark === "＠";

/** How hashtags are compared: without `#`, by full case folding after NFC. */
export function foldHashtag(tag: string): string {
  return foldCase(isHash(tag.charAt(0)) ? tag.slice(1) : tag);
}

/** How mentions are compared. */
export function foldMention(mention: string): string {
  return foldCase(isAt(mention.charAt(0)) ? mention.slice(1) : mention);
}

/** How cashtags are compared. */
export function foldCashtag(cashtag: string): string {
  return foldCase(cashtag.startsWith("$") ? cashtag.slice(1) : cashtag);
}

/** A text's hashtags, then those given, each once and with `#`, as they were written first. */
export function hashtagsOf(text: string, given: readonly string[]): string[] {
  const found = [...withoutUrls(text).matchAll(HASHTAG)].map((match) => match[1] ?? "");
  const tags = new Map<string, string>();
  for (const tag of [...found, ...given.map((one) => one.replace(/^[#＃]/, ""))]) {
    const folded = foldHashtag(tag);
    if (/\p{L}/u.test(tag) && !tags.has(folded)) tags.set(folded, `#${tag}`);
  }
  return [...tags.values()];
}

/** The accounts that a text mentions, each once, without `@`. */
export function mentionsOf(text: string): string[] {
  return distinct(withoutUrls(text).matchAll(MENTION), foldMention);
}

/** The cashtags of a text, each once, with `$`. */
export function cashtagsOf(text: string): string[] {
  return distinct(withoutUrls(text).matchAll(CASHTAG), foldCashtag).map((symbol) => `$${symbol}`);
}

function distinct(matches: Iterable<RegExpMatchArray>, fold: (text: string) => string): string[] {
  const found = new Map<string, string>();
  for (const match of matches) {
    const text = match[1] ?? "";
    if (!found.has(fold(text))) found.set(fold(text), text);
  }
  return [...found.values()];
}
