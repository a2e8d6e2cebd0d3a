import { parsePosition } from "@penstock-dev/contract/event.ts";
import type { ErrorFrame, ServerFrame } from "@penstock-dev/contract/frames.ts";

/** No server means longer; and a timer of more than 24 days would fire at once. */
const RETRY_AFTER_MAX_MS = 24 * 3_600_000;

/**
 * The frame that a text is, or undefined where it is none: no JSON, or without what its kind must
 * have. What is not known passes, for a later server may say more.
 */
export function readServerFrame(text: string): ServerFrame | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const frame = value as Readonly<Record<string, unknown>>;
  if (frame.type === "error") return errorFrame(frame);
  return isFrame(frame) ? (value as ServerFrame) : undefined;
}

function isFrame({
  event_type,
  type,
  id,
  position,
  cursor,
  from,
}: Readonly<Record<string, unknown>>) {
  if (event_type !== undefined) {
    const hasNames = typeof event_type === "string" && typeof id === "string";
    return hasNames && typeof position === "string" && parsePosition(position) !== undefined;
  }
  if (type === "subscribed" || type === "checkpoint" || type === "caught_up")
    return typeof cursor === "string" && cursor !== "";
  if (type === "gap") return typeof from === "object" && from !== null;
  return typeof type === "string";
}

/** An error is never passed over: what it does not say right is said as well as can be. */
function errorFrame(frame: Readonly<Record<string, unknown>>): ErrorFrame {
  const { code, message, fatal, retry, retry_after_ms: afterMs, errors } = frame;
  const isWait = typeof afterMs === "number" && afterMs >= 0;
  return {
    type: "error",
    code: (typeof code === "string" ? code : "closed") as ErrorFrame["code"],
    message:
      typeof message === "string" ? message : "The server told of an error without a message.",
    fatal: fatal === true,
    retry: String(retry),
    retry_after_ms: isWait ? Math.min(afterMs, RETRY_AFTER_MAX_MS) : null,
    resumable: frame.resumable === true,
    ...(Array.isArray(errors) && { errors: errors as ErrorFrame["errors"] }),
  } as ErrorFrame;
}
