/** Frames may come this much ahead of their rate: a burst of two seconds' worth. */
const BURST_MS = 2000;

/**
 * Bounds the frames that a client sends. A budget is one number, the time at which the next frame
 * would be due if all had come evenly; it begins at 0.
 *
 * @returns the budget after one more frame; undefined where that is one too many
 */
export function takeFrame(dueMs: number, nowMs: number, perSecond: number): number | undefined {
  const due = Math.max(dueMs, nowMs);
  return due - nowMs > BURST_MS ? undefined : due + 1000 / perSecond;
}
