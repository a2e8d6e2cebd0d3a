import { closeName } from "@penstock-dev/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Grant } from "../access/index.ts";
import {
  type ConnectionLag,
  readSessionPatch,
  readSubscribeRequest,
  type SessionRecord,
} from "../deliver/index.ts";
import type { ApiContext } from "./context.ts";

/** Sessions: create, read, change, end and list. */
export function registerSessions(app: FastifyInstance, context: ApiContext): void {
  const { delivery } = context;
  for (const path of ["/v1/stream/subscribe", "/stream/subscribe"]) {
    app.post(path, async (request, reply) => {
      const grant = context.grant(request.raw);
      const session = await delivery.subscribe(readSubscribeRequest(request.body ?? {}), grant);
      return reply.code(201).send({
        session_id: session.id,
        ...urls(context, request, session.id),
        expires_at: isoTime(session.expiresAtMs),
        limits: grant.limits,
      });
    });
  }
  app.get("/v1/stream/sessions", async (request) => {
    const { clientId } = context.grant(request.raw);
    const sessions = await delivery.sessions.list(clientId);
    return {
      sessions: sessions.map((session) =>
        view(session, delivery.handover.live.get(session.id)?.lag()),
      ),
    };
  });
  const one = "/v1/stream/subscribe/:session";
  app.get<{ Params: { session: string } }>(one, async (request) => {
    const [found] = await find(context, request, request.params.session);
    const { session, lag } = await delivery.handover.look(found);
    return { ...view(session, lag), ...urls(context, request, session.id) };
  });
  app.patch<{ Params: { session: string } }>(one, async (request) => {
    const [found, grant] = await find(context, request, request.params.session);
    const patch = readSessionPatch(request.body === undefined ? {} : request.body);
    // The session may be another connection's by now than the one that was found.
    const changed = await delivery.change(found, patch, grant);
    const { session, lag } = await delivery.handover.look(changed);
    return { ...view(session, lag), ...urls(context, request, session.id) };
  });
  app.delete<{ Params: { session: string } }>(one, async (request, reply) => {
    const [session] = await find(context, request, request.params.session);
    await delivery.end(session);
    return reply.code(204).send();
  });
}

async function find(
  context: ApiContext,
  request: FastifyRequest,
  id: string,
): Promise<readonly [SessionRecord, Grant]> {
  const grant = context.grant(request.raw);
  return [await context.delivery.sessions.get(id, grant.clientId), grant];
}

function urls(context: ApiContext, request: FastifyRequest, id: string) {
  const websocket = new URL(`v1/stream/${id}`, context.publicUrl(request.raw));
  const sse = new URL(`v1/stream/${id}/events`, context.publicUrl(request.raw));
  websocket.protocol = websocket.protocol === "https:" ? "wss:" : "ws:";
  return { websocket_url: websocket.href, sse_url: sse.href };
}

/** A session as the API shows it, with its lag explained while it is connected. */
function view(session: SessionRecord, lag: ConnectionLag | undefined) {
  return {
    session_id: session.id,
    stream: session.stream,
    finality: session.finality,
    rules: session.rules,
    when_behind: session.whenBehind,
    max_events_per_second: session.maxEventsPerSecond,
    cursor: session.position,
    connected: session.holder !== undefined && session.expiresAtMs === undefined,
    created_at: isoTime(session.createdAtMs),
    connected_at: isoTime(session.connectedAtMs),
    disconnected_at: isoTime(session.disconnectedAtMs),
    disconnect_code: session.disconnectCode ?? null,
    disconnect_reason:
      session.disconnectCode === undefined ? null : closeName(session.disconnectCode),
    expires_at: isoTime(session.expiresAtMs),
    lag:
      lag === undefined
        ? null
        : {
            source_records: lag.sourceRecords,
            gateway_ms: lag.gatewayMs,
            network_ms: lag.networkMs,
            client_offsets: lag.clientOffsets,
          },
  };
}

function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
