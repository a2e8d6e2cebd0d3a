import { compareSources, parseSource, type Source } from "@penstock-dev/contract";
import type { Log } from "../log/index.ts";
import type { Stream, StreamEvent } from "../streams/index.ts";

/** What tells whether something was deleted. */
type Content = Pick<StreamEvent, "contentKey" | "source">;

/**
 * What was deleted: content with one of these keys, and a source before that of its deletion, is
 * served to nobody. Held whole by every process that reads, and loaded before it is ready.
 */
export class Tombstones {
  readonly #sources = new Map<string, Source>();

  get size(): number {
    return this.#sources.size;
  }

  add(contentKey: string, source: Source): void {
    const known = this.#sources.get(contentKey);
    if (known === undefined || compareSources(known, source) < 0) {
      this.#sources.set(contentKey, source);
    }
  }

  /** Whether an event's content was deleted. A deletion is no content, and is always told. */
  hides({ contentKey, source }: Content): boolean {
    if (this.#sources.size === 0 || contentKey === undefined || source === undefined) return false;
    const deleted = this.#sources.get(contentKey);
    return deleted !== undefined && compareSources(source, deleted) < 0;
  }
}

/** Reads a stream's tombstones from the log, to its end. */
export async function loadTombstones(log: Log, stream: Stream): Promise<Tombstones> {
  const tombstones = new Tombstones();
  if (stream.tombstoneTopic === undefined) return tombstones;
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
        if (record.key !== null && source !== undefined) tombstones.add(record.key, source);
      }
      if (read.next <= next) break;
      next = read.next;
    }
  }
  return tombstones;
}
