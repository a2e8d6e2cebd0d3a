/**
 * The one table of close codes. A code's range says what a client must do, so that a client which
 * does not know the code still acts rightly (PROTOCOL.md, "Codes").
 */

/** What a client does after a close or an error: the name of a code's range. */
export type Retry =
  /** Connect again with backoff and resume (4000 to 4099; 1001, 1005, 1006, 1011 to 1014). */
  | "reconnect"
  /** Renew the credential or the session, then resume (4100 to 4199). */
  | "renew"
  /** Choose a new start or policy; the same request fails again (4200 to 4299). */
  | "choose"
  /** Wait `retry_after_ms`, then resume (4300 to 4399). */
  | "wait"
  /** Do not retry (4400 to 4499, and 1000). */
  | "never";

/** Close codes by name. */
export const CLOSE = {
  normal: 1000,
  going_away: 1001,
  reconnect: 4000,
  unread: 4001,
  no_progress: 4002,
  internal: 4003,
  credential_refused: 4100,
  session_expired: 4101,
  credential_expired: 4110,
  behind: 4200,
  cursor_too_old: 4201,
  cursor_invalid: 4202,
  cursor_foreign: 4203,
  cursor_ahead: 4204,
  rate_limited: 4300,
  overloaded: 4301,
  protocol_error: 4400,
  forbidden: 4403,
  not_found: 4404,
  taken_over: 4409,
  session_ended: 4410,
  message_too_big: 4413,
  invalid_subscription: 4422,
} as const;

export type CloseName = keyof typeof CLOSE;

/** Codes that no `close` has sent (RFC 6455 §7.4.1). */
const UNSENT: Readonly<Record<number, string>> = { 1005: "no_code", 1006: "lost" };

/** The name of a close code, as sessions tell why they were disconnected. */
export function closeName(code: number): string {
  const named = Object.entries(CLOSE).find(([, value]) => value === code);
  return named?.[0] ?? UNSENT[code] ?? "other";
}

/**
 * What to do after a WebSocket close, from the code alone.
 *
 * @param code a WebSocket close code (RFC 6455 §7.4), known or not
 */
export function retryOf(code: number): Retry {
  if (code === 1001 || code === 1005 || code === 1006 || (code >= 1011 && code <= 1014)) {
    return "reconnect";
  }
  if (code >= 4000 && code < 4100) return "reconnect";
  if (code >= 4100 && code < 4200) return "renew";
  if (code >= 4200 && code < 4300) return "choose";
  if (code >= 4300 && code < 4400) return "wait";
  return "never";
}
