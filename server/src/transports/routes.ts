import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { PenstockError, type Start } from "@penstock-dev/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Grant, OriginPolicy } from "../access/index.ts";
import type { Delivery } from "../deliver/index.ts";
import { openHttpStream } from "./http-stream.ts";
import { readLiveQuery } from "./live-query.ts";
import { ndjson } from "./ndjson.ts";
import { sse } from "./sse.ts";
import { type Opening, type TransportOptions, WebSocketTransport } from "./websocket.ts";

/** What the transports need from around them. */
export interface TransportContext {
  readonly delivery: Delivery;
  readonly options: TransportOptions;
  /** @throws PenstockError `unauthorized` or `forbidden` */
  readonly grant: (request: IncomingMessage) => Grant;
  readonly origins: OriginPolicy;
}

/** The streaming addresses: WebSocket upgrades, SSE and NDJSON. */
export function registerTransports(app: FastifyInstance, context: TransportContext): void {
  const { delivery } = context;
  const websockets = new WebSocketTransport(delivery, context.options);
  app.server.on("upgrade", (request, socket, head) => {
    upgrade(context, websockets, request, socket, head);
  });
  app.get<{ Params: { stream: string } }>("/v1/:stream/live", async (request, reply) => {
    const grant = context.grant(request.raw);
    const wanted = readLiveQuery(
      request.params.stream,
      queryOf(request.raw),
      lastEventId(request.raw),
    );
    const format = formatOf(request);
    const session = await delivery.subscribe(wanted, grant);
    const connection = answer(context, request, reply, format, grant);
    void connection.open(session, undefined, true);
  });
  app.get<{ Params: { session: string } }>("/v1/stream/:session/events", async (request, reply) => {
    const grant = context.grant(request.raw);
    const format = formatOf(request);
    const session = await delivery.sessions.get(request.params.session, grant.clientId);
    const start = startOf(request.raw);
    if (start !== undefined) await delivery.find(session, start);
    const connection = answer(context, request, reply, format, grant);
    void connection.open(session, start, true);
  });
}

function answer(
  context: TransportContext,
  request: FastifyRequest,
  reply: FastifyReply,
  format: typeof sse | typeof ndjson,
  grant: Grant,
) {
  const headers = context.origins.headers(request.headers.origin, request.headers.host);
  reply.hijack();
  const { encoding, contentType } = format;
  return openHttpStream(context.delivery, request.raw, encoding, contentType, headers, grant);
}

function formatOf(request: FastifyRequest): typeof sse | typeof ndjson {
  return /\btext\/event-stream\b/.test(request.headers.accept ?? "") ? sse : ndjson;
}

function lastEventId(request: IncomingMessage): string | undefined {
  const id = request.headers["last-event-id"];
  return typeof id === "string" && id !== "" ? id : undefined;
}

/** Where a client that resumes says that it stands. */
function startOf(request: IncomingMessage): Start | undefined {
  const cursor = lastEventId(request) ?? queryOf(request).get("cursor");
  return cursor === null ? undefined : { cursor };
}

function queryOf(request: IncomingMessage): URLSearchParams {
  return new URL(request.url ?? "/", "http://localhost").searchParams;
}

function upgrade(
  context: TransportContext,
  websockets: WebSocketTransport,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on("error", () => socket.destroy());
  try {
    const { origin, host } = request.headers;
    if (!context.origins.allows(origin, host)) {
      throw new PenstockError(
        "origin_refused",
        `Pages from ${origin} may not connect: see \`allowed_origins\`.`,
      );
    }
    const opening = openingOf(context, request);
    if (context.delivery.isDraining) {
      throw new PenstockError("shutting_down", "The server is stopping.", { retryAfterMs: 1000 });
    }
    websockets.accept(request, socket, head, context.grant(request), opening);
  } catch (caught) {
    refuse(socket, PenstockError.from(caught));
  }
}

/** What an upgrade's address asks for. */
function openingOf(context: TransportContext, request: IncomingMessage): Opening {
  const { delivery } = context;
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/stream/ws" || pathname === "/v1/stream/ws") return { kind: "later" };
  const live = /^\/v1\/([^/]+)\/live$/.exec(pathname);
  if (live !== null) {
    const name = decodeURIComponent(live[1] ?? "");
    return {
      kind: "now",
      begin: async (connection) => {
        const wanted = readLiveQuery(name, queryOf(request), lastEventId(request));
        const session = await delivery.subscribe(wanted, context.grant(request));
        await connection.open(session, undefined, true);
      },
    };
  }
  const resumed = /^\/(?:v1\/)?stream\/([^/]+)$/.exec(pathname);
  if (resumed !== null) {
    return {
      kind: "now",
      begin: async (connection) => {
        const { clientId } = context.grant(request);
        const session = await delivery.sessions.get(decodeURIComponent(resumed[1] ?? ""), clientId);
        await connection.open(session, startOf(request), true);
      },
    };
  }
  throw new PenstockError(
    "not_found",
    `There is no WebSocket at ${pathname}; there are /stream/ws, /v1/{stream}/live and /v1/stream/{session_id}.`,
  );
}

function refuse(socket: Duplex, error: PenstockError): void {
  const body = JSON.stringify(error.toProblem());
  const retry =
    error.retryAfterMs === undefined
      ? ""
      : `retry-after: ${Math.ceil(error.retryAfterMs / 1000)}\r\n`;
  socket.end(
    `HTTP/1.1 ${error.status} Refused\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${retry}connection: close\r\n\r\n${body}`,
  );
}
