import type { Grant } from "../access/index.ts";
import type { ConnectionLag } from "./connection-lag.ts";
import type { SessionRecord } from "./session.ts";
import type { SessionPatch } from "./subscribe-request.ts";

/** What one process asks of the one that holds a session. */
export type PeerRequest =
  /**
   * Another connection uses the session from now on, claimed at an epoch: close yours if it claimed it
   * before, and say how far it was read.
   */
  | { readonly kind: "release"; readonly sessionId: string; readonly epoch: number }
  | { readonly kind: "look"; readonly sessionId: string }
  | {
      readonly kind: "change";
      readonly sessionId: string;
      readonly patch: SessionPatch;
      readonly grant: Grant;
    }
  /** The session was ended: close its connection. */
  | { readonly kind: "end"; readonly sessionId: string };

/** A session as its holder knows it. */
export interface HeldSession {
  readonly session: SessionRecord;
  readonly lag: ConnectionLag | undefined;
}

/** The processes of one server that share its sessions. */
export interface Peers {
  /** The name of this process; each start of a process has another. */
  readonly self: string;
  /**
   * Asks another process. Undefined where no such process runs, it does not answer in time, or it
   * does not hold the session.
   *
   * @throws PenstockError what the other process refused the request with
   */
  ask(holder: string, request: PeerRequest): Promise<HeldSession | undefined>;
  /** Answers what other processes ask. */
  serve(answer: (request: PeerRequest) => Promise<HeldSession | undefined>): void;
}

/** One process that has no others beside it. */
export function noPeers(self: string): Peers {
  return { self, ask: async () => undefined, serve: () => undefined };
}
