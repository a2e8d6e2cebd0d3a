import type { Readable } from "node:stream";
import cors from "@fastify/cors";
import Fastify, { type FastifyInstance } from "fastify";
import { parseJsonBytes, readWhole, registerIngest } from "../ingest/index.ts";
import { installBodyDeadline } from "./body-deadline.ts";
import type { ApiContext } from "./context.ts";
import { registerDocs } from "./docs-routes.ts";
import { registerHealth } from "./health-routes.ts";
import { registerPages } from "./page-routes.ts";
import { installProblems, sendProblem, translate } from "./problem.ts";
import { installQueryCheck } from "./query-check.ts";
import { registerQueries } from "./query-routes.ts";
import { RouteTable } from "./route-table.ts";
import { registerSessions } from "./session-routes.ts";
import { registerStreams } from "./stream-routes.ts";
import { registerUpgrades } from "./upgrade-routes.ts";

/** The public HTTP surface, but for what streams. */
export function createApp(context: ApiContext): FastifyInstance {
  const { headersTimeoutMs, bodyTimeoutMs, idleTimeoutMs } = context.options;
  const app = Fastify({
    logger: false,
    bodyLimit: context.options.bodyBytesMax,
    forceCloseConnections: true,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 256 },
    // What the router cannot read is told as everything else is.
    frameworkErrors: (caught, _request, reply) => sendProblem(reply, translate(caught)),
    // Slow requests are cut: headers and body have their time, and idle connections an end. There
    // is none for whole requests, for a body of NDJSON may come for hours.
    requestTimeout: 0,
    connectionTimeout: idleTimeoutMs,
    keepAliveTimeout: 72_000,
    http: {
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.max(50, Math.min(30_000, headersTimeoutMs / 4)),
      // Other upgrades than ours (`h2c`, which curl offers) are passed over (RFC 9110 §7.8).
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    },
  });
  const routes = RouteTable.install(app);
  installProblems(app, routes, context.report);
  installBodyDeadline(app, bodyTimeoutMs);
  installQueryCheck(app);
  app.register(cors, {
    hook: "onRequest",
    delegator: (request, done) => {
      const { origin, host } = request.headers;
      done(null, {
        origin: origin !== undefined && context.origins.allows(origin, host),
        methods: ["GET", "POST", "PATCH", "DELETE"],
        maxAge: 600,
      });
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", async (_request: unknown, payload: Readable) => {
    const { bodyBytesMax } = context.options;
    const body = await readWhole(payload, bodyBytesMax, "The body is larger than allowed.");
    return body.length === 0 ? undefined : parseJsonBytes(body);
  });
  registerHealth(app, context.unready);
  registerStreams(app, context);
  registerSessions(app, context);
  registerQueries(app, context);
  registerIngest(app, context.ingester);
  registerDocs(app, context);
  registerPages(app);
  registerUpgrades(app, routes);
  return app;
}
