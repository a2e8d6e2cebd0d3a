/** The calls of the HTTP surface, as documentation tells them. */
import type { ErrorCode } from "@penstock-dev/contract";
import type { z } from "zod";
import { historyQuery, liveQuery, recentQuery, resumeQuery } from "../schemas/queries.ts";
import type { SchemaName } from "./components.ts";

/** What a call answers where it succeeds. */
export interface Answer {
  readonly status: number;
  readonly description: string;
  /** Left out where there is no body. */
  readonly content?: Readonly<Record<string, SchemaName | "Events" | "Text">>;
}

/** One call. */
export interface Operation {
  readonly method: "get" | "post" | "patch" | "delete";
  /** As it is registered: `/v1/:stream/recent` stands for one address for each stream. */
  readonly path: string;
  readonly group: "Streaming" | "Sessions" | "Queries" | "Ingestion" | "About the server";
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodObject;
  /** Whether the stream's fields stand in the query as well. */
  readonly filtered?: true;
  /** `Event` stands for what the stream takes. */
  readonly body?: SchemaName | "Event";
  readonly answers: readonly Answer[];
  /** What it may be refused with, besides what every call may. */
  readonly errors: readonly ErrorCode[];
}

const JSON_TYPE = "application/json";
const NDJSON = "application/x-ndjson";
const SSE = "text/event-stream";
const FRAMES: Answer = {
  status: 200,
  description:
    "Frames, one a line as NDJSON or one a message as server-sent events, until either side ends it.",
  content: { [NDJSON]: "ServerFrame", [SSE]: "ServerFrame" },
};
const UPGRADED: Answer = {
  status: 101,
  description: "A WebSocket; PROTOCOL.md says what it carries.",
};
const STARTS: readonly ErrorCode[] = [
  "cursor_too_old",
  "cursor_invalid",
  "cursor_foreign",
  "cursor_ahead",
];
const FILTERS: readonly ErrorCode[] = [
  "unknown_field",
  "invalid_filter",
  "filter_too_large",
  "match_all_refused",
];
const json = (status: number, description: string, schema: SchemaName | "Events"): Answer => ({
  status,
  description,
  content: { [JSON_TYPE]: schema },
});

const live: Operation = {
  method: "get",
  path: "/v1/:stream/live",
  group: "Streaming",
  summary: "Follow a stream in one step",
  description:
    "A WebSocket on upgrade, server-sent events where they are accepted, else NDJSON. The fields stand in the query, comma-separated or repeated. A session is opened, which `hello` names; `Last-Event-ID` goes on where an `EventSource` was.",
  query: liveQuery,
  filtered: true,
  answers: [FRAMES, UPGRADED],
  errors: ["unknown_stream", ...FILTERS, ...STARTS, "latest_unavailable", "shutting_down"],
};

const subscribe: Operation = {
  method: "post",
  path: "/v1/stream/subscribe",
  group: "Sessions",
  summary: "Create a session",
  description: "It keeps filters and position across connections, whatever their transport.",
  body: "SubscribeRequest",
  answers: [json(201, "The session, and where to connect.", "SessionCreated")],
  errors: ["unknown_stream", ...FILTERS, ...STARTS, "latest_unavailable"],
};

const upgrade = (
  path: string,
  summary: string,
  errors: readonly ErrorCode[],
  query?: z.ZodObject,
): Operation => ({
  method: "get",
  path,
  group: "Streaming",
  summary,
  ...(query === undefined ? {} : { query }),
  answers: [UPGRADED],
  errors: ["upgrade_required", ...errors],
});

const SESSION_GONE: readonly ErrorCode[] = ["session_not_found"];

