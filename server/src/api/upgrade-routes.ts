import { PenstockError } from "@penstock-dev/contract";
import type { FastifyInstance } from "fastify";
import { pathOf, wrongMethod } from "./problem.ts";
import type { RouteTable } from "./route-table.ts";

/** Addresses of WebSockets: who comes without an upgrade is told what is missing. */
export function registerUpgrades(app: FastifyInstance, routes: RouteTable): void {
  for (const path of ["/stream/ws", "/v1/stream/ws", "/stream/:session", "/v1/stream/:session"]) {
    app.get(path, { exposeHeadRoute: false }, async (request, reply) => {
      const others = routes.methodsOf(pathOf(request)).filter((method) => method !== "GET");
      if (others.length > 0) throw wrongMethod(request, reply, others);
      reply.header("upgrade", "websocket");
      throw new PenstockError(
        "upgrade_required",
        "This address speaks WebSocket; over HTTP there are /v1/{stream}/live and /v1/stream/{session_id}/events.",
      );
    });
  }
}
