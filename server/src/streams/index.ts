/**
 * The streams that are configured: each one's topics, event types, fields, and how its records are
 * read and written. It owns the meaning of a record's bytes; it reads no topic itself. It promises
 * that a record that cannot be read is named so, and never thrown over the rooms that read.
 */
export { checkDomain, isMeantAsDomain } from "./domain-check.ts";
export { DomainFailures, thrownText } from "./domain-failures.ts";
export { inferStream } from "./infer.ts";
export { loadStreams } from "./load-streams.ts";
export { namedStream } from "./named-stream.ts";
export { streamOptions } from "./options.ts";
export {
  encodeEvent,
  encodeProgress,
  encodeTombstone,
  sourceOf,
  stateFromOf,
} from "./record-codec.ts";
export { readJson } from "./record-json.ts";
export * from "./stream.ts";
export { deadTopic, ensureTopics } from "./topics.ts";
export { typedStream } from "./typed-stream.ts";
