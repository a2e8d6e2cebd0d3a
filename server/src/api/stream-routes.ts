import type { FastifyInstance } from "fastify";
import { kindNames } from "../filter/index.ts";
import type { Stream } from "../streams/index.ts";
import type { ApiContext } from "./context.ts";

/** What streams there are, and what can be asked of them. */
export function registerStreams(app: FastifyInstance, context: ApiContext): void {
  const streams = [...context.streams.values()].map(describe);
  app.get("/v1/streams", async () => ({ streams, kinds: kindNames() }));
}

function describe(stream: Stream) {
  return {
    name: stream.name,
    description: stream.description,
    ...(stream.domain === undefined ? {} : { domain: stream.domain.name }),
    finality: stream.finalTopic === undefined ? ["all"] : ["all", "final"],
    when_behind:
      stream.latestBy === undefined
        ? ["skip", "wait", "disconnect"]
        : ["skip", "wait", "latest", "disconnect"],
    event_types: [...stream.eventTypes].map(([name, type]) => ({
      name,
      noun: type.noun,
      description: type.description,
      broadcast: type.broadcast !== undefined,
      on_request: type.on_request === true,
      schema: type.schema,
    })),
    fields: [...stream.fields].map(([name, field]) => ({
      name,
      kind: field.kind,
      description: field.description,
      example: field.example,
      ...(field.values === undefined ? {} : { values: field.values }),
    })),
    ingest_schema: stream.ingest.schema,
  };
}
