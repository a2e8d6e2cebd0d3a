import type { OptionValues } from "../../option.ts";
import { publishLog } from "../diagnostics.ts";
import type { OffsetVector } from "../log.ts";
import type { logOptions } from "../options.ts";
import { logFolder, type Store } from "./store.ts";
import { Waiters } from "./waiters.ts";
import { type Moved, Wake, wakeFolder } from "./wake.ts";

/**
 * Tells those who wait that records arrived: of this process at once, of others when they say so,
 * and whatever nobody said when it looks by itself, now and then, for all who wait.
 */
export class Arrivals implements Disposable {
  readonly #store: Store;
  readonly #dataDir: string;
  readonly #options: OptionValues<typeof logOptions>;
  readonly #waiters = new Waiters();
  readonly #timer: NodeJS.Timeout;
  #wake: Wake | "none" | undefined;
  #isClosed = false;

  constructor(store: Store, dataDir: string, options: OptionValues<typeof logOptions>) {
    this.#store = store;
    this.#dataDir = dataDir;
    this.#options = options;
    this.#timer = setInterval(() => this.#lookForAll(), options.pollMs).unref();
  }

  /** Tells everyone, here and elsewhere, of records that this process appended. */
  appended(number: number, partition: number, head: number): void {
    this.#waiters.moved(number, partition, head);
    this.#join()?.moved(number, partition);
  }

  /** Resolves when one of a topic's heads is beyond a position, on abort, or at the end. */
  async wait(
    topic: { readonly number: number; readonly partitions: number },
    positions: OffsetVector,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#isClosed || signal.aborted) return;
    this.#join();
    this.#store.database.refresh();
    for (let partition = 0; partition < topic.partitions; partition++)
      if (this.#head(topic.number, partition) > (positions[partition] ?? 0)) return;
    // Whoever waits keeps the process alive.
    this.#timer.ref();
    await this.#waiters.wait(topic.number, positions, signal);
    if (this.#waiters.isEmpty) this.#timer.unref();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    if (this.#wake !== "none") this.#wake?.[Symbol.dispose]();
    this.#waiters.wakeAll();
  }

  /** The way to the other processes, found when this one first appends or waits. */
  #join(): Wake | undefined {
    if (this.#wake === undefined && !this.#isClosed) this.#wake = this.#openWake() ?? "none";
    return this.#wake === "none" ? undefined : this.#wake;
  }

  #openWake(): Wake | undefined {
    const failed = (caught: unknown): void =>
      publishLog("warn", "other processes cannot wake this one: it looks now and then", {
        error: String(caught),
      });
    try {
      const folder = wakeFolder(logFolder(this.#dataDir));
      const intervalMs = this.#options.wakeMs;
      const woken = (moved: readonly Moved[] | "anything"): void =>
        moved === "anything" ? this.#lookForAll() : this.#look(moved);
      return folder === undefined ? undefined : new Wake({ folder, intervalMs, woken, failed });
    } catch (caught) {
      failed(caught);
      return undefined;
    }
  }

  /** Looks at what another process says has moved. */
  #look(moved: readonly Moved[]): void {
    if (this.#isClosed) return;
    let isFresh = false;
    for (const [number, partition] of moved) {
      if (!this.#waiters.isAwaited(number)) continue;
      // What this turn read before may be older than what it is told of.
      if (!isFresh) this.#store.database.refresh();
      isFresh = true;
      this.#waiters.moved(number, partition, this.#head(number, partition));
    }
  }

  #lookForAll(): void {
    if (this.#waiters.isEmpty) return;
    this.#store.database.refresh();
    for (const number of this.#waiters.topics()) {
      const range = { start: [number, 0], end: [number, Number.MAX_SAFE_INTEGER] } as const;
      for (const { key, value } of this.#store.partitions.getRange(range as never))
        this.#waiters.moved(number, key[1], value.head);
    }
  }

  #head(number: number, partition: number): number {
    return this.#store.partitions.get([number, partition])?.head ?? 0;
  }
}
