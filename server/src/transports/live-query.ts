import {
  nearest,
  PenstockError,
  parseDurationMs,
  type Start,
  type SubscribeRequest,
} from "@penstock-dev/contract";
import type { Grant } from "../access/index.ts";
import {
  type Delivery,
  isTime,
  readSubscribeRequest,
  type SessionRecord,
} from "../deliver/index.ts";

/** Parameters of `/live` that are not fields. */
const SETTINGS = new Set([
  "since",
  "cursor",
  "ticket",
  "when_behind",
  "max_events_per_second",
  "finality",
]);

/** What a request for `/v1/{stream}/live` says. */
export interface LiveRequest {
  readonly stream: string;
  readonly query: URLSearchParams;
  /** The `Last-Event-ID` header: where an `EventSource` goes on; beats `cursor` and `since`. */
  readonly lastEventId: string | undefined;
}

/**
 * Makes the session that `/v1/{stream}/live` means, for a connection of this process.
 *
 * @throws PenstockError as `Delivery.subscribe` does, with paths of the query: nothing is above a
 *   parameter
 */
export async function subscribeLive(
  delivery: Delivery,
  request: LiveRequest,
  grant: Grant,
): Promise<SessionRecord> {
  const { rateAlias } = delivery.stream(request.stream);
  try {
    return await delivery.subscribe(readLiveQuery(request, rateAlias), grant, { connects: true });
  } catch (caught) {
    throw asQueryError(caught);
  }
}

/**
 * The subscription that the query means: fields, comma-separated or repeated, and some settings.
 *
 * @param rateAlias the stream's own name for the rate, which is a number as the rate is
 */
function readLiveQuery(
  { stream, query, lastEventId }: LiveRequest,
  rateAlias: string | undefined,
): SubscribeRequest {
  const filters = Object.create(null) as Record<string, unknown>;
  for (const name of new Set(query.keys())) {
    const given = query.getAll(name);
    if (SETTINGS.has(name) || name === rateAlias) {
      if (given.length > 1) throw wrong(name, "must be given once");
      if (name === rateAlias) filters[name] = Number(given[0]);
      continue;
    }
    const values = given.flatMap((value) => value.split(","));
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
  if (isTime(since)) return { time: since };
  throw wrong(
    "since",
    "must be a duration such as 10m, a time such as 2026-01-01T00:00:00Z, now or earliest",
  );
}

function wrong(name: string, message: string): PenstockError {
  const path = `/${name}`;
  return new PenstockError("invalid_request", `${path} ${message}.`, {
    errors: [{ path, message }],
  });
}

/** An error as whoever wrote the query knows its members. */
function asQueryError(caught: unknown): unknown {
  if (!(caught instanceof PenstockError) || caught.errors.length === 0) return caught;
  const bare = (text: string): string => text.replace(/^\/(?:filters|start)(?=\/|$)/, "");
  const errors = caught.errors.map((error) => {
    const path = bare(error.path);
    // A setting that is misspelled is taken for a field.
    const isField = error.did_you_mean !== undefined || caught.code !== "unknown_field";
    const meant = isField ? undefined : nearest(path.slice(1), SETTINGS);
    return { ...error, path, ...(meant === undefined ? {} : { did_you_mean: meant }) };
  });
  const { retryAfterMs } = caught;
  return new PenstockError(caught.code, bare(caught.message), {
    errors,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
