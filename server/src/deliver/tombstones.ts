import { compareSources, parseSource, type Source } from "@penstock-dev/contract";
import type { Log } from "../log/index.ts";
import type { Stream, StreamEvent } from "../streams/index.ts";

/** What tells whether something was deleted. */
type Content = Pick<StreamEvent, "contentKey" | "source">;

/** When content was deleted, and by which record. */
interface Deletion {
  readonly source: Source;
  readonly atMs: number;
}

/**
 * What was deleted: content with one of these keys, and a source before that of its deletion, is
 * served to nobody. Held by every process that reads, and loaded before it is ready; let go of when
 * the log has long let go of all that came before the deletion.
 */
export class Tombstones {
  readonly #keepMs: number;
  /** By content key, about the oldest first. */
  readonly #deletions = new Map<string, Deletion>();

  /** @param keepMs how much older than the newest deletion one may be */
  constructor(keepMs = Number.POSITIVE_INFINITY) {
    this.#keepMs = keepMs;
  }

  get size(): number {
    return this.#deletions.size;
  }

  /** @param atMs when the log took the deletion */
  add(contentKey: string, source: Source, atMs: number): void {
    const known = this.#deletions.get(contentKey);
    if (known !== undefined && compareSources(known.source, source) >= 0) return;
    this.#deletions.delete(contentKey);
    this.#deletions.set(contentKey, { source, atMs });
    for (const [key, oldest] of this.#deletions) {
      if (atMs - oldest.atMs <= this.#keepMs) break;
      this.#deletions.delete(key);
    }
  }

  /** Whether an event's content was deleted. A deletion is no content, and is always told. */
  hides({ contentKey, source }: Content): boolean {
    if (this.#deletions.size === 0 || contentKey === undefined || source === undefined)
      return false;
    const deleted = this.#deletions.get(contentKey);
    return deleted !== undefined && compareSources(source, deleted.source) < 0;
  }
}

/** A deletion is kept for so many times as long as the log keeps what it deletes. */
const KEPT_TIMES = 2;

/** Reads a stream's tombstones from the log, to its end. */
export async function loadTombstones(log: Log, stream: Stream): Promise<Tombstones> {
  if (stream.tombstoneTopic === undefined) return new Tombstones();
  const { retentionMs = Number.POSITIVE_INFINITY } = await log.describe(stream.tombstoneTopic);
  const tombstones = new Tombstones(retentionMs * KEPT_TIMES);
  const floors = await log.floors(stream.tombstoneTopic);
  const heads = await log.heads(stream.tombstoneTopic);
  for (const [partition, head] of heads.entries()) {
    let next = floors[partition] ?? 0;
    while (next < head) {
      const read = await log.read(stream.tombstoneTopic, partition, next, {
        recordsMax: 5000,
        bytesMax: 4 * 1024 * 1024,
      });
      for (const record of read.records) {
        const source = parseSource(record.headers.source ?? "");
        if (record.key !== null && source !== undefined)
          tombstones.add(record.key, source, record.timestampMs);
      }
      if (read.next <= next) break;
      next = read.next;
    }
  }
  return tombstones;
}
