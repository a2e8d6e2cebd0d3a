import { PenstockError } from "@penstock-dev/contract";
import type { Log, NewRecord } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import { type IngestRecord, namedStream, type Stream } from "../streams/index.ts";
import type { ingestOptions } from "./options.ts";
import { partitionOf } from "./partitioner.ts";

/** What a producer is told of a record that the log holds durably. */
export interface Ingested {
  readonly id: string;
  /** `partition:offset` in the stream's ingest topic. */
  readonly position: string;
}

/** Bytes that are counted among what waits for the log. */
export interface Held {
  /** @throws PenstockError `overloaded` where too much waits already, `shutting_down` where it stops */
  add(bytes: number): void;
  /** All that was added counts no more. */
  release(): void;
}

/** Answers to what the log has just taken are on their way within this time. */
const ANSWERS_MS = 50;

const NO_HEADERS: Readonly<Record<string, string>> = {};

/** Checks what producers send and appends it to the log, whoever brings it. */
export class Ingester {
  readonly streams: ReadonlyMap<string, Stream>;
  readonly options: OptionValues<typeof ingestOptions>;
  readonly #log: Log;
  readonly #now: () => number;
  /** Records that the log has acknowledged, by stream. */
  readonly ingested = new Map<string, number>();
  #inFlightBytes = 0;
  #isStopping = false;
  readonly #appends = new Set<Promise<unknown>>();

  constructor(init: {
    readonly streams: ReadonlyMap<string, Stream>;
    readonly options: OptionValues<typeof ingestOptions>;
    readonly log: Log;
    readonly now: () => number;
  }) {
    this.streams = init.streams;
    this.options = init.options;
    this.#log = init.log;
    this.#now = init.now;
  }

  /** @throws PenstockError `unknown_stream`, naming those that there are */
  stream(name: string): Stream {
    return namedStream(this.streams, name);
  }

  /**
   * Counts bytes that come in among what waits for the log, until they are released: a thousand
   * bodies that arrive at once are bounded as what they become is.
   */
  holding(): Held {
    let held = 0;
    return {
      add: (bytes) => {
        this.#admit(bytes);
        this.#inFlightBytes += bytes;
        held += bytes;
      },
      release: () => {
        this.#inFlightBytes -= held;
        held = 0;
      },
    };
  }

  /** @throws PenstockError `overloaded` where too much waits already, `shutting_down` where it stops */
  #admit(bytes: number): void {
    if (this.#isStopping)
      throw new PenstockError("shutting_down", "The server is stopping.", { retryAfterMs: 1000 });
    if (this.#inFlightBytes > 0 && this.#inFlightBytes + bytes > this.options.inFlightBytesMax) {
      throw new PenstockError("overloaded", "More waits for the log than it takes at once.", {
        retryAfterMs: 1000,
      });
    }
  }

  /**
   * @param headers the producer's own, for the record
   * @throws PenstockError `invalid_event`, with the path of each member that is wrong
   */
  accept(
    stream: Stream,
    value: unknown,
    idempotencyKey: string | undefined,
    headers: Readonly<Record<string, string>> = NO_HEADERS,
  ): IngestRecord {
    return stream.ingest.accept(value, { nowMs: this.#now(), idempotencyKey, headers });
  }

  /**
   * Appends accepted records; those of one partition stay in their order. Resolves when all are
   * durable, with an answer for each.
   *
   * @throws PenstockError `overloaded` where too much waits already, or what the log throws
   */
  async append(stream: Stream, accepted: readonly IngestRecord[]): Promise<readonly Ingested[]> {
    let bytes = 0;
    for (const { value } of accepted) bytes += value.length;
    const held = this.holding();
    held.add(bytes);
    const appending = this.#append(stream, accepted);
    this.#appends.add(appending);
    try {
      return await appending;
    } finally {
      this.#appends.delete(appending);
      held.release();
    }
  }

  /** Takes nothing more; resolves when what was taken is durable, and its answers have left. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.allSettled(this.#appends);
    await new Promise((resolve) => setTimeout(resolve, ANSWERS_MS));
  }

  async #append(stream: Stream, accepted: readonly IngestRecord[]): Promise<readonly Ingested[]> {
    const byPartition = new Map<number, { records: NewRecord[]; places: number[] }>();
    for (const [place, record] of accepted.entries()) {
      const partition = partitionOf(record.key, stream.partitions);
      const part = byPartition.get(partition) ?? { records: [], places: [] };
      part.records.push(record);
      part.places.push(place);
      byPartition.set(partition, part);
    }
    const answers: Ingested[] = new Array(accepted.length);
    await Promise.all(
      [...byPartition].map(async ([partition, { records, places }]) => {
        const { firstOffset } = await this.#log.append(stream.ingestTopic, partition, records);
        for (const [at, place] of places.entries()) {
          const id = accepted[place]?.id ?? "";
          answers[place] = { id, position: `${partition}:${firstOffset + at}` };
        }
      }),
    );
    this.ingested.set(stream.name, (this.ingested.get(stream.name) ?? 0) + accepted.length);
    return answers;
  }
}
