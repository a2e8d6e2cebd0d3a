import { PenstockError } from "@penstock-dev/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Filters, parseFilters, queryFilters } from "../filter/index.ts";
import type { Stream } from "../streams/index.ts";
import type { ApiContext } from "./context.ts";

const LIMIT = 100;
const LIMIT_MAX = 1000;
const WAIT_MS_MAX = 30_000;
const SETTINGS = new Set(["limit", "after", "wait_ms", "cursor", "start_time", "end_time", "key"]);

/** What was: the recent window, the archive, and what a filter would have matched. */
export function registerQueries(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Params: { stream: string } }>("/v1/:stream/recent", async (request) => {
    const { stream, filters, query } = read(context, request);
    const window = context.recent.get(stream.name);
    if (window === undefined)
      throw new PenstockError("storage_unavailable", "There is no recent window.");
    const limit = readInteger(query, "limit", LIMIT, 1, LIMIT_MAX);
    const after = query.get("after") ?? undefined;
    const waitMs = readInteger(query, "wait_ms", 0, 0, WAIT_MS_MAX);
    const closed = new AbortController();
    request.raw.socket.once("close", () => closed.abort());
    const found =
      after === undefined
        ? window.newest(filters, limit)
        : await window.after(filters, limit, after, waitMs, closed.signal);
    const events = found.bodies.map((body) => JSON.parse(body) as Record<string, unknown>);
    const listed =
      stream.noun === undefined
        ? { events }
        : { [plural(stream.noun)]: events.map((event) => event[stream.noun ?? ""]) };
    return { ...listed, cursor: found.cursor, ...(found.more ? { more: true } : {}) };
  });
  app.get<{ Params: { stream: string } }>("/v1/:stream/history", async (request) => {
    const { stream, filters, query } = read(context, request);
    const found = await context.archive.query(stream, filters, {
      limit: readInteger(query, "limit", LIMIT, 1, LIMIT_MAX),
      startMs: readTime(query, "start_time"),
      endMs: readTime(query, "end_time"),
      key: query.get("key") ?? undefined,
      cursor: query.get("cursor") ?? undefined,
    });
    const events = found.bodies.map((body) => JSON.parse(body) as unknown);
    return { events, cursor: found.cursor, more: found.more };
  });
  app.post("/v1/stream/preview", async (request) => {
    const { limits } = context.grant(request.raw);
    const body = (request.body ?? {}) as { stream?: unknown; filters?: unknown; rules?: unknown };
    const stream = context.delivery.stream(String(body.stream ?? ""));
    const filters = parseFilters(stream, body, limits);
    const window = context.recent.get(stream.name);
    if (window === undefined)
      throw new PenstockError("storage_unavailable", "There is no recent window.");
    const { matched, evaluated, spanMs, sample } = window.preview(filters, 5);
    return {
      stream: stream.name,
      rules: filters.wire,
      matched,
      evaluated,
      window_ms: spanMs,
      events_per_second: spanMs === 0 ? 0 : Math.round((matched / spanMs) * 1e6) / 1000,
      cost: {
        rules: filters.rules.length,
        values: filters.rules.reduce(
          (sum, { conditions }) =>
            sum + conditions.reduce((values, condition) => values + condition.values.length, 0),
          0,
        ),
      },
      sample: sample.map((text) => JSON.parse(text) as unknown),
    };
  });
}

function read(
  context: ApiContext,
  request: FastifyRequest<{ Params: { stream: string } }>,
): { readonly stream: Stream; readonly filters: Filters; readonly query: URLSearchParams } {
  const { limits } = context.grant(request.raw);
  const stream = context.delivery.stream(request.params.stream);
  const query = new URL(request.url, "http://localhost").searchParams;
  const fields = [...query].filter(([name]) => !SETTINGS.has(name));
  return { stream, filters: queryFilters(stream, fields, limits), query };
}

/** `tweets` of `tweet`: the member that lists a stream's payloads. */
function plural(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

function readInteger(
  query: URLSearchParams,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new PenstockError(
    "invalid_request",
    `\`${name}\` is a whole number from ${min} to ${max}.`,
    {
      errors: [{ path: `/${name}`, message: `must be a whole number from ${min} to ${max}` }],
    },
  );
}

function readTime(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new PenstockError(
    "invalid_request",
    `\`${name}\` is a time such as 2026-01-01T00:00:00Z.`,
    {
      errors: [{ path: `/${name}`, message: "must be an ISO 8601 time" }],
    },
  );
}
