/** Frames may come this much ahead of their rate: a burst of two seconds' worth. */
const BURST_MS = 2000;

/** A larger frame counts as several, for what is said in it has to be read: one more for each so many bytes. */
const BYTES_PER_FRAME = 16 * 1024;

/**
 * Bounds the frames that a client sends. A budget is one number, the time at which the next frame
 * would be due if all had come evenly; it begins at 0.
 *
 * @param bytes of the frame, inflated
 * @returns the budget after one more frame; undefined where that is one too many
 */
export function takeFrame(
  dueMs: number,
  nowMs: number,
  perSecond: number,
  bytes: number,
): number | undefined {
  const due = Math.max(dueMs, nowMs);
  if (due - nowMs > BURST_MS) return undefined;
  return due + (1000 / perSecond) * (1 + Math.floor(bytes / BYTES_PER_FRAME));
}
