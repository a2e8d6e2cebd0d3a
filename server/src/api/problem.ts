import { PenstockError } from "@penstock-dev/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { RouteTable } from "./route-table.ts";

/** Sends an error as RFC 9457 `application/problem+json`. */
export function sendProblem(reply: FastifyReply, error: PenstockError): FastifyReply {
  if (error.retryAfterMs !== undefined) {
    reply.header("retry-after", String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
  }
  return reply
    .code(error.status)
    .type("application/problem+json")
    .send(JSON.stringify(error.toProblem()));
}

/** Makes every error of an app a problem document. @param report told of those that are ours */
export function installProblems(
  app: FastifyInstance,
  routes: RouteTable,
  report: (caught: unknown) => void,
): void {
  app.setErrorHandler((caught, request, reply) => {
    const error = translate(caught);
    // A client that leaves in the middle of its body is no fault of ours.
    if (error.code === "internal" && !request.raw.socket.destroyed) report(caught);
    return sendProblem(reply, error);
  });
  const refuseMissing = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = pathOf(request);
    const methods = routes.methodsOf(path);
    if (methods.length > 0) return sendProblem(reply, wrongMethod(request, reply, methods));
    return sendProblem(
      reply,
      new PenstockError(
        "not_found",
        `There is nothing at ${request.method} ${path.slice(0, 200)}; see /docs.`,
      ),
    );
  };
  app.setNotFoundHandler(refuseMissing);
  // Before the body is looked at: what is wrong with it does not matter where nothing takes it.
  app.addHook("onRequest", async (request, reply) => {
    if (request.is404) return refuseMissing(request, reply);
  });
}

/** The error of a method that an address does not know; names those that it does. */
export function wrongMethod(
  request: FastifyRequest,
  reply: FastifyReply,
  methods: readonly string[],
): PenstockError {
  reply.header("allow", methods.join(", "));
  return new PenstockError(
    "method_not_allowed",
    `${request.method} does nothing here; there is ${methods.join(", ")}.`,
  );
}

/** The path of a request, without its query. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split("?")[0] ?? "";
}

/** Errors of the HTTP library, by what they mean here. */
export function translate(caught: unknown): PenstockError {
  if (caught instanceof PenstockError) return caught;
  const { code, statusCode, message } = Object(caught) as {
    readonly code?: unknown;
    readonly statusCode?: unknown;
    readonly message?: unknown;
  };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new PenstockError("payload_too_large", "The body is larger than allowed.");
  }
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return new PenstockError("unsupported_media_type", "Send `application/json`.");
  }
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    const detail = typeof message === "string" ? message : "The request is wrong.";
    return new PenstockError("invalid_request", detail.slice(0, 500));
  }
  return PenstockError.from(caught);
}
