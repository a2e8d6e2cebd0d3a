import { type Retry, retryOf } from "@penstock-dev/contract/codes.ts";
import type { ErrorFrame } from "@penstock-dev/contract/frames.ts";
import { PenstockStreamError } from "./stream-error.ts";

const RETRIES: readonly Retry[] = ["reconnect", "renew", "choose", "wait", "never"];

/**
 * The end of a connection as an error, whose `retry` says what helps.
 *
 * @param code that it was closed with, or 1006 where nothing closed it
 * @param reason that it was closed with; empty where there is none
 * @param fatal the error that the server sent before
 */
export function connectionEnd(
  code: number,
  reason: string,
  fatal: ErrorFrame | undefined,
): PenstockStreamError {
  return new PenstockStreamError({
    code: fatal?.code ?? "closed",
    closeCode: code,
    retry: retryAfter(code, fatal),
    message: fatal?.message ?? `${reason === "" ? "The connection was closed." : reason} (${code})`,
    errors: fatal?.errors,
  });
}

function retryAfter(code: number, fatal: ErrorFrame | undefined): Retry {
  // Where the close frame was lost, the error before it says what to do.
  const wasLost = code === 1005 || code === 1006;
  return wasLost && fatal !== undefined ? known(fatal.retry) : retryOf(code);
}

/** What an `error` frame says would help; a word that is not known means what a lost close means. */
function known(retry: string): Retry {
  return RETRIES.find((one) => one === retry) ?? "reconnect";
}
