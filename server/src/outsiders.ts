import { ORIGIN_HEADER } from "./ingest/index.ts";
import type { Log } from "./log/index.ts";

/** Records at the end of each partition that are looked through at the first question. */
const TAIL_RECORDS = 20_000;
/** Keys of others that are remembered; the oldest are forgotten beyond. */
const KEYS_MAX = 100_000;
const READ_LIMITS = { recordsMax: 500, bytesMax: 16 * 1024 * 1024 };

/**
 * Who else writes to a topic, by what lies in it: the log tells it across restarts, and whichever
 * process took a record.
 */
export class Outsiders {
  readonly #log: Log;
  readonly #topic: string;
  readonly #origin: string;
  /** By partition: what was looked through is below it. */
  readonly #next = new Map<number, number>();
  readonly #keys = new Set<string>();

  /** @param origin what one's own records say in their header of that name */
  constructor(log: Log, topic: string, origin: string) {
    this.#log = log;
    this.#topic = topic;
    this.#origin = origin;
  }

  /** Whether anyone else wrote a record with a key, of late or since the first question. */
  async have(key: string, partition: number): Promise<boolean> {
    await this.#catchUp(partition);
    return this.#keys.has(key);
  }

  async #catchUp(partition: number): Promise<void> {
    const head = (await this.#log.heads(this.#topic))[partition] ?? 0;
    const floor = (await this.#log.floors(this.#topic))[partition] ?? 0;
    let next = Math.max(this.#next.get(partition) ?? head - TAIL_RECORDS, floor);
    while (next < head) {
      const read = await this.#log.read(this.#topic, partition, next, READ_LIMITS);
      for (const { key, headers } of read.records) {
        if (headers[ORIGIN_HEADER] === this.#origin || key === null) continue;
        this.#keys.add(key);
        if (this.#keys.size > KEYS_MAX) this.#keys.delete(this.#keys.keys().next().value ?? "");
      }
      if (read.next <= next) break;
      next = read.next;
    }
    this.#next.set(partition, next);
  }
}
