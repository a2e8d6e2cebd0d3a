/** A stream for tests: a domain of things with the fields and types of events that a test asks for. */
import { asDomain, type Domain, type DomainEvent } from "@penstock-dev/contract";
import type { Stream } from "./stream.ts";
import { typedStream } from "./typed-stream.ts";

/** A type of event, besides what all of them have. */
export const thingType = (more: object = {}) => ({
  noun: "thing",
  description: "",
  schema: {},
  ...more,
});

/** A field that is the payload's member of its name. */
export const thingField = (kind: string, name: string) => ({
  kind,
  description: name,
  example: "1",
  take: ({ payload }: DomainEvent) => payload[name] as string | readonly string[] | undefined,
});

/** One partition of things. */
export function thingsStream(parts: Pick<Domain, "fields"> & Partial<Domain>): Stream {
  const domain = asDomain({
    name: "things",
    description: "Things.",
    topics: { raw: "things", enriched: "things" },
    ingest: {
      schema: {},
      parse: (value) => ({ ok: true, value }),
      complete: (raw) => raw,
      key: () => "k",
      id: () => "i",
    },
    event_types: { made: thingType() },
    ...parts,
  });
  return typedStream("things", domain, { partitions: 1 });
}
