import { PenstockError, type SubscribeRequest } from "@penstock-dev/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import { readBody } from "../deliver/index.ts";
import { type Filters, parseFilters, queryFilters } from "../filter/index.ts";
import type { Stream } from "../streams/index.ts";
import type { ApiContext } from "./context.ts";
import { plural } from "./plural.ts";
import { readQuery } from "./query-string.ts";
import { historyQuery, recentQuery } from "./schemas/queries.ts";
import { previewRequestSchema } from "./schemas/requests.ts";

/** How many events a preview shows. */
const SAMPLE = 5;

/** What was: the recent window, the archive, and what a filter would have matched. */
export function registerQueries(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Params: { stream: string } }>("/v1/:stream/recent", async (request, reply) => {
    const { stream, filters, settings } = read(context, request, recentQuery);
    const window = windowOf(context, stream);
    const { limit, after, wait_ms } = settings;
    const closed = new AbortController();
    // Of the answer: a connection serves many, and lives on after each.
    reply.raw.once("close", () => closed.abort());
    const found =
      after === undefined
        ? await window.newest(filters, limit)
        : await window.after(filters, limit, after, wait_ms, closed.signal);
    const { noun } = stream;
    const events = found.bodies.map((body) => JSON.parse(body) as Record<string, unknown>);
    const listed =
      noun === undefined ? { events } : { [plural(noun)]: events.map((event) => event[noun]) };
    return { ...listed, cursor: found.cursor, ...(found.more ? { more: true } : {}) };
  });
  app.get<{ Params: { stream: string } }>("/v1/:stream/history", async (request, reply) => {
    const { stream, filters, settings } = read(context, request, historyQuery);
    const { limit, start_time, end_time, key, cursor } = settings;
    const page = { limit, startMs: start_time, endMs: end_time, key, cursor };
    const found = await context.archive.query(stream, filters, page);
    const behind = JSON.stringify({ cursor: found.cursor, more: found.more });
    reply.type("application/json; charset=utf-8");
    // Events are JSON already.
    return `{"events":[${found.bodies.join()}],${behind.slice(1)}`;
  });
  app.post("/v1/stream/preview", async (request) => {
    const { limits } = context.grant(request.raw);
    const body = readBody(previewRequestSchema, request.body ?? {});
    const stream = context.delivery.streamOf(body as SubscribeRequest, limits);
    const filters = parseFilters(stream, body, limits);
    const { matched, evaluated, spanMs, sample } = await windowOf(context, stream).preview(
      filters,
      SAMPLE,
    );
    return {
      stream: stream.name,
      rules: filters.wire,
      matched,
      evaluated,
      window_ms: spanMs,
      events_per_second: spanMs === 0 ? 0 : Math.round((matched / spanMs) * 1e6) / 1000,
      cost: { rules: filters.rules.length, values: valuesOf(filters) },
      sample: sample.map((text) => JSON.parse(text) as unknown),
    };
  });
}

function read<S extends z.ZodObject>(
  context: ApiContext,
  request: FastifyRequest<{ Params: { stream: string } }>,
  schema: S,
): { readonly stream: Stream; readonly filters: Filters; readonly settings: z.output<S> } {
  const { limits } = context.grant(request.raw);
  const stream = context.delivery.stream(request.params.stream);
  const { settings, fields } = readQuery(request, schema, stream);
  return { stream, filters: queryFilters(stream, fields, limits), settings };
}

function windowOf(context: ApiContext, stream: Stream) {
  const window = context.recent.get(stream.name);
  if (window !== undefined) return window;
  throw new PenstockError("storage_unavailable", `${stream.name} has no recent window here.`);
}

function valuesOf({ rules }: Filters): number {
  return rules
    .flatMap(({ conditions }) => conditions)
    .reduce((sum, { values }) => sum + values.length, 0);
}