export const OPERATIONS: readonly Operation[] = [
  live,
  upgrade("/stream/ws", "Open a WebSocket and subscribe by its first frame", []),
  upgrade("/v1/stream/ws", "The same as /stream/ws", []),
  upgrade("/v1/stream/:session", "Connect to a session by WebSocket", SESSION_GONE, resumeQuery),
  upgrade("/stream/:session", "The same as /v1/stream/{session_id}", SESSION_GONE, resumeQuery),
  {
    method: "get",
    path: "/v1/stream/:session/events",
    group: "Streaming",
    summary: "Connect to a session by server-sent events or NDJSON",
    query: resumeQuery,
    answers: [FRAMES],
    errors: [...SESSION_GONE, ...STARTS, "shutting_down"],
  },
  subscribe,
  { ...subscribe, path: "/stream/subscribe", summary: "The same as /v1/stream/subscribe" },
  {
    method: "get",
    path: "/v1/stream/sessions",
    group: "Sessions",
    summary: "List your sessions, each with why it last disconnected",
    answers: [json(200, "The sessions.", "Sessions")],
    errors: [],
  },
  {
    method: "get",
    path: "/v1/stream/subscribe/:session",
    group: "Sessions",
    summary: "Read a session, its lag explained",
    answers: [json(200, "The session.", "Session")],
    errors: SESSION_GONE,
  },
  {
    method: "patch",
    path: "/v1/stream/subscribe/:session",
    group: "Sessions",
    summary: "Change a session",
    description: "A connection takes the change at its place in the stream, told by `subscribed`.",
    body: "SessionPatch",
    answers: [json(200, "The session, changed.", "Session")],
    errors: [...SESSION_GONE, ...FILTERS, "latest_unavailable"],
  },
  {
    method: "delete",
    path: "/v1/stream/subscribe/:session",
    group: "Sessions",
    summary: "End a session",
    description: "Its connection is closed with 4410.",
    answers: [{ status: 204, description: "It is ended." }],
    errors: SESSION_GONE,
  },
  {
    method: "post",
    path: "/v1/stream/preview",
    group: "Queries",
    summary: "Try filters on the recent window",
    description:
      "How many events would have matched, a sample, the rate to expect, what they cost. Of a window that is too large to be looked at whole, the newest part counts: `window_ms` says how much that is.",
    body: "PreviewRequest",
    answers: [json(200, "What matched.", "Preview")],
    errors: ["unknown_stream", ...FILTERS, "storage_unavailable"],
  },
  {
    method: "get",
    path: "/v1/:stream/recent",
    group: "Queries",
    summary: "The last minutes, newest first; or, with `after`, what came since",
    description:
      "A subscription that starts at the answer's cursor has no hole. One query looks at a bounded number of events: of a filter that matches very little the newest may be fewer than there are, and an answer to `after` may be empty with `more`, its cursor behind what was looked at.",
    query: recentQuery,
    filtered: true,
    answers: [json(200, "The newest events.", "Events")],
    errors: ["unknown_stream", ...FILTERS, ...STARTS, "storage_unavailable"],
  },
  {
    method: "get",
    path: "/v1/:stream/history",
    group: "Queries",
    summary: "The archive, oldest first, by pages",
    query: historyQuery,
    filtered: true,
    answers: [json(200, "A page.", "History")],
    errors: ["unknown_stream", ...FILTERS, ...STARTS, "storage_unavailable"],
  },
  {
    method: "post",
    path: "/v1/ingest/:stream",
    group: "Ingestion",
    summary: "Publish one event, or one a line",
    description:
      "JSON is answered 202 once the log holds it durably. NDJSON is answered 200 and a line for each line, while the body still comes. With an `Idempotency-Key` a repeat has the same id and is passed over. `Penstock-Header-<Name>` is a header of the record.",
    body: "Event",
    answers: [
      {
        status: 202,
        description: "The log has it, and loses it by no crash.",
        content: { [JSON_TYPE]: "Ingested" },
      },
      {
        status: 200,
        description: "For NDJSON: what became of each line.",
        content: { [NDJSON]: "IngestLine" },
      },
    ],
    errors: [
      "unknown_stream",
      "invalid_event",
      "payload_too_large",
      "unsupported_media_type",
      "overloaded",
      "disk_full",
    ],
  },
  {
    method: "get",
    path: "/v1/streams",
    group: "About the server",
    summary: "What streams there are: event types, fields, kinds",
    answers: [json(200, "The streams.", "Streams")],
    errors: [],
  },
  {
    method: "get",
    path: "/healthz",
    group: "About the server",
    summary: "Whether the process lives",
    answers: [json(200, "It lives.", "Status")],
    errors: [],
  },
  {
    method: "get",
    path: "/readyz",
    group: "About the server",
    summary: "Whether the server can serve",
    answers: [json(200, "It can.", "Status")],
    errors: ["overloaded"],
  },
];
