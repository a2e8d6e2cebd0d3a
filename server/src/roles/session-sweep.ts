import type { OrphanedSessions } from "../deliver/index.ts";
import type { Observer } from "../observe/index.ts";

/** How long to wait where what was found could not be stored: the disk may be full. */
const RETRY_MS = 5000;

/** Sweeps in the time that a session is kept, and how far apart they are at the least and at most. */
const SWEEPS_PER_TTL = 10;
const SWEEP_MIN_MS = 1000;
const SWEEP_MAX_MS = 10 * 60_000;

/** Deletes the sessions whose time is over, and lets those expire in theirs whose process is gone. */
export class SessionSweep implements Disposable {
  readonly #sessions: OrphanedSessions;
  readonly #ttlMs: number;
  readonly #logger: Observer["logger"];
  readonly #timer: NodeJS.Timeout;
  #isOver = false;

  /** Sweeps until it is disposed of. */
  constructor(sessions: OrphanedSessions, ttlMs: number, { logger }: Pick<Observer, "logger">) {
    this.#sessions = sessions;
    this.#ttlMs = ttlMs;
    this.#logger = logger;
    const everyMs = Math.min(SWEEP_MAX_MS, Math.max(SWEEP_MIN_MS, ttlMs / SWEEPS_PER_TTL));
    this.#timer = setInterval(() => this.orphan(() => false), everyMs).unref();
  }

  /** @param isGone which processes are gone, by their names */
  orphan(isGone: (holder: string) => boolean): void {
    if (this.#isOver) return;
    this.#sessions.orphan(isGone, this.#ttlMs).catch((caught: unknown) => {
      const error = String(caught);
      this.#logger.error({ error }, "sessions that nobody has could not be swept; trying again");
      setTimeout(() => this.orphan(isGone), RETRY_MS).unref();
    });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }
}
