import { PenstockError } from "@penstock-dev/contract";
import type { FastifyInstance, FastifyReply } from "fastify";

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
export function installProblems(app: FastifyInstance, report: (caught: unknown) => void): void {
  app.setErrorHandler((caught, _request, reply) => {
    const error = translate(caught);
    if (error.code === "internal") report(caught);
    return sendProblem(reply, error);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    return sendProblem(
      reply,
      new PenstockError(
        "not_found",
        `There is nothing at ${request.method} ${path.slice(0, 200)}; see /docs.`,
      ),
    );
  });
}

/** Errors of the HTTP library, by what they mean here. */
function translate(caught: unknown): PenstockError {
  if (caught instanceof PenstockError) return caught;
  const code =
    typeof caught === "object" && caught !== null && "code" in caught ? caught.code : undefined;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new PenstockError("payload_too_large", "The body is larger than allowed.");
  }
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return new PenstockError("unsupported_media_type", "Send `application/json`.");
  }
  if (code === "FST_ERR_CTP_EMPTY_JSON_BODY") {
    return new PenstockError("invalid_json", "The body is empty.");
  }
  const status =
    typeof caught === "object" && caught !== null && "statusCode" in caught
      ? caught.statusCode
      : 500;
  if (typeof status === "number" && status >= 400 && status < 500) {
    return new PenstockError(
      "invalid_request",
      caught instanceof Error ? caught.message : "The request is wrong.",
    );
  }
  return PenstockError.from(caught);
}
