import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { PenstockError, type Start, unknownMembers } from "@penstock-dev/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Grant, OriginPolicy } from "../access/index.ts";
import type { Delivery, StreamConnection } from "../deliver/index.ts";
import { openHttpStream } from "./http-stream.ts";
import { type LiveRequest, subscribeLive } from "./live-query.ts";
import { ndjson } from "./ndjson.ts";
import type { TransportOptions } from "./options.ts";
import { sse } from "./sse.ts";
import { WEBSOCKET_VERSION } from "./websocket/handshake.ts";
import { type Opening, WebSocketTransport } from "./websocket/transport.ts";

/** What the transports need from around them. */
export interface TransportContext {
  readonly delivery: Delivery;
  readonly options: TransportOptions;
  /** @throws PenstockError `unauthorized` or `forbidden` */
  readonly grant: (request: IncomingMessage) => Grant;
  readonly origins: OriginPolicy;
}

/** What never ends has no answer that could be told without its body: `HEAD` is refused there. */
const ENDLESS = { exposeHeadRoute: false } as const;

/** The streaming addresses: WebSocket upgrades, SSE and NDJSON. */
export function registerTransports(app: FastifyInstance, context: TransportContext): void {
  const { delivery } = context;
  const websockets = new WebSocketTransport(delivery, context.options);
  app.addHook("onClose", async () => websockets[Symbol.dispose]());
  const answer = streamAnswers(app, context);
  const answers = new WeakMap<Duplex, ServerResponse>();
  app.server.on("request", (request, response) => answers.set(request.socket, response));
  app.server.on("upgrade", (request, socket, head) => {
    // What comes behind a request that is still being answered would be answered before it, and the
    // answer would come among the frames.
    if (answers.get(socket)?.writableFinished === false) socket.destroy();
    else upgrade(context, websockets, request, socket, head);
  });
  app.get<{ Params: { stream: string } }>("/v1/:stream/live", ENDLESS, async (request, reply) => {
    const grant = context.grant(request.raw);
    const format = formatOf(request);
    const wanted = liveRequest(request.params.stream, request.raw);
    checkAlone(request, reply);
    const session = await subscribeLive(delivery, wanted, grant);
    void answer(request, reply, format, grant).open(async () => ({ session }));
  });
  app.get<{ Params: { session: string } }>(
    "/v1/stream/:session/events",
    ENDLESS,
    async (request, reply) => {
      const grant = context.grant(request.raw);
      const format = formatOf(request);
      const session = await delivery.sessions.get(request.params.session, grant.clientId);
      const start = startOf(request.raw);
      // What can be told by a status is: a browser comes again and again where the stream says it.
      delivery.filtersOf(session, grant.limits);
      await delivery.find(session, start ?? { cursor: session.position });
      if (delivery.isDraining) throw stopping();
      checkAlone(request, reply);
      void answer(request, reply, format, grant).open(async () => ({ session, start }));
    },
  );
}

/** Makes the function that turns an answer into a stream. */
function streamAnswers(app: FastifyInstance, context: TransportContext) {
  const { delivery, options, origins } = context;
  const streaming = new WeakSet<Socket>();
  // A stream is the last thing on its connection: what follows it could never be answered.
  app.addHook("onRequest", async (request, reply) => {
    if (!streaming.has(request.raw.socket)) return;
    reply.hijack();
    request.raw.socket.destroy();
  });
  return (
    request: FastifyRequest,
    reply: FastifyReply,
    { encoding, contentType }: typeof sse | typeof ndjson,
    grant: Grant,
  ): StreamConnection => {
    const headers = origins.headers(request.headers.origin, request.headers.host);
    reply.hijack();
    streaming.add(request.raw.socket);
    const { closeTimeoutMs } = options;
    const init = { delivery, encoding, contentType, headers, grant, closeTimeoutMs };
    return openHttpStream(request.raw, init);
  };
}

/** @throws PenstockError where an answer before this one is not over yet */
function checkAlone(request: FastifyRequest, reply: FastifyReply): void {
  if (reply.raw.socket !== null || request.raw.socket.destroyed) return;
  throw new PenstockError(
    "invalid_request",
    "A stream cannot wait behind another answer: open a connection of its own.",
  );
}

