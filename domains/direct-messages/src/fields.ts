/** What of a direct message can be filtered. Forms and documentation are made of these too. */
import type { DomainEvent, FieldDefinition } from "@penstock-dev/contract";

const text = ({ payload }: DomainEvent, member: string): string | undefined => {
  const value = payload[member];
  return typeof value === "string" ? value : undefined;
};

/** Either side of a conversation. */
export function participantsOf({ from, to }: { readonly from: unknown; readonly to: unknown }) {
  return [from, to].filter((name) => typeof name === "string");
}

export const fields: Readonly<Record<string, FieldDefinition>> = {
  participants: {
    kind: "set",
    description: "Either side of the conversation.",
    example: "ann",
    take: ({ payload: { from, to } }) => participantsOf({ from, to }),
  },
  from: {
    kind: "exact",
    description: "Who wrote the message.",
    example: "ann",
    take: (event) => text(event, "from"),
  },
  to: {
    kind: "exact",
    description: "Whom the message is for.",
    example: "bob",
    take: (event) => text(event, "to"),
  },
  keywords: {
    kind: "text",
    description: "Whole words of the text, whatever their case; several words are a phrase.",
    example: "invoice",
    take: (event) => text(event, "text"),
  },
};
