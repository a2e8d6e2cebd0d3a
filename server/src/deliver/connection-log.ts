import { CLOSE, closeName, type PenstockError } from "@penstock-dev/contract";
import { publishLog } from "./diagnostics.ts";

const SECOND_MS = 1000;

/** What is told of a connection, whatever it does. */
export interface ConnectionFacts {
  readonly transport: string;
  readonly clientId: string;
  /** Undefined before it has a subscription, as are `stream` and the times. */
  readonly sessionId: string | undefined;
  readonly stream: string | undefined;
}

/** How a connection ended. */
export interface ConnectionEnd {
  readonly code: number;
  /** The error that the server ended it with; undefined where it did not, or had none. */
  readonly error: PenstockError | undefined;
  /** Whether the server ended it. */
  readonly byServer: boolean;
  readonly durationMs: number | undefined;
  /** Events that were handed to its socket. */
  readonly delivered: number;
}

/**
 * Says who connects and who leaves. What is ordinary is said at `debug`, for a hundred thousand
 * clients may come back at once. What an operator may want to act on is said at `info`, or at
 * `warn` where the fault is the server's, and so many lines a second at most: refusals are as many
 * as clients like, and the rest is counted.
 */
export class ConnectionLog {
  readonly #linesMax: number;
  readonly #now: () => number;
  #secondMs = 0;
  #lines = 0;
  #unlogged = 0;

  /** @param linesMax lines at `info` and above in a second */
  constructor(linesMax: number, now: () => number) {
    this.#linesMax = linesMax;
    this.#now = now;
  }

  /** A client streams from here on. @param resume as `subscribed` tells it */
  connected(facts: ConnectionFacts, resume: "none" | "full" | "gap"): void {
    const message = resume === "none" ? "a client connected" : "a client resumed";
    publishLog("debug", message, { ...fieldsOf(facts), resume });
  }

  /** A client is gone. */
  left(facts: ConnectionFacts, end: ConnectionEnd): void {
    const { code, error, byServer, durationMs, delivered } = end;
    const level = levelOf(end);
    if (level !== "debug" && !this.#mayTell()) return;
    publishLog(level, byServer ? "a client was sent away" : "a client left", {
      ...fieldsOf(facts),
      code,
      reason: error?.code ?? closeName(code),
      ...(error === undefined ? {} : { detail: error.message.slice(0, 500) }),
      ...(error?.cause === undefined ? {} : { error: causeOf(error.cause) }),
      ...(durationMs === undefined ? {} : { duration_ms: durationMs }),
      delivered,
      ...(level === "debug" ? {} : this.#untold()),
    });
  }

  #mayTell(): boolean {
    const nowMs = this.#now();
    // A clock that was set back begins a second, too.
    if (nowMs - this.#secondMs >= SECOND_MS || nowMs < this.#secondMs) {
      this.#secondMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines <= this.#linesMax) return true;
    this.#unlogged += 1;
    return false;
  }

  #untold(): { readonly unlogged?: number } {
    const unlogged = this.#unlogged;
    this.#unlogged = 0;
    return unlogged === 0 ? {} : { unlogged };
  }
}

function fieldsOf({ transport, clientId, sessionId, stream }: ConnectionFacts) {
  return {
    client_id: clientId,
    ...(sessionId === undefined ? {} : { session_id: sessionId, stream }),
    transport,
  };
}

function levelOf({ error }: ConnectionEnd): "debug" | "info" | "warn" {
  // A client that goes, a server that stops, and a session that moves on are all in order.
  if (error === undefined || ORDINARY.includes(error.closeCode)) return "debug";
  return FAULTS.includes(error.closeCode) ? "warn" : "info";
}

const ORDINARY: readonly number[] = [CLOSE.going_away, CLOSE.taken_over, CLOSE.session_ended];
const FAULTS: readonly number[] = [CLOSE.internal, CLOSE.no_progress];

function causeOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
