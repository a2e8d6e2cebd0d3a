import type { FilterRule, Finality, WhenBehind } from "@penstock-dev/contract";

/** What a connection ends with that no close frame ended (RFC 6455 §7.1.5). */
export const LOST_CODE = 1006;

/** A subscription that outlives its connections, as it is stored. */
export interface SessionRecord {
  readonly id: string;
  /** Whose it is: the id of the key or token that made it. */
  readonly clientId: string;
  readonly stream: string;
  readonly finality: Finality;
  /** Normalised. */
  rules: readonly FilterRule[];
  whenBehind: WhenBehind;
  /** Null where the session sets no bound. */
  maxEventsPerSecond: number | null;
  readonly createdAtMs: number;
  /** A cursor: the last place up to which the client is known to have read. */
  position: string;
  /** Whether `position` is the client's own `ack`, which a pong does not move. */
  acknowledged: boolean;
  /** Reading ends here, where the client said so. */
  readonly until: string | undefined;
  /** Whether it was made with a cursor, and so continues what was read before it. */
  readonly resumes: boolean;
  /** The start is older than what is kept, and the client wants to go on at the floor. */
  readonly clamp: boolean;
  connectedAtMs: number | undefined;
  disconnectedAtMs: number | undefined;
  disconnectCode: number | undefined;
  /** Undefined while it is connected. */
  expiresAtMs: number | undefined;
  /** The process that connected it last; undefined before the first connection. */
  holder: string | undefined;
  /** Raised by each connection: what an earlier one still writes is passed over. */
  epoch: number;
}

/** What a claim finds. */
export interface Claimed {
  readonly session: SessionRecord;
  /** Who held it before, if anybody does. */
  readonly previous: string | undefined;
}

/**
 * Where sessions are kept: durable, shared by the processes of a server, and a cache of what a
 * client could say again. A batch is stored whole or not at all.
 */
export interface SessionStore extends AsyncDisposable {
  get(id: string): Promise<SessionRecord | undefined>;
  /** Stores sessions that there were not. */
  create(sessions: readonly SessionRecord[]): Promise<void>;
  /**
   * Stores changes of sessions, but for those that a later connection has claimed, or that have been
   * deleted. Of one session there may be several.
   *
   * @returns the places among them of those that were not stored
   */
  put(sessions: readonly SessionRecord[]): Promise<readonly number[]>;
  /**
   * Makes `holder` the one who holds a session, in one step whoever else tries; durable once it
   * resolves. Undefined where the session does not exist.
   */
  claim(id: string, holder: string): Promise<Claimed | undefined>;
  delete(ids: readonly string[]): Promise<void>;
  /** A client's sessions, at most so many. */
  list(clientId: string, limit: number): Promise<readonly SessionRecord[]>;
}

/** What of a store writes. */
export type SessionWriter = Pick<SessionStore, "create" | "put" | "claim" | "delete">;
