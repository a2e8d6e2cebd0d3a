import type { Retry } from "@penstock-dev/contract/codes.ts";

/** Why a stream ended for good: what an `error` frame said, or the close code alone. */
export class PenstockStreamError extends Error {
  override readonly name = "PenstockStreamError";
  /** A code of the server's catalogue, or `closed`. */
  readonly code: string;
  /** The WebSocket close code. */
  readonly closeCode: number;
  /** What would help: a new credential, another start, or nothing. */
  readonly retry: Retry;
  /** Members of the request that are wrong. */
  readonly errors: readonly {
    readonly path: string;
    readonly message: string;
    readonly did_you_mean?: string;
  }[];

  constructor(init: {
    readonly code: string;
    readonly closeCode: number;
    readonly retry: Retry;
    readonly message: string;
    readonly errors?: PenstockStreamError["errors"] | undefined;
  }) {
    super(init.message);
    this.code = init.code;
    this.closeCode = init.closeCode;
    this.retry = init.retry;
    this.errors = init.errors ?? [];
  }
}
