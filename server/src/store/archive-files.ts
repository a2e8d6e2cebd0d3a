import { PenstockError } from "@penstock-dev/contract";
import { ArchiveRows } from "./archive-rows.ts";
import { type ArchiveTables, openTablesToRead } from "./archive-tables.ts";

/** The first pause of one who waits for another process to write, doubling from look to look. */
const PAUSE_MS = 1;
const PAUSE_MS_MAX = 25;

/**
 * The archive's files as those use them who read, in the process that writes them or in another.
 * There, they are opened when they are first needed, and looked at now and then for how far they are.
 */
export class ArchiveFiles implements AsyncDisposable {
  readonly #path: string;
  #tables: ArchiveTables | undefined;
  #rows: ArchiveRows | undefined;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  /** @param rows where this process writes the files */
  constructor(path: string, rows?: ArchiveRows) {
    this.#path = path;
    this.#rows = rows;
  }

  /**
   * The rows as they are on disk at this moment, whoever wrote them.
   *
   * @throws PenstockError `storage_unavailable` where nobody has written any yet, or it is closed
   */
  rows(): ArchiveRows {
    if (this.#closed) throw new PenstockError("storage_unavailable", "The archive is closed.");
    if (this.#rows === undefined) {
      this.#tables = openTablesToRead(this.#path);
      if (this.#tables === undefined) {
        throw new PenstockError("storage_unavailable", "There is no archive yet.", {
          retryAfterMs: 1000,
        });
      }
      this.#rows = new ArchiveRows(this.#tables);
    }
    this.#rows.refresh();
    return this.#rows;
  }

  /** By partition, the offset behind the last that was archived; 0 where nothing was. */
  place(topic: string, partitions: number): readonly number[] {
    const rows = this.rows();
    return Array.from({ length: partitions }, (_, partition) => {
      return rows.extent(topic, partition)?.next ?? 0;
    });
  }

  /** Tells those who wait in this process that something was written. */
  written(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves when a topic is archived up to a place; to false where the signal aborts before. */
  async reach(topic: string, place: readonly number[], signal: AbortSignal): Promise<boolean> {
    const isThere = (): boolean => {
      const reached = this.place(topic, place.length);
      return place.every((offset, partition) => (reached[partition] ?? 0) >= offset);
    };
    let pauseMs = PAUSE_MS;
    while (!isThere()) {
      if (signal.aborted) return false;
      await this.#pause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
    }
    return true;
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const timer = setTimeout(wake, ms);
    this.#waiting.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
    this.#waiting.delete(wake);
  }

  /** Reads no more, and closes what this opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.written();
    await this.#tables?.database.close();
    this.#tables = undefined;
    this.#rows = undefined;
  }
}
