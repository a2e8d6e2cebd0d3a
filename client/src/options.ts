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
  /** The application is behind: the connection is closed until it has taken most of what waits. */
  | { readonly state: "paused" }
  | { readonly state: "closed" };

/** Something that does not end the stream, but that an application may want to know. */
export interface StreamNotice {
  readonly code: string;
  readonly message: string;
}

/** What to follow, from where, and how. What is left out is as the server has it. */
export interface StreamOptions {
  /** One rule; give this or `rules`. */
  readonly filters?: FilterRule;
  /** Any of these rules; events carry the tags of those that matched. */
  readonly rules?: readonly FilterRule[];
  /** Where to begin: `now`, `earliest`, a cursor, a time, or `{ ago: "10m" }`. */
  readonly start?: Start;
  /** Where the start is older than what is kept, go on at the oldest, with a gap. */
  readonly clamp?: boolean;
  /** The iteration ends there. */
  readonly until?: { readonly cursor: string };
  /** What happens when the connection does not keep up; `wait` loses nothing. */
  readonly whenBehind?: WhenBehind;
  readonly maxEventsPerSecond?: number;
  /** `final` follows a stream of which nothing is ever undone. */
  readonly finality?: Finality;
  /**
   * Give undos and deletions only of what was given before, and tell of what a gap makes void. With
   * `start: { cursor }` those of what came before the cursor are given too.
   */
  readonly fold?: boolean;
  /**
   * Events that may wait for the application, 4000 unless told. At the bound the connection is closed
   * until most of them are taken; then it goes on at the last cursor, and nothing is lost.
   */
  readonly bufferMax?: number;
  /** Ends the stream and its iteration, without an error. */
  readonly signal?: AbortSignal;
  readonly backoff?: BackoffOptions;
  /** What was not delivered, when the application comes to it; with `fold`, the ids that no longer count. */
  readonly onGap?: (gap: GapFrame, dropped: readonly string[]) => void;
  /** Other filters hold from here on, when the application comes to it; with `fold`, it begins anew. */
  readonly onFilters?: (subscribed: SubscribedFrame, dropped: readonly string[]) => void;
  /** What the connection does, when it does it. */
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
