/** The HTTP surface as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1). */
import { ERRORS, type ErrorCode, PROTOCOL_VERSION } from "@penstock-dev/contract";
import { fieldMembers } from "../../filter/index.ts";
import type { Stream } from "../../streams/index.ts";
import {
  componentSchemas,
  FRAME_SCHEMAS,
  type JsonSchema,
  queryParameters,
  reference,
} from "./components.ts";
import { type Answer, OPERATIONS, type Operation } from "./operations.ts";
import { streamNames, streamSchemas } from "./stream-schemas.ts";

/** What a call may be refused with, whichever it is. */
const ALWAYS: readonly ErrorCode[] = ["invalid_request", "unauthorized", "forbidden", "internal"];
const WITH_BODY: readonly ErrorCode[] = [
  "invalid_json",
  "payload_too_large",
  "unsupported_media_type",
];

/** What the parser of HTTP answers by itself, without a problem document. */
const BELOW_HTTP = {
  "408": { description: "The head or the body came too slowly." },
  "431": { description: "The head is larger than 16 KiB." },
};

/** @param url of the server, absolute */
export function openApi(streams: readonly Stream[], url: string): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    const perStream = operation.path.includes(":stream");
    for (const stream of perStream ? streams : [undefined]) {
      const path = addressOf(operation.path, stream);
      paths[path] = { ...paths[path], [operation.method]: operationOf(operation, stream) };
    }
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Penstock",
      version: String(PROTOCOL_VERSION),
      description:
        "Streams of events, filtered, in order, resumable. What streams carry is told by PROTOCOL.md, and for machines by /v1/asyncapi.json.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url }],
    tags: [...new Set(OPERATIONS.map(({ group }) => group))].map((name) => ({ name })),
    security: [{}, { bearer: [] }, { api_key: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A token or an API key." },
        api_key: { type: "apiKey", in: "header", name: "X-API-Key" },
      },
      schemas: {
        ...componentSchemas(),
        ...streamSchemas(streams),
        ServerFrame: {
          anyOf: [reference("StreamEvent"), ...FRAME_SCHEMAS.map(([, name]) => reference(name))],
        },
        History: {
          type: "object",
          required: ["events", "cursor", "more"],
          properties: {
            events: { type: "array", items: reference("StreamEvent") },
            cursor: { type: "string", description: "Where the next page begins." },
            more: { type: "boolean" },
          },
        },
      },
    },
  };
}

/** `/v1/tweets/recent` of `/v1/:stream/recent`. */
function addressOf(path: string, stream: Stream | undefined): string {
  return path.replace(":stream", stream?.name ?? ":stream").replace(":session", "{session_id}");
}

function operationOf(operation: Operation, stream: Stream | undefined): JsonSchema {
  const { summary, description, group, method, query, filtered, body } = operation;
  const parameters = [
    ...(operation.path.includes(":session") ? [SESSION_ID] : []),
    ...(filtered && stream !== undefined ? fieldParameters(stream) : []),
    ...(query === undefined ? [] : queryParameters(query)),
    ...(body === "Event" ? [IDEMPOTENCY_KEY] : []),
  ];
  return {
    operationId: operationId(operation, stream),
    tags: [group],
    summary: stream === undefined ? summary : `${stream.name}: ${lower(summary)}`,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: bodyOf(body, stream) }),
    responses: {
      ...Object.fromEntries(
        operation.answers.map((answer) => [String(answer.status), answerOf(answer, stream)]),
      ),
      ...BELOW_HTTP,
      ...problems([
        ...operation.errors,
        ...ALWAYS,
        ...(method === "get" || method === "delete" ? [] : WITH_BODY),
      ]),
    },
  };
}

function operationId({ method, path }: Operation, stream: Stream | undefined): string {
  const words = addressOf(path, stream)
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "");
  return [method, ...words].join("_");
}

const SESSION_ID = {
  name: "session_id",
  in: "path",
  required: true,
  schema: { type: "string" },
};

const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  in: "header",
  description: "Repeats with the same key get the same id, and are passed over.",
  schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
};

function fieldParameters(stream: Stream): JsonSchema[] {
  return fieldMembers(stream).map((name) => {
    const field = stream.fields.get(name) ?? stream.fields.get(name.replace(/^m(in|ax)_/, ""));
    const isBound = !stream.fields.has(name);
    const value = {
      type: "string",
      ...(field?.values === undefined ? {} : { enum: field.values }),
    };
    return {
      name,
      in: "query",
      description: field?.description,
      example: isBound ? field?.example : [field?.example],
      ...(isBound
        ? { schema: value }
        : { schema: { type: "array", items: value }, style: "form", explode: false }),
    };
  });
}

function bodyOf(body: NonNullable<Operation["body"]>, stream: Stream | undefined): JsonSchema {
  if (body !== "Event" || stream === undefined) {
    return { required: true, content: { "application/json": { schema: reference(body) } } };
  }
  const schema = reference(streamNames(stream).ingest);
  return {
    required: true,
    content: { "application/json": { schema }, "application/x-ndjson": { schema } },
  };
}

function answerOf({ description, content }: Answer, stream: Stream | undefined): JsonSchema {
  if (content === undefined) return { description };
  const media = Object.entries(content).map(([type, name]) => {
    const schema = name === "Events" && stream !== undefined ? streamNames(stream).recent : name;
    return [type, { schema: reference(schema) }] as const;
  });
  return { description, content: Object.fromEntries(media) };
}

/** Errors by status, each with the codes that it may carry. */
function problems(codes: readonly ErrorCode[]): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(new Set(codes), (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, found]) => [
      String(status),
      {
        description: found.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join(" "),
        content: { "application/problem+json": { schema: reference("Problem") } },
      },
    ]),
  );
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
