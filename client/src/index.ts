/** The SDK: streams of events for browsers and Node, without dependencies. */
export type { BackoffOptions } from "./backoff.ts";
export { EventStream } from "./event-stream.ts";
export type {
  PenstockEvent,
  PenstockOptions,
  SocketLike,
  StreamNotice,
  StreamOptions,
  StreamStatus,
} from "./options.ts";
export { Penstock, PenstockRequestError } from "./penstock.ts";
export { PenstockStreamError, type WrongMember } from "./stream-error.ts";
