import { randomBytes } from "node:crypto";
import { PenstockError } from "@penstock-dev/contract";
import type { SessionRecord, SessionStore } from "./session.ts";

/**
 * The sessions of this process: those that are connected in memory, all of them in the store.
 * Positions are stored in batches; a session's body at once.
 */
export class Sessions implements AsyncDisposable {
  readonly #store: SessionStore;
  readonly #ttlMs: number;
  readonly #now: () => number;
  readonly #connected = new Map<string, SessionRecord>();
  readonly #dirty = new Set<SessionRecord>();
  /** Works out the position of a connected session, just before it is stored. */
  readonly #refresh: (session: SessionRecord) => void;
  readonly #timer: NodeJS.Timeout;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    store: SessionStore,
    options: { readonly sessionTtlMs: number; readonly sessionSaveIntervalMs: number },
    now: () => number,
    refresh: (session: SessionRecord) => void,
  ) {
    this.#store = store;
    this.#ttlMs = options.sessionTtlMs;
    this.#now = now;
    this.#refresh = refresh;
    this.#timer = setInterval(() => void this.save(), options.sessionSaveIntervalMs);
    this.#timer.unref();
  }

  /** A session that nobody uses yet, durable once this resolves. */
  async create(
    init: Omit<
      SessionRecord,
      | "id"
      | "createdAtMs"
      | "expiresAtMs"
      | "connectedAtMs"
      | "disconnectedAtMs"
      | "disconnectCode"
      | "acknowledged"
    >,
  ): Promise<SessionRecord> {
    const nowMs = this.#now();
    const session: SessionRecord = {
      ...init,
      id: `ses_${randomBytes(18).toString("base64url")}`,
      acknowledged: false,
      createdAtMs: nowMs,
      connectedAtMs: undefined,
      disconnectedAtMs: undefined,
      disconnectCode: undefined,
      expiresAtMs: nowMs + this.#ttlMs,
    };
    await this.#store.put([session]);
    return session;
  }

  /**
   * A session of a caller. One of somebody else is as unknown as one that does not exist.
   *
   * @throws PenstockError `session_not_found`
   */
  async get(id: string, clientId: string): Promise<SessionRecord> {
    const session = this.#connected.get(id) ?? (await this.#store.get(id));
    if (session === undefined || session.clientId !== clientId) {
      throw new PenstockError(
        "session_not_found",
        "The session does not exist, has expired or was ended.",
      );
    }
    return this.#connected.get(id) ?? session;
  }

  async list(clientId: string): Promise<readonly SessionRecord[]> {
    for (const session of this.#connected.values()) this.#refresh(session);
    const stored = await this.#store.list(clientId);
    return stored.map((session) => this.#connected.get(session.id) ?? session);
  }

  /** The session is in use from now on, and does not expire. */
  connected(session: SessionRecord): void {
    session.connectedAtMs = this.#now();
    session.expiresAtMs = undefined;
    this.#connected.set(session.id, session);
    this.#dirty.add(session);
  }

  isConnected(id: string): boolean {
    return this.#connected.has(id);
  }

  /** The session is no longer in use, and is stored so. */
  async disconnected(session: SessionRecord, code: number): Promise<void> {
    this.#refresh(session);
    this.#dirty.delete(session);
    session.disconnectedAtMs = this.#now();
    session.disconnectCode = code;
    session.expiresAtMs = this.#now() + this.#ttlMs;
    await this.#put([session]);
    // Until it is stored, a client that comes back at once finds it here. Meanwhile it may have.
    if (session.expiresAtMs !== undefined) this.#connected.delete(session.id);
  }

  /** The session's position moved; it is stored with the next batch. */
  touch(session: SessionRecord): void {
    this.#dirty.add(session);
  }

  /** Stores a change of a session's body. */
  async changed(session: SessionRecord): Promise<void> {
    await this.#put([session]);
  }

  async end(session: SessionRecord): Promise<void> {
    this.#connected.delete(session.id);
    this.#dirty.delete(session);
    await this.#saving;
    await this.#store.delete([session.id]);
  }

  /** Stores what moved since the last time. */
  async save(): Promise<void> {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    if (dirty.length === 0) return;
    for (const session of dirty) this.#refresh(session);
    await this.#put(dirty);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.save();
    await this.#saving;
    await this.#store[Symbol.asyncDispose]();
  }

  /** One write at a time, so that a session's newest state is the one that stays. */
  async #put(sessions: readonly SessionRecord[]): Promise<void> {
    this.#saving = this.#saving.then(() => this.#store.put(sessions));
    await this.#saving;
  }
}
