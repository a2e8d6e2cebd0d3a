import {
  type ErrorFrame,
  type FilterRule,
  type GapFrame,
  type HelloFrame,
  type Limits,
  type PenstockError,
  PROTOCOL_VERSION,
  type SubscribedFrame,
} from "@penstock-dev/contract";
import type { Fanout } from "./fanout.ts";
import type { Flow } from "./flow.ts";
import { gapFrame } from "./gap.ts";
import { offsetMap, offsetsBetween, type Place } from "./place.ts";
import type { SessionRecord } from "./session.ts";

/** What a server says of itself, whatever is subscribed to. */
export interface Greeting {
  readonly heartbeatIntervalMs: number;
  readonly limits: Limits;
}

/** The first frame, where there is no session yet. */
export function helloFrame({ heartbeatIntervalMs, limits }: Greeting): HelloFrame {
  return {
    type: "hello",
    protocol: PROTOCOL_VERSION,
    server: "penstock",
    heartbeat_interval_ms: heartbeatIntervalMs,
    limits,
  };
}

/** The first frame where there is a session. @param oldest by partition, what is still kept */
export function sessionHelloFrame(
  session: SessionRecord,
  fanout: Fanout,
  oldest: readonly number[],
  { heartbeatIntervalMs, limits }: Greeting,
): HelloFrame {
  return {
    type: "hello",
    protocol: PROTOCOL_VERSION,
    server: "penstock",
    session_id: session.id,
    stream: session.stream,
    heartbeat_interval_ms: heartbeatIntervalMs,
    limits,
    oldest: offsetMap({ offsets: oldest, sources: [] }),
    newest: offsetMap(fanout.head()),
  };
}

/** What a session gets from a place on, as the server understands it. */
export function subscribedFrame(
  session: SessionRecord,
  understood: {
    readonly rules: readonly FilterRule[];
    readonly flow: Flow;
    readonly limits: Limits;
  },
  from: Pick<SubscribedFrame, "cursor" | "resume" | "note">,
): SubscribedFrame {
  const { rules, flow, limits } = understood;
  return {
    type: "subscribed",
    session_id: session.id,
    stream: session.stream,
    rules,
    when_behind: flow.whenBehind,
    max_events_per_second: flow.maxEventsPerSecond ?? null,
    finality: session.finality,
    limits,
    ...from,
  };
}

/** Tells whoever asked for what is no longer kept where the stream begins for him instead. */
export function clampedFrame(
  fanout: Fanout,
  rules: readonly FilterRule[],
  from: Place,
  to: Place,
): GapFrame {
  const { stream, identity } = fanout;
  const count = offsetsBetween(from, to);
  const gap = { reason: "clamped", from, to, count, exact: false, cancels: true } as const;
  const subscription = { stream, topic: identity.topic, rules };
  return gapFrame(gap, subscription, (place) => fanout.cursor(place), false);
}

/** The frame of an error. @param fatal whether the connection ends with it */
export function errorFrame(error: PenstockError, fatal: boolean): ErrorFrame {
  return {
    type: "error",
    code: error.code,
    message: error.message,
    fatal,
    retry: error.retry,
    retry_after_ms: error.retryAfterMs ?? null,
    resumable: error.retry === "reconnect" || error.retry === "renew" || error.retry === "wait",
    ...(error.errors.length > 0 ? { errors: error.errors } : {}),
  };
}