function stopping(): PenstockError {
  return new PenstockError("shutting_down", "The server is stopping.", { retryAfterMs: 1000 });
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

/** Parameters with which a session is connected to. */
const RESUME_PARAMETERS: readonly string[] = ["cursor"];

function liveRequest(stream: string, request: IncomingMessage): LiveRequest {
  return { stream, query: queryOf(request), lastEventId: lastEventId(request) };
}

/** What is wrong with the query of an upgrade, as the same call over HTTP tells it. */
function unknownParameter(
  request: IncomingMessage,
  known: readonly string[],
): PenstockError | undefined {
  const there = known.length === 0 ? "has none" : `has ${known.join(", ")}`;
  const message = `is no parameter of this call, which ${there}`;
  const names = [...new Set(queryOf(request).keys())].filter((name) => !known.includes(name));
  const errors = unknownMembers("", names, known, message);
  const [first] = errors;
  if (first === undefined) return undefined;
  return new PenstockError("invalid_request", `${first.path} ${first.message}.`, { errors });
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? "";
  const mark = url.indexOf("?");
  return new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
}

function upgrade(
  context: TransportContext,
  websockets: WebSocketTransport,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on("error", destroy);
  try {
    const { origin, host } = request.headers;
    if (!context.origins.allows(origin, host)) {
      throw new PenstockError(
        "origin_refused",
        `Pages from ${origin} may not connect: see \`allowed_origins\`.`,
      );
    }
    const opening = openingOf(context, request);
    if (context.delivery.isDraining) throw stopping();
    websockets.accept(request, socket, head, context.grant(request), opening);
  } catch (caught) {
    refuse(socket, PenstockError.from(caught), context.options.closeTimeoutMs);
  }
}

/** One listener for all sockets. */
function destroy(this: Duplex): void {
  this.destroy();
}

/** What an upgrade's address asks for. */
function openingOf(context: TransportContext, request: IncomingMessage): Opening {
  const { delivery } = context;
  const pathname = pathOf(request);
  if (pathname === "/stream/ws" || pathname === "/v1/stream/ws") {
    const refusal = unknownParameter(request, []);
    return refusal === undefined
      ? { kind: "later" }
      : { kind: "now", find: () => Promise.reject(refusal) };
  }
  const live = /^\/v1\/([^/]+)\/live$/.exec(pathname);
  if (live !== null) {
    const name = live[1] ?? "";
    return {
      kind: "now",
      find: async () => {
        const wanted = liveRequest(name, request);
        return { session: await subscribeLive(delivery, wanted, context.grant(request)) };
      },
    };
  }
  const resumed = /^\/(?:v1\/)?stream\/([^/]+)$/.exec(pathname);
  if (resumed !== null) {
    const id = resumed[1] ?? "";
    return {
      kind: "now",
      find: async () => {
        const refusal = unknownParameter(request, RESUME_PARAMETERS);
        if (refusal !== undefined) throw refusal;
        const { clientId } = context.grant(request);
        return {
          session: await delivery.sessions.get(id, clientId),
          start: startOf(request),
        };
      },
    };
  }
  throw new PenstockError(
    "not_found",
    `There is no WebSocket at ${pathname.slice(0, 200)}; there are /stream/ws, /v1/{stream}/live and /v1/stream/{session_id}.`,
  );
}

function pathOf(request: IncomingMessage): string {
  const path = request.url?.split("?")[0] ?? "/";
  try {
    return decodeURIComponent(path);
  } catch {
    throw new PenstockError("invalid_request", "The path has a % that no two hex digits follow.");
  }
}

/** Answers an upgrade with an error, and leaves the client some time to read it. */
function refuse(socket: Duplex, error: PenstockError, closeTimeoutMs: number): void {
  const body = JSON.stringify(error.toProblem());
  const headers = refusalHeaders(error)
    .map((header) => `${header}\r\n`)
    .join("");
  const timer = setTimeout(() => socket.destroy(), closeTimeoutMs);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
  // What the client still sends is nobody's; a socket that nobody reads never ends.
  socket.resume();
  socket.end(
    `HTTP/1.1 ${error.status} Refused\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}connection: close\r\n\r\n${body}`,
  );
}

function refusalHeaders(error: PenstockError): string[] {
  const headers: string[] = [];
  if (error.retryAfterMs !== undefined) {
    headers.push(`retry-after: ${Math.ceil(error.retryAfterMs / 1000)}`);
  }
  if (error.code === "method_not_allowed") headers.push("allow: GET");
  // RFC 6455 §4.4: who comes with another version is told which there is.
  if (error.code === "upgrade_required") {
    headers.push("upgrade: websocket", `sec-websocket-version: ${WEBSOCKET_VERSION}`);
  }
  return headers;
}
