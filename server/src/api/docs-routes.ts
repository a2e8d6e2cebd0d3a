import type { FastifyInstance, FastifyReply } from "fastify";
import type { ApiContext } from "./context.ts";
import { asyncApi } from "./docs/asyncapi.ts";
import { errorsPage } from "./docs/errors-page.ts";
import { openApi } from "./docs/openapi.ts";
import { STYLE } from "./docs/page.ts";
import { referencePage } from "./docs/reference-page.ts";

/** Documentation, for people at `/docs` and for machines as OpenAPI and AsyncAPI. */
export function registerDocs(app: FastifyInstance, context: ApiContext): void {
  const streams = [...context.streams.values()];
  app.get("/v1/openapi.json", async (request) => openApi(streams, base(context, request.raw)));
  app.get("/v1/asyncapi.json", async (request) => asyncApi(streams, base(context, request.raw)));
  const pages = new Map([
    ["/docs", () => referencePage(openApi(streams, "/"))],
    ["/docs/errors", errorsPage],
  ]);
  for (const [path, make] of pages) {
    let text: string | undefined;
    app.get(path, async (_request, reply) => {
      text ??= make();
      return sendPage(reply, "text/html; charset=utf-8", text);
    });
  }
  app.get("/docs.css", async (_request, reply) =>
    sendPage(reply, "text/css; charset=utf-8", STYLE),
  );
}

function base({ publicUrl }: ApiContext, request: Parameters<ApiContext["publicUrl"]>[0]): string {
  return String(publicUrl(request)).replace(/\/$/, "");
}

function sendPage(reply: FastifyReply, type: string, text: string): FastifyReply {
  return reply
    .type(type)
    .header("cache-control", "no-cache")
    .header(
      "content-security-policy",
      "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    .header("x-content-type-options", "nosniff")
    .send(text);
}
