import type { OptionValues } from "../../option.ts";
import { RetentionClock } from "../../retention-clock.ts";
import { publishLog } from "../diagnostics.ts";
import type { logOptions } from "../options.ts";
import { retainTopic } from "./retention.ts";
import type { Store } from "./store.ts";

/** Deletes what no topic need keep, now and then, one run at a time. */
export class Retainer implements AsyncDisposable {
  readonly #store: Store;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(
    store: Store,
    init: {
      readonly options: OptionValues<typeof logOptions>;
      readonly now: () => number;
      readonly uptimeMs?: (() => number) | undefined;
    },
  ) {
    this.#store = store;
    const { options, now, uptimeMs } = init;
    const clock = new RetentionClock({
      database: store.database,
      now,
      uptimeMs,
      tell: (aheadMs) =>
        publishLog("warn", "the clock is ahead of what has passed: old records are kept longer", {
          ahead_ms: Math.round(aheadMs),
        }),
    });
    this.#timer = setInterval(() => {
      this.#runBy(clock).catch((caught: unknown) =>
        publishLog("error", "old records could not be deleted; trying again", {
          error: String(caught),
        }),
      );
    }, options.retentionCheckMs).unref();
  }

  async #runBy(clock: RetentionClock): Promise<void> {
    if (!this.#isClosed) await this.run(await clock.read());
  }

  /** Deletes what need not be kept at a time. */
  async run(nowMs: number): Promise<void> {
    const run = this.#running.then(async () => {
      if (this.#isClosed) return;
      this.#store.database.root.readerCheck();
      for (const { value } of [...this.#store.topics.getRange()])
        if (!this.#isClosed) await retainTopic(this.#store, value, nowMs);
    });
    this.#running = run.catch(() => undefined);
    await run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#running;
  }
}
