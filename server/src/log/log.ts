/** A place in a topic: the next offset to read, by partition (index = partition). */
export type OffsetVector = readonly number[];

/** A record as it is appended. */
export interface NewRecord {
  /** The partition key, kept with the record; null where there is none. */
  readonly key: string | null;
  readonly value: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A record as it lies in the log. */
export interface LogRecord {
  readonly offset: number;
  /** When the log took it, in milliseconds since the epoch; never goes backwards in a partition. */
  readonly timestampMs: number;
  readonly key: string | null;
  /** A copy that the caller may keep. */
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a topic is kept. */
export interface TopicOptions {
  readonly partitions: number;
  /** Records older than this may go; undefined keeps them whatever their age. */
  readonly retentionMs?: number;
  /** A partition's oldest records may go while it holds more than this; undefined: no bound. */
  readonly retentionBytes?: number;
  /** Of records with one key only the newest need stay. */
  readonly compacted?: boolean;
}

/** What is known of a topic. */
export interface TopicInfo extends TopicOptions {
  readonly topic: string;
  /** Names this topic in this log and no other; a topic that is deleted and made anew has another. */
  readonly logId: string;
  /**
   * Raised whenever records that were acknowledged may have been lost since: the machine stopped, or
   * the log is an older copy of itself.
   */
  readonly generation: number;
}

/** What one read gives. */
export interface ReadResult {
  /** In the order of their offsets, which may have holes. */
  readonly records: readonly LogRecord[];
  /** Where the next read goes on: behind the last record, or behind a hole at the end. */
  readonly next: number;
}

/** What an acknowledged append says. */
export interface Appended {
  /** Offset of the first record; the others follow without a hole. */
  readonly firstOffset: number;
  /** The time that all the records were given. */
  readonly timestampMs: number;
}

/**
 * A partitioned, durable, append-only log: the only queue that there is. Embedded (LMDB) and Kafka
 * meet it; one conformance suite runs against each (`conformance.ts`).
 *
 * Offsets start at 0 and grow by one a record. A partition's floor is the lowest offset that may
 * still be read; its head is the offset that the next record gets. Every method rejects with a
 * PenstockError: `not_found` for an unknown topic or partition, `cursor_too_old` for a read below
 * the floor, `cursor_ahead` for one above the head, `disk_full`, `storage_unavailable`.
 */
export interface Log extends AsyncDisposable {
  /** Makes the topic where it is missing; an existing one keeps its partitions and takes the retention. */
  createTopic(topic: string, options: TopicOptions): Promise<TopicInfo>;
  topics(): Promise<readonly TopicInfo[]>;
  describe(topic: string): Promise<TopicInfo>;
  /**
   * Appends records to one partition, in order and without others between them. Resolves when they
   * are durable, and not before are they visible to any reader. Concurrent appends share a flush.
   * With `expected`, nothing is appended and it rejects with `cursor_foreign` unless the first
   * record's offset is that one: how a writer notices that another wrote meanwhile.
   */
  append(
    topic: string,
    partition: number,
    records: readonly NewRecord[],
    options?: { readonly expected?: number },
  ): Promise<Appended>;
  /** Reads at most so many records and about so many bytes from an offset on; at the head: none. */
  read(
    topic: string,
    partition: number,
    from: number,
    limits: { readonly recordsMax: number; readonly bytesMax: number },
  ): Promise<ReadResult>;
  /** By partition, the offset that the next record gets. */
  heads(topic: string): Promise<OffsetVector>;
  /** By partition, the lowest offset that can be read. */
  floors(topic: string): Promise<OffsetVector>;
  /** The first offset whose record was taken at or after a time; the head where none was. */
  offsetAt(topic: string, partition: number, timeMs: number): Promise<number>;
  /**
   * The offset, in a partition, from which on offsets mean something else than they did in an
   * older generation; undefined where the generation is the present one. A cursor of an older
   * generation beyond that offset is refused.
   */
  generationStart(
    topic: string,
    partition: number,
    generation: number,
  ): Promise<number | undefined>;
  /** Resolves when a partition's head is beyond `positions`, or when the signal aborts. */
  waitForMore(topic: string, positions: OffsetVector, signal: AbortSignal): Promise<void>;
}

/** What of a log writes. */
export type LogWriter = Pick<Log, "createTopic" | "append">;
