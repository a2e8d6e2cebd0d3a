import type { OrphanedSessions } from "../deliver/index.ts";
import type { Observer } from "../observe/index.ts";

/** How long to wait where it could not be stored whose holder is gone: the disk may be full. */
const RETRY_MS = 5000;

/** Lets the sessions of processes that are gone expire in their time, once that can be stored. */
export function orphaner(
  sessions: OrphanedSessions,
  ttlMs: number,
  { logger }: Observer,
): (isGone: (holder: string) => boolean) => void {
  const orphan = (isGone: (holder: string) => boolean): void => {
    sessions.orphan(isGone, ttlMs).catch((caught: unknown) => {
      const error = String(caught);
      logger.error({ error }, "sessions of a process that is gone are kept; trying again");
      setTimeout(orphan, RETRY_MS, isGone).unref();
    });
  };
  return orphan;
}
