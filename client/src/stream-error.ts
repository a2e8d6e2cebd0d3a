import type { Retry } from "@penstock-dev/contract/codes.ts";

/** What is wrong with one member of a request. */
export interface WrongMember {
  /** A JSON Pointer to the member: `/filters/hashtag`. */
  readonly path: string;
  /** What would be right. */
  readonly message: string;
  /** A known name close to the one that was sent. */
  readonly did_you_mean?: string;
}

/** By what would help, a sentence that says so. */
const ADVICE: Readonly<Record<Retry, string>> = {
  reconnect: "Connect again and resume.",
  renew: "Renew the credential, then resume.",
  choose: "Choose another start or policy; the same request fails again.",
  wait: "Wait, then resume.",
  never: "Mend the request; trying again does not help.",
};

/** Why a stream ended for good, or a change was refused: an `error` frame, or the close code alone. */
export class PenstockStreamError extends Error {
  override readonly name = "PenstockStreamError";
  /** A code of the server's catalogue, or `closed`. */
  readonly code: string;
  /** The WebSocket close code; undefined where nothing was closed. */
  readonly closeCode: number | undefined;
  /** What would help: a new credential, another start, or nothing. */
  readonly retry: Retry;
  /** Members of the request that are wrong. */
  readonly errors: readonly WrongMember[];

  constructor(init: {
    readonly code: string;
    readonly closeCode?: number | undefined;
    readonly retry: Retry;
    readonly message: string;
    readonly errors?: readonly WrongMember[] | undefined;
    readonly cause?: unknown;
  }) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.closeCode = init.closeCode;
    this.retry = init.retry;
    this.errors = init.errors ?? [];
  }

  /** What to do about it, as a sentence. */
  get advice(): string {
    return ADVICE[this.retry];
  }
}
