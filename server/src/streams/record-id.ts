import { createHash } from "node:crypto";

let lastMs = 0;
let counter = 0;

/**
 * A new id, sortable by time: milliseconds, a counter within them, and some randomness, in base 36.
 * With an idempotency key the id follows from it, so that a repeat gets the same one.
 */
export function newRecordId(nowMs: number, idempotencyKey: string | undefined): string {
  if (idempotencyKey !== undefined) {
    return createHash("sha256").update(idempotencyKey).digest("base64url").slice(0, 22);
  }
  counter = nowMs === lastMs ? counter + 1 : 0;
  lastMs = nowMs;
  const random = Math.floor(Math.random() * 36 ** 4);
  return (
    nowMs.toString(36).padStart(9, "0") +
    counter.toString(36).padStart(4, "0") +
    random.toString(36).padStart(4, "0")
  );
}
