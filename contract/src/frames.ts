/** The control frames of a stream; events are `PenstockEvent` (PROTOCOL.md, "Frames"). */
import type { ErrorCode, FieldError } from "./errors.ts";
import type { PenstockEvent } from "./event.ts";

/** The version that `hello` names. */
export const PROTOCOL_VERSION = 1;

/** What happens to a subscription that cannot keep up (PROTOCOL.md, "Falling behind"). */
export type WhenBehind = "skip" | "wait" | "latest" | "disconnect";
export const WHEN_BEHIND: readonly WhenBehind[] = ["skip", "wait", "latest", "disconnect"];

/** `all` reads what may still be undone; `final` reads a stream without undo. */
export type Finality = "all" | "final";

/** Where a subscription starts. */
export type Start =
  | "now"
  | "earliest"
  | { readonly cursor: string }
  | { readonly time: string }
  | { readonly ago: string }
  | { readonly block: { readonly chain: string; readonly number: number } };

/** A value that a filter may hold: lists and scalars, before normalisation. */
export type FilterValue =
  | string
  | number
  | boolean
  | readonly (string | number | boolean)[]
  | object;

/** Fields that must all hold; `tag` is echoed in the events that the rule matched. */
export interface FilterRule {
  readonly tag?: string;
  readonly [field: string]: FilterValue | undefined;
}

/** The body of `POST /v1/stream/subscribe`, and of a `subscribe` frame. */
export interface SubscribeRequest {
  readonly api_key?: string;
  readonly stream?: string;
  readonly filters?: FilterRule;
  readonly rules?: readonly FilterRule[];
  readonly start?: Start;
  /** Go on at the floor, with a gap, where the start is older than what is kept. */
  readonly clamp?: boolean;
  readonly until?: { readonly cursor: string };
  readonly when_behind?: WhenBehind;
  readonly max_events_per_second?: number;
  readonly finality?: Finality;
}

/** What a tier allows; told in `hello` or `subscribed`. */
export interface Limits {
  readonly rules_max: number;
  readonly values_max: number;
  readonly match_all: boolean;
  /** Null where the tier sets no bound. */
  readonly max_events_per_second: number | null;
  readonly when_behind: readonly WhenBehind[];
}

/** Offsets by partition, as frames carry them. */
export type OffsetMap = { readonly [partition: string]: number };

export interface HelloFrame {
  readonly type: "hello";
  readonly protocol: number;
  readonly server: string;
  readonly session_id?: string;
  readonly stream?: string;
  readonly heartbeat_interval_ms: number;
  readonly limits?: Limits;
  readonly oldest?: OffsetMap;
  readonly newest?: OffsetMap;
}

export interface SubscribedFrame {
  readonly type: "subscribed";
  readonly session_id: string;
  readonly stream: string;
  /** The rules as understood, normalised. */
  readonly rules: readonly FilterRule[];
  readonly cursor: string;
  readonly resume: "none" | "full" | "gap";
  readonly when_behind: WhenBehind;
  readonly max_events_per_second: number | null;
  readonly finality: Finality;
  readonly limits: Limits;
  /** Said after `update_filters`: what only the replaced filter matched is not owed again. */
  readonly note?: string;
}

export interface CheckpointFrame {
  readonly type: "checkpoint";
  readonly cursor: string;
}

export interface CaughtUpFrame {
  readonly type: "caught_up";
  readonly cursor: string;
}

/** What was not delivered, and the subscription that would still get it. */
export interface GapFrame {
  readonly type: "gap";
  readonly reason: "behind" | "conflated" | "retention" | "clamped";
  /** Inclusive. */
  readonly from: OffsetMap;
  /** Exclusive. */
  readonly to: OffsetMap;
  /** Events where `exact`, else offsets. */
  readonly count: number;
  readonly exact: boolean;
  /** Whether the range holds undos or deletes, or could. */
  readonly cancels?: boolean;
  /** A `subscribe` body that reads the range again; null where it is gone. */
  readonly recover: SubscribeRequest | null;
}

export interface GoAwayFrame {
  readonly type: "go_away";
  readonly deadline_ms: number;
  readonly jitter_ms: number;
  readonly url?: string;
}

export interface AuthExpiringFrame {
  readonly type: "auth_expiring";
  readonly expires_in_ms: number;
}

export interface HeartbeatFrame {
  readonly type: "heartbeat";
}

export interface ErrorFrame {
  readonly type: "error";
  readonly code: ErrorCode;
  readonly message: string;
  readonly fatal: boolean;
  readonly retry: string;
  readonly retry_after_ms: number | null;
  readonly resumable: boolean;
  readonly errors?: readonly FieldError[];
}

export type ControlFrame =
  | HelloFrame
  | SubscribedFrame
  | CheckpointFrame
  | CaughtUpFrame
  | GapFrame
  | GoAwayFrame
  | AuthExpiringFrame
  | HeartbeatFrame
  | ErrorFrame;

/** Whatever a server sends on a stream. */
export type ServerFrame = PenstockEvent | ControlFrame;

/** Whatever a client sends on a WebSocket. */
export type ClientFrame =
  | ({ readonly type: "subscribe" } & SubscribeRequest)
  | {
      readonly type: "update_filters";
      readonly filters?: FilterRule;
      readonly rules?: readonly FilterRule[];
    }
  | { readonly type: "heartbeat" }
  | { readonly type: "ack"; readonly cursor: string }
  | { readonly type: "auth"; readonly token: string };

/** Whether a frame is an event: events name their `event_type`, control frames their `type`. */
export function isEvent(frame: ServerFrame): frame is PenstockEvent {
  return "event_type" in frame;
}
