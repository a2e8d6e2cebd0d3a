import {
  PenstockError,
  parseDurationMs,
  type Start,
  type SubscribeRequest,
} from "@penstock-dev/contract";
import { readSubscribeRequest } from "../deliver/index.ts";

/** Parameters of `/live` that are not fields. */
const SETTINGS = new Set([
  "since",
  "cursor",
  "ticket",
  "when_behind",
  "max_events_per_second",
  "finality",
]);

/**
 * The subscription that the query of `/v1/{stream}/live` means: fields, comma-separated or
 * repeated, and some settings.
 *
 * @param lastEventId the `Last-Event-ID` header: where an `EventSource` goes on; beats `since`
 */
export function readLiveQuery(
  stream: string,
  query: URLSearchParams,
  lastEventId: string | undefined,
): SubscribeRequest {
  const filters = Object.create(null) as Record<string, unknown>;
  for (const name of new Set(query.keys())) {
    if (SETTINGS.has(name)) continue;
    const values = query.getAll(name).flatMap((value) => value.split(","));
    const isScalar = /^(min|max)_/.test(name) && values.length === 1;
    filters[name] = isScalar ? values[0] : values;
  }
  const cursor = lastEventId ?? query.get("cursor") ?? undefined;
  const since = query.get("since") ?? undefined;
  const start =
    cursor !== undefined ? { cursor } : since === undefined ? undefined : sinceStart(since);
  const rate = query.get("max_events_per_second");
  return readSubscribeRequest({
    stream,
    ...(Object.keys(filters).length === 0 ? {} : { filters: { ...filters } }),
    ...(start === undefined ? {} : { start }),
    ...(query.has("when_behind") ? { when_behind: query.get("when_behind") } : {}),
    ...(rate === null ? {} : { max_events_per_second: Number(rate) }),
    ...(query.has("finality") ? { finality: query.get("finality") } : {}),
  });
}

function sinceStart(since: string): Start {
  if (since === "now" || since === "earliest") return since;
  if (parseDurationMs(since) !== undefined) return { ago: since };
  if (!Number.isNaN(Date.parse(since)) && /^\d{4}-\d\d-\d\dT/.test(since)) {
    return { time: new Date(since).toISOString() };
  }
  throw new PenstockError(
    "invalid_request",
    "`since` is a duration such as 10m, a time such as 2026-01-01T00:00:00Z, or earliest.",
    {
      errors: [{ path: "/since", message: "must be a duration, a time or earliest" }],
    },
  );
}
