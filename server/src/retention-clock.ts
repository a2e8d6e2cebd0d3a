import { uptime } from "node:os";
import type { Database } from "lmdb";
import type { DiskDatabase } from "./disk-database.ts";

/** How much faster than time passes the clock that retention goes by may run. */
const PACE_MAX = 2;

/** A clock that is ahead by more is told of: what is less, machines set right by themselves. */
const AHEAD_TOLD_MS = 10 * 60_000;

/** The time that retention went by, and how long the machine had run then. */
export interface ClockReading {
  readonly timeMs: number;
  readonly uptimeMs: number;
}

/**
 * The time to go by next. Deletion cannot be undone, and a machine's clock can be years ahead for an
 * hour: so the time follows the clock, but no faster than twice what the machine says has passed.
 * Whatever the clock says, records are kept for half of their retention; and behind a clock that is
 * right, after a jump or an hour in which the machine was off, the time is right as much later.
 *
 * @param last undefined where there is none yet: then the clock is believed
 */
export function followClock(
  last: ClockReading | undefined,
  nowMs: number,
  uptimeMs: number,
): ClockReading {
  if (last === undefined) return { timeMs: nowMs, uptimeMs };
  // A machine that was started anew has run for less: what passed meanwhile nobody knows.
  const passedMs = Math.max(0, uptimeMs - last.uptimeMs);
  return { timeMs: Math.min(nowMs, last.timeMs + PACE_MAX * passedMs), uptimeMs };
}

/** The time that retention in one database goes by, for all processes that share it. */
export class RetentionClock {
  readonly #database: DiskDatabase;
  readonly #table: Database<ClockReading, string>;
  readonly #now: () => number;
  readonly #uptimeMs: () => number;
  readonly #tell: (aheadMs: number) => void;
  #isTold = false;

  /**
   * @param init.uptimeMs how long the machine has run, in milliseconds; left out: as it says itself
   * @param init.tell told when the clock turns out to be far ahead, by how many milliseconds
   * @throws PenstockError `disk_full` or `storage_unavailable`
   */
  constructor(init: {
    readonly database: DiskDatabase;
    readonly now: () => number;
    readonly uptimeMs?: (() => number) | undefined;
    readonly tell?: (aheadMs: number) => void;
  }) {
    this.#database = init.database;
    this.#table = init.database.table("clock", "json");
    this.#now = init.now;
    this.#uptimeMs = init.uptimeMs ?? (() => uptime() * 1000);
    this.#tell = init.tell ?? (() => undefined);
  }

  /** The time now, in milliseconds since the epoch. */
  async read(): Promise<number> {
    const nowMs = this.#now();
    const follow = (): ClockReading =>
      followClock(this.#table.get("retention"), nowMs, this.#uptimeMs());
    const { timeMs } = await this.#database
      .write(() => {
        const reading = follow();
        this.#table.putSync("retention", reading);
        return reading;
      })
      // Deleting makes room on a disk that is full: it does not wait for some.
      .catch(follow);
    const aheadMs = nowMs - timeMs;
    if (aheadMs <= AHEAD_TOLD_MS) this.#isTold = false;
    else if (!this.#isTold) {
      this.#isTold = true;
      this.#tell(aheadMs);
    }
    return timeMs;
  }
}
