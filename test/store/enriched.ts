import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DomainEvent } from "@penstock-dev/contract";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { tweets } from "@penstock-dev/domain-tweets";
import { openGrant } from "../../server/src/access/index.ts";
import { accessOptions } from "../../server/src/access/options.ts";
import { type Filters, parseFilters } from "../../server/src/filter/index.ts";
import { type EmbeddedLog, openEmbeddedLog } from "../../server/src/log/embedded/embedded-log.ts";
import { logOptions } from "../../server/src/log/options.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { storeOptions } from "../../server/src/store/options.ts";
import {
  encodeEvent,
  ensureTopics,
  loadStreams,
  type Stream,
} from "../../server/src/streams/index.ts";

export const STORE = defaultsOf(storeOptions);

/** A stream's enriched topic that a test writes to as a processor would, at times of its choice. */
export class Enriched implements AsyncDisposable {
  readonly dataDir: string;
  readonly stream: Stream;
  /** The clock of the log and of the store. */
  nowMs = 1_000_000_000_000;
  #log: EmbeddedLog | undefined;
  /** The next raw offset that an event comes from, by partition. */
  readonly #raw: number[] = [];

  private constructor(dataDir: string, stream: Stream) {
    this.dataDir = dataDir;
    this.stream = stream;
  }

  static async open(name: "tweets" | "chain-events", partitions: number): Promise<Enriched> {
    const dataDir = await mkdtemp(join(tmpdir(), "penstock-store-"));
    return await Enriched.join(dataDir, name, partitions);
  }

  /** The same topic in another process. */
  static async join(
    dataDir: string,
    name: "tweets" | "chain-events",
    partitions: number,
  ): Promise<Enriched> {
    const domains = new Map([
      ["tweets", tweets],
      ["chain-events", chainEvents],
    ]);
    const stream = loadStreams(undefined, domains, partitions).get(name) as Stream;
    const enriched = new Enriched(dataDir, stream);
    enriched.#log = await openEmbeddedLog({
      dataDir,
      options: { ...defaultsOf(logOptions), pollMs: 20 },
      now: enriched.now,
    });
    await ensureTopics(enriched.log, stream, {});
    return enriched;
  }

  get log(): EmbeddedLog {
    if (this.#log === undefined) throw new Error("the log is not open");
    return this.#log;
  }

  readonly now = (): number => this.nowMs;

  filters(filters: object): Filters {
    return parseFilters(this.stream, { filters }, openGrant(defaultsOf(accessOptions)).limits);
  }

  /** Appends events to one partition at once; answers the offset of the first. */
  async append(
    partition: number,
    events: readonly DomainEvent[],
    key = `key${partition}`,
  ): Promise<number> {
    const records = events.map((event) => {
      const offset = this.#raw[partition] ?? 0;
      this.#raw[partition] = offset + 1;
      return encodeEvent(event, key, { generation: 0, offset, index: 0, last: true }, 0);
    });
    return (await this.log.append(this.stream.topic, partition, records)).firstOffset;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#log?.[Symbol.asyncDispose]();
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function post(id: string, text = "hello", user_id = "ann"): DomainEvent {
  const hashtags = [...text.matchAll(/#\w+/g)].map(([tag]) => tag);
  const timestamp = "2026-01-01T00:00:00Z";
  const payload = { id, user_id, text, timestamp, hashtags, retweet_id: null };
  return { event_type: "new_tweet", id, noun: "tweet", payload };
}

export function deletion(id: string, user_id = "ann"): DomainEvent {
  const routes = [{ fields: {} }];
  return { event_type: "delete", id, noun: "tweet", payload: { id, user_id }, routes };
}

export function transaction(id: string, removed = false, value = "1"): DomainEvent {
  const payload = { chain: "ETH", hash: id, value };
  return {
    event_type: "tx",
    id,
    noun: "tx",
    payload,
    ...(removed ? { removed } : {}),
  } as DomainEvent;
}

export function reorg(id: string): DomainEvent {
  const payload = { chain: "ETH", common_ancestor: null, removed: [], added: [] };
  return { event_type: "reorg", id, noun: "reorg", payload };
}

/** The ids of events as JSON. */
export function idsOf(bodies: readonly string[]): string[] {
  return bodies.map((body) => (JSON.parse(body) as { id: string }).id);
}
