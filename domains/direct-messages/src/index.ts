/**
 * Direct messages: the worked example of a domain. Read this file from top to bottom: it is all that
 * the engine learns of the stream, and nothing outside this folder knows of it.
 */
import { asDomain, type Domain, type JsonSchema } from "@penstock-dev/contract";
import { demoMessages } from "./demo.ts";
import { fields } from "./fields.ts";
import { apply, contentKeyOf, createState, type State, stateFrom } from "./process.ts";
import { parseRaw, type RawRecord, rawSchema } from "./raw-record.ts";

/** Who talks with whom, whoever writes: the same text for both directions. */
function conversationOf({ from, to }: { readonly from: string; readonly to: string }): string {
  return JSON.stringify([from, to].sort());
}

const text = { type: "string" } as const;
const payload = (...members: readonly string[]): JsonSchema => ({
  type: "object",
  required: members,
  properties: Object.fromEntries(members.map((member) => [member, text])),
});

const domain: Domain<RawRecord, State> = {
  // The name in addresses and in the configuration: GET /v1/direct-messages/live.
  name: "direct-messages",
  description: "Messages between two people, read receipts and deletions.",
  // Producers' records lie in the first topic; what is served lies in the second.
  topics: {
    raw: "direct-messages",
    enriched: "direct-messages.enriched",
    tombstones: "direct-messages.tombstones",
  },

  ingest: {
    schema: rawSchema,
    parse: parseRaw,
    // The clock and new ids are the caller's, so that this stays a function of what it is given.
    complete: (raw, { nowMs, newId }) => {
      if (raw.type === "delete") return raw;
      const timestamp = new Date(raw.timestamp ?? nowMs).toISOString();
      return raw.type === "read"
        ? { ...raw, timestamp }
        : { ...raw, id: raw.id ?? newId(), timestamp };
    },
    // Order holds within a key: a conversation is read in the order in which it was written.
    key: conversationOf,
    id: (raw) => raw.id ?? "",
  },

  process: { create: createState, apply, stateFrom },

  // Every event type here carries its payload under `message`; a domain may use several nouns.
  event_types: {
    message: {
      noun: "message",
      description: "A message was written.",
      schema: payload("id", "from", "to", "text", "timestamp"),
    },
    read: {
      noun: "message",
      description: "Whom it was for has read it.",
      schema: payload("id", "from", "to", "timestamp"),
    },
    delete: {
      noun: "message",
      description: "Its author took it back.",
      schema: payload("id", "from", "to"),
      deletion: true,
    },
  },

  fields,
  // A deletion hides every event with the same content key: the message, and that it was read.
  contentKey: (event) =>
    contentKeyOf({ from: String(event.payload.from), id: String(event.payload.id) }),
  // For `when_behind: latest`: of a conversation, its newest.
  latestBy: (event) =>
    conversationOf({ from: String(event.payload.from), to: String(event.payload.to) }),
  // Whose an event is, for whoever may see only its own.
  own: { field: "participants" },
  demo: demoMessages,
};

export const directMessages: Domain = asDomain(domain);
export type { RawRecord };
