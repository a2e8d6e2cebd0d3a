/**
 * Delivery: the engine that moves every client along the log, and the sessions that remember where
 * each stands. It owns positions: one moves only past what was delivered, did not match, was told
 * by a gap, or holds no event for anyone. It knows no transport: one hands it an `Outlet` and gets
 * a `StreamConnection`.
 */
export { clientFrameSchemas } from "./client-frame.ts";
export type { ConnectionLag } from "./connection-lag.ts";
export { Delivery } from "./delivery.ts";
export { type OrphanedSessions, openSessionStore } from "./embedded-session-store.ts";
export { LAG_BOUNDS_MS } from "./lag-histogram.ts";
export { deliverOptions } from "./options.ts";
export type { Encoding, Outlet, PlaceRef } from "./outlet.ts";
export { type HeldSession, noPeers, type PeerRequest, type Peers } from "./peers.ts";
export type { Place } from "./place.ts";
export type { History } from "./readable-log.ts";
export { LOST_CODE, type SessionRecord, type SessionStore, type SessionWriter } from "./session.ts";
export { errorFrame } from "./session-frames.ts";
export { type DistantSessions, openSharedSessionStore } from "./shared-session-store.ts";
export { StreamConnection, type Wanted } from "./stream-connection.ts";
export {
  CURSOR_PATTERN,
  isTime,
  readBody,
  readSessionPatch,
  readSubscribeRequest,
  type SessionPatch,
  sessionPatchSchema,
  subscribeRequestSchema,
} from "./subscribe-request.ts";
export type { DeliverOptions } from "./topic-state.ts";
