/** What streams carry, as an AsyncAPI 3 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0). */
import { PROTOCOL_VERSION } from "@penstock-dev/contract";
import type { Stream } from "../../streams/index.ts";
import { componentSchemas, FRAME_SCHEMAS, type JsonSchema, reference } from "./components.ts";
import { streamNames, streamSchemas } from "./stream-schemas.ts";

type Entries = Record<string, JsonSchema>;

/** @param url of the server, absolute */
export function asyncApi(streams: readonly Stream[], url: string): JsonSchema {
  const { host, protocol } = new URL(url);
  const isSecure = protocol === "https:";
  const channels: Entries = {};
  const operations: Entries = {};
  const control = FRAME_SCHEMAS.map(([type]) => type);
  const addChannel = (
    id: string,
    address: string,
    description: string,
    events: readonly string[],
  ) => {
    const parameters = address.includes("{session_id}")
      ? { session_id: { description: "The session." } }
      : {};
    channels[id] = {
      address,
      description,
      parameters,
      messages: named([...events, ...control, "client_frame"], "#/components/messages/"),
      bindings: { ws: { method: "GET" } },
    };
    const channel = { $ref: `#/channels/${id}` };
    const here = `#/channels/${id}/messages/`;
    operations[`${id}_send`] = {
      action: "send",
      channel,
      messages: refs([...events, ...control], here),
    };
    operations[`${id}_receive`] = {
      action: "receive",
      channel,
      messages: refs(["client_frame"], here),
    };
  };
  const messages: Entries = {
    client_frame: { payload: reference("ClientFrame") },
    ...Object.fromEntries(
      FRAME_SCHEMAS.map(([type, name]) => [type, { payload: reference(name) }]),
    ),
  };
  for (const stream of streams) {
    const names = streamNames(stream);
    const events = [...stream.eventTypes].map(([type, { description }]) => {
      const id = names.event(type);
      messages[id] = { title: type, summary: description, payload: reference(id) };
      return id;
    });
    const id = stream.name.replaceAll(/[^A-Za-z0-9_]/g, "_");
    addChannel(
      `live_${id}`,
      `/v1/${stream.name}/live`,
      `Follows ${stream.name} in one step; also as server-sent events and NDJSON.`,
      events,
    );
  }
  const every = streams.flatMap((stream) =>
    [...stream.eventTypes.keys()].map((type) => streamNames(stream).event(type)),
  );
  addChannel(
    "session",
    "/v1/stream/{session_id}",
    "Connects to a session; also /v1/stream/{session_id}/events.",
    every,
  );
  addChannel("first_frame", "/stream/ws", "Subscribes by the first frame.", every);
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Penstock",
      version: String(PROTOCOL_VERSION),
      description:
        "The frames of WebSocket, server-sent events and NDJSON. PROTOCOL.md is normative.",
      license: { name: "Apache-2.0" },
    },
    defaultContentType: "application/json",
    servers: { here: { host, protocol: isSecure ? "wss" : "ws" } },
    channels,
    operations,
    components: { messages, schemas: { ...componentSchemas(), ...streamSchemas(streams) } },
  };
}

function named(names: readonly string[], prefix: string): Entries {
  return Object.fromEntries(names.map((name) => [name, { $ref: prefix + name }]));
}

function refs(names: readonly string[], prefix: string): JsonSchema[] {
  return names.map((name) => ({ $ref: prefix + name }));
}
