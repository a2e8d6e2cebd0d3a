import type { Readable } from "node:stream";
import { PenstockError } from "@penstock-dev/contract";
import type { FastifyInstance } from "fastify";
import type { Ingester } from "./ingester.ts";
import { readJsonBody } from "./json-body.ts";
import { ingestLines } from "./ndjson-ingest.ts";
import { readRecordHeaders } from "./record-headers.ts";

const TYPES = "Send `application/json` for one event, or `application/x-ndjson` for one a line.";

/** `POST /v1/ingest/{stream}`: one JSON event, or NDJSON. */
export function registerIngest(app: FastifyInstance, ingester: Ingester): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addHook("onRequest", async (request) => {
      const encoding = request.headers["content-encoding"] ?? "identity";
      if (encoding.toLowerCase() === "identity") return;
      throw new PenstockError(
        "unsupported_media_type",
        `Send the body as it is: Content-Encoding ${encoding.slice(0, 40)} is not undone here.`,
      );
    });
    scope.addContentTypeParser("application/json", async (_request: unknown, body: Readable) => {
      return await readJsonBody(ingester, body);
    });
    scope.addContentTypeParser(
      ["application/x-ndjson", "application/ndjson", "application/jsonl"],
      async (_request: unknown, body: Readable) => body,
    );
    scope.addContentTypeParser("*", async () => {
      throw new PenstockError("unsupported_media_type", TYPES);
    });
    scope.post<{ Params: { stream: string } }>("/v1/ingest/:stream", async (request, reply) => {
      const stream = ingester.stream(request.params.stream);
      const type = request.headers["content-type"];
      if (type === undefined) throw new PenstockError("unsupported_media_type", TYPES);
      const idempotencyKey = readIdempotencyKey(request.headers["idempotency-key"]);
      const headers = readRecordHeaders(request.headers);
      if (/^application\/(x-ndjson|ndjson|jsonl)\b/i.test(type)) {
        // Who comes while too much waits is told so at once, and reads it in the status.
        const probe = ingester.holding();
        probe.add(1);
        probe.release();
        reply.type("application/x-ndjson; charset=utf-8");
        const body = request.body as Readable;
        return reply.send(ingestLines(ingester, stream, body, { idempotencyKey, headers }));
      }
      const record = ingester.accept(stream, request.body, idempotencyKey, headers);
      const [ingested] = await ingester.append(stream, [record]);
      return reply.code(202).send(ingested);
    });
  });
}

/** Repeats with the same key get the same id (draft-ietf-httpapi-idempotency-key-header). */
function readIdempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new PenstockError(
    "invalid_request",
    "`Idempotency-Key` has 1 to 255 printable ASCII characters.",
  );
}
