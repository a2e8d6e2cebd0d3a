import type { Random } from "./random.ts";

/** Words, some of which fold, join or hold others: what a careless matcher gets wrong. */
export const WORDS = [
  "coinbase",
  "coinbasepro",
  "Bitcoin",
  "straße",
  "STRASSE",
  "ΣΊΣΥΦΟΣ",
  "東京都",
  "gm",
  "to_the_moon",
  "naïve",
  "don't",
  "42",
];
export const TAGS = ["crypto", "Crypto", "BTC", "eth", "東京", "straße", "ﬁnance", "web3"];
export const LANGS = ["en", "de", "ja", "pt-BR"];
export const CASHTAGS = ["$BTC", "$eth", "$COIN"];

interface Post {
  readonly id: string;
  readonly user_id: string;
}

/** Posts, retweets, replies and deletions of some authors; some of them twice, late or wrong. */
export class TweetWorld {
  readonly authors: readonly string[];
  /** What must be readable at the end: the posts that were not deleted, by id. */
  readonly live = new Map<string, string>();
  /** Ids that were posted, deleted since or not. */
  readonly posted = new Set<string>();
  deletions = 0;
  repeats = 0;
  deadLetters = 0;
  readonly #random: Random;
  readonly #prefix: string;
  readonly #recent: Post[] = [];
  readonly #records: object[] = [];
  readonly #doomed = new Set<string>();
  #count = 0;

  constructor(random: Random, prefix: string) {
    this.#random = random;
    this.#prefix = prefix;
    this.authors = Array.from({ length: 12 }, (_, number) => `author${number}`);
  }

  /** The next raw record. */
  next(): object {
    const random = this.#random;
    const known = this.#recent.length > 0;
    if (known && random.chance(0.12)) return this.#delete();
    if (known && random.chance(0.03)) return this.#wrongDelete();
    if (known && random.chance(0.03)) {
      this.repeats += 1;
      return random.pick(this.#records);
    }
    if (random.chance(0.02)) return this.#early();
    return this.#post();
  }

  /** A post that everybody can wait for: the last of its author. */
  sentinel(author: string): { readonly id: string; readonly raw: object } {
    const id = `${this.#prefix}-end-${author}`;
    this.posted.add(id);
    this.live.set(id, author);
    return { id, raw: { id, user_id: author, text: "the end #end" } };
  }

  #post(id = this.#newId(), author = this.#random.pick(this.authors)): object {
    const random = this.#random;
    const words = random.some(WORDS, 4);
    if (random.chance(0.6)) words.push(`#${random.pick(TAGS)}`);
    if (random.chance(0.2)) words.push(`@${random.pick(this.authors)}`);
    if (random.chance(0.2)) words.push(random.pick(CASHTAGS));
    if (random.chance(0.1)) words.push("https://example.com/#notatag");
    const raw = {
      id,
      user_id: author,
      text: words.join(random.chance(0.8) ? " " : ", "),
      ...(random.chance(0.5) ? { lang: random.pick(LANGS) } : {}),
      ...(random.chance(0.2) ? { hashtags: [random.pick(TAGS)] } : {}),
      ...(this.#recent.length > 0 && random.chance(0.15)
        ? { retweet_id: random.pick(this.#recent).id }
        : {}),
      ...(this.#recent.length > 0 && random.chance(0.15)
        ? { reply_to_id: random.pick(this.#recent).id }
        : {}),
    };
    this.#records.push(raw);
    if (this.#doomed.has(id)) return raw;
    this.posted.add(id);
    this.live.set(id, author);
    this.#recent.push({ id, user_id: author });
    if (this.#recent.length > 100) this.#recent.shift();
    return raw;
  }

  #delete(): object {
    const at = this.#random.integer(0, this.#recent.length - 1);
    const [post] = this.#recent.splice(at, 1);
    const { id, user_id } = post as Post;
    this.live.delete(id);
    this.deletions += 1;
    const raw = { type: "delete", id, user_id };
    this.#records.push(raw);
    return raw;
  }

  #wrongDelete(): object {
    const { id, user_id } = this.#random.pick(this.#recent);
    const other = this.authors.find((author) => author !== user_id) as string;
    this.deadLetters += 1;
    return { type: "delete", id, user_id: other };
  }

  /** A deletion whose post comes later, if at all: it may never be seen. */
  #early(): object {
    const id = this.#newId();
    const author = this.#random.pick(this.authors);
    this.#doomed.add(id);
    this.deletions += 1;
    this.#records.push({ id, user_id: author, text: "too late #crypto" });
    return { type: "delete", id, user_id: author };
  }

  #newId(): string {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}`;
  }
}
