import type { PenstockEvent } from "@penstock-dev/contract/event.ts";
import type {
  FilterRule,
  Finality,
  GapFrame,
  Start,
  SubscribedFrame,
  WhenBehind,
} from "@penstock-dev/contract/frames.ts";
import type { BackoffOptions } from "./backoff.ts";

/** What the connection is doing. */
export type StreamStatus =
  | { readonly state: "connecting"; readonly attempt: number }
  | { readonly state: "open"; readonly subscribed: SubscribedFrame }
  | { readonly state: "caught_up" }
  | { readonly state: "waiting"; readonly retryInMs: number; readonly reason: string }
  | { readonly state: "closed" };

/** Something that does not end the stream, but that an application may want to know. */
export interface StreamNotice {
  readonly code: string;
  readonly message: string;
}

/** What to follow, from where, and how. */
export interface StreamOptions {
  /** One rule; give this or `rules`. */
  readonly filters?: FilterRule;
  readonly rules?: readonly FilterRule[];
  readonly start?: Start;
  readonly clamp?: boolean;
  readonly until?: { readonly cursor: string };
  readonly whenBehind?: WhenBehind;
  readonly maxEventsPerSecond?: number;
  readonly finality?: Finality;
  /** Give undos and deletions only of what was given before, and tell of what a gap makes void. */
  readonly fold?: boolean;
  /** Events that wait for the application before the connection is closed until they are taken. */
  readonly bufferMax?: number;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** What was not delivered; with `fold`, the ids that no longer count. */
  readonly onGap?: (gap: GapFrame, dropped: readonly string[]) => void;
  readonly onStatus?: (status: StreamStatus) => void;
  readonly onNotice?: (notice: StreamNotice) => void;
}

/** The part of a WebSocket that the SDK uses: the browser's, Node's, or one of a library. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Where the server is, and who asks. */
export interface PenstockOptions {
  /** Absolute: `https://stream.example.com`. */
  readonly url: string;
  /** An API key or token, or what gets one; asked again when it is refused or expires. */
  readonly token?: string | (() => string | Promise<string>);
  /** Makes a WebSocket; left out: the global one. */
  readonly webSocket?: (url: string) => SocketLike;
}

export type { PenstockEvent };
