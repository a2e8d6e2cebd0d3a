import { CLOSE, type CloseName, type Retry, retryOf } from "./codes.ts";
import { FIELD_ERRORS_MAX } from "./field-errors.ts";

/** One entry of the catalogue: everything that any surface says of an error. */
export interface ErrorEntry {
  /** HTTP status of the answer (RFC 9110). */
  readonly status: number;
  /** The close code that ends a stream with this error. */
  readonly close: CloseName;
  /** A short sentence that is the same each time (RFC 9457 `title`). */
  readonly title: string;
  /** What the reader should do about it, for the page of this code. */
  readonly mend: string;
}

const entry = (status: number, close: CloseName, title: string, mend: string): ErrorEntry => ({
  status,
  close,
  title,
  mend,
});

/**
 * The catalogue: every error that Penstock says, on whatever surface. PROTOCOL.md lists the same
 * codes; a test keeps the two equal.
 */
export const ERRORS = {
  invalid_json: entry(
    400,
    "protocol_error",
    "The text is not JSON.",
    "Send well-formed JSON in UTF-8.",
  ),
  invalid_request: entry(
    400,
    "invalid_subscription",
    "The request has members that are missing or wrong.",
    "Mend the members that `errors` names.",
  ),
  unknown_field: entry(
    400,
    "invalid_subscription",
    "The filter names a field that the stream does not have.",
    "Use one of the stream's fields, listed by `GET /v1/streams`.",
  ),
  invalid_filter: entry(
    400,
    "invalid_subscription",
    "The filter cannot be used as it stands.",
    "Mend the members that `errors` names.",
  ),
  filter_too_large: entry(
    400,
    "invalid_subscription",
    "The filter has more rules or values than allowed.",
    "Use fewer values, or several sessions; `limits` says how many are allowed.",
  ),
  match_all_refused: entry(
    403,
    "forbidden",
    "A filter that matches everything is not allowed here.",
    "Name at least one field.",
  ),
  latest_unavailable: entry(
    400,
    "invalid_subscription",
    'The stream does not say what "the latest" is the latest of.',
    "Use another `when_behind`.",
  ),
  unauthorized: entry(
    401,
    "credential_refused",
    "A credential is needed.",
    "Send `Authorization: Bearer`, `X-API-Key` or a ticket.",
  ),
  forbidden: entry(
    403,
    "forbidden",
    "The credential does not allow this.",
    "Ask for a credential with the scope that is named.",
  ),
  origin_refused: entry(
    403,
    "forbidden",
    "This origin may not connect.",
    "Add the page's origin to `allowed_origins`.",
  ),
  not_found: entry(
    404,
    "not_found",
    "There is nothing at this address.",
    "Compare the path with `/docs`.",
  ),
  unknown_stream: entry(
    404,
    "not_found",
    "There is no such stream.",
    "Use one of the streams listed by `GET /v1/streams`.",
  ),
  session_not_found: entry(
    404,
    "session_expired",
    "There is no such session.",
    "Create one with `POST /v1/stream/subscribe`, and give it your last cursor.",
  ),
  session_ended: entry(
    410,
    "session_ended",
    "The session was ended.",
    "Create a new one if you still need it.",
  ),
  taken_over: entry(
    409,
    "taken_over",
    "Another connection uses this session now.",
    "One session serves one connection: create a second session for a second reader.",
  ),
  already_subscribed: entry(
    409,
    "protocol_error",
    "This connection has a subscription already.",
    "Use `update_filters`, or a second connection.",
  ),
  not_subscribed: entry(
    409,
    "protocol_error",
    "This connection has no subscription yet.",
    "Send a `subscribe` frame first.",
  ),
  method_not_allowed: entry(
    405,
    "protocol_error",
    "This address does not know the method.",
    "Use a method that the `Allow` header names.",
  ),
  upgrade_required: entry(
    426,
    "protocol_error",
    "This address speaks WebSocket.",
    "Upgrade the connection (RFC 6455), or follow the stream at `/v1/{stream}/live`.",
  ),
  payload_too_large: entry(
    413,
    "message_too_big",
    "The body is larger than allowed.",
    "Send smaller bodies, or NDJSON with one record a line.",
  ),
  unsupported_media_type: entry(
    415,
    "protocol_error",
    "The body's media type is not understood.",
    "Send `application/json` or `application/x-ndjson`.",
  ),
  invalid_event: entry(
    422,
    "protocol_error",
    "The event does not have the shape that the stream wants.",
    "Mend the members that `errors` names.",
  ),
  protocol_error: entry(
    400,
    "protocol_error",
    "The frame is not one that the protocol knows.",
    "Compare it with PROTOCOL.md.",
  ),
  subscribe_timeout: entry(
    408,
    "reconnect",
    "No `subscribe` frame came in time.",
    "Connect again, and send `subscribe` within ten seconds.",
  ),
  cursor_too_old: entry(
    410,
    "cursor_too_old",
    "The cursor is older than what is kept.",
    "Start at `earliest`, or say `clamp: true` to go on at the floor with a gap.",
  ),
  cursor_invalid: entry(
    400,
    "cursor_invalid",
    "The cursor is cut short or altered.",
    "Use a cursor exactly as it was given, or another start.",
  ),
  cursor_foreign: entry(
    409,
    "cursor_foreign",
    "The cursor belongs to another log, stream, topic or finality.",
    "Use it where it came from, or choose another start.",
  ),
  cursor_ahead: entry(
    409,
    "cursor_ahead",
    "The cursor is past the end of the log.",
    "Use it on the log that gave it, or choose another start.",
  ),
  behind: entry(
    409,
    "behind",
    "The client fell behind, and its policy is to disconnect.",
    "Read faster, filter more narrowly, or choose another `when_behind`.",
  ),
  unread: entry(
    408,
    "unread",
    "The client left its bytes unread for too long.",
    "Connect again; read the socket without pause.",
  ),
  no_progress: entry(
    408,
    "no_progress",
    "Reading made no progress for a minute.",
    "Connect again and resume.",
  ),
  rate_limited: entry(
    429,
    "rate_limited",
    "Too many requests.",
    "Wait for as long as the answer says.",
  ),
  too_many_connections: entry(429, "rate_limited", "Too many connections.", "Close some, or wait."),
  overloaded: entry(
    503,
    "overloaded",
    "The server has as much as it can take.",
    "Wait for as long as the answer says.",
  ),
  shutting_down: entry(
    503,
    "going_away",
    "The server is stopping.",
    "Connect again, perhaps elsewhere, and resume.",
  ),
  storage_unavailable: entry(
    503,
    "overloaded",
    "What was asked for is kept in a store that cannot be reached.",
    "Wait, then ask again.",
  ),
  disk_full: entry(
    503,
    "overloaded",
    "The log's disk is full.",
    "Wait; the operator frees space, or lowers the retention.",
  ),
  internal: entry(
    500,
    "internal",
    "Something broke on our side.",
    "Connect again; tell us if it stays.",
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** How long who is told to wait waits, where nothing better is known: a moment of a busy server. */
export const RETRY_AFTER_MS = 1000;

/** What is wrong with one member of a request. */
export interface FieldError {
  /** A JSON Pointer (RFC 6901) to the member, `""` for the whole. */
  readonly path: string;
  /** What would be right. */
  readonly message: string;
  /** A known name close to the one that was sent. */
  readonly did_you_mean?: string;
}

/** An error of the catalogue, as RFC 9457 `application/problem+json`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  readonly retry_after_ms?: number;
}

/** What may be said besides an error's code and detail. */
export interface ErrorExtras {
  readonly errors?: readonly FieldError[];
  /** How long to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** An error that a caller may be told: its code is in the catalogue. */
export class PenstockError extends Error {
  override readonly name = "PenstockError";
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[];
  /** How long to wait, in milliseconds; known wherever waiting is what helps. */
  readonly retryAfterMs: number | undefined;

  /** @param detail what happened this time, and what would be right; safe to show to the caller */
  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}) {
    super(detail, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.errors = (extras.errors ?? []).slice(0, FIELD_ERRORS_MAX);
    const waits = this.status === 503 || this.retry === "wait";
    this.retryAfterMs = extras.retryAfterMs ?? (waits ? RETRY_AFTER_MS : undefined);
  }

  /** Whatever was caught, as an error of the catalogue; what is not one becomes `internal`. */
  static from(caught: unknown): PenstockError {
    if (caught instanceof PenstockError) return caught;
    return new PenstockError("internal", ERRORS.internal.title, { cause: caught });
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** The WebSocket close code that ends a stream with this error. */
  get closeCode(): number {
    return CLOSE[ERRORS[this.code].close];
  }

  get retry(): Retry {
    return retryOf(this.closeCode);
  }

  /** This error as a problem document (RFC 9457). */
  toProblem(): Problem {
    return {
      type: `/docs/errors#${this.code}`,
      title: ERRORS[this.code].title,
      status: this.status,
      code: this.code,
      detail: this.message,
      ...(this.errors.length > 0 ? { errors: this.errors } : {}),
      ...(this.retryAfterMs === undefined ? {} : { retry_after_ms: this.retryAfterMs }),
    };
  }
}
