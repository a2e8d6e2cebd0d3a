import { randomBytes } from "node:crypto";
import { PenstockError } from "@penstock-dev/contract";
import { publishLog } from "./diagnostics.ts";
import type { Claimed, SessionRecord, SessionStore } from "./session.ts";

/** How long a session is remembered that another process claimed before it was left here. */
const LEFT_MS = 10_000;

/** No id is longer; what a store takes as a key has a bound of its own. */
const ID_CHARACTERS_MAX = 64;

/** Sessions of one caller that are listed. */
const LISTED_MAX = 1000;

/** Sessions of one commit: what is encoded within one turn of the event loop. */
const BATCH_SESSIONS_MAX = 500;

/** Sessions that are stored together. */
interface Batch {
  readonly sessions: Set<SessionRecord>;
  /** Those of them that a later connection has claimed. */
  readonly stored: Promise<readonly SessionRecord[]>;
}

/**
 * An id that nobody can guess: 144 random bits behind its time of making, which lets sessions that
 * are made together lie together on disk. With nothing but chance in it, each new session would
 * rewrite a page of its own: 145 KB written for each of 60,000.
 */
function sessionId(nowMs: number): string {
  const time = Buffer.alloc(6);
  time.writeUIntBE(nowMs, 0, 6);
  return `ses_${Buffer.concat([time, randomBytes(18)]).toString("base64url")}`;
}

/**
 * The sessions of this process: those that are connected in memory, all of them in the store.
 * Positions are stored in batches; a session's body at once.
 */
export class Sessions implements AsyncDisposable {
  /** The name of this process, by which others know who holds a session. */
  readonly #self: string;
  readonly #store: SessionStore;
  readonly #ttlMs: number;
  readonly #now: () => number;
  readonly #connected = new Map<string, SessionRecord>();
  readonly #dirty = new Set<SessionRecord>();
  readonly #left = new Map<string, SessionRecord>();
  /** Works out the position of a connected session, just before it is stored. */
  readonly #refresh: (session: SessionRecord) => void;
  /** Told of a session that was to be stored, and that a later connection has claimed. */
  readonly #fenced: (session: SessionRecord) => void;
  readonly #timer: NodeJS.Timeout;
  /** Resolves when all that is to be stored so far is, or could not be. */
  #saving: Promise<void> = Promise.resolve();
  #batch: Batch | undefined;
  /** By a session's id, the last batch that it is in and that is not written. */
  readonly #unwritten = new Map<string, Batch>();

  constructor(
    self: string,
    store: SessionStore,
    options: { readonly sessionTtlMs: number; readonly sessionSaveIntervalMs: number },
    now: () => number,
    told: {
      readonly refresh: (session: SessionRecord) => void;
      readonly fenced: (session: SessionRecord) => void;
    },
  ) {
    this.#self = self;
    this.#store = store;
    this.#ttlMs = options.sessionTtlMs;
    this.#now = now;
    this.#refresh = told.refresh;
    this.#fenced = told.fenced;
    this.#timer = setInterval(() => {
      this.save().catch((caught: unknown) => {
        publishLog("error", "sessions could not be stored; trying again", {
          error: String(caught),
        });
      });
    }, options.sessionSaveIntervalMs);
    this.#timer.unref();
  }

  /**
   * A new session, durable once this resolves.
   *
   * @param connects whether a connection of this process is about to use it
   */
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
      | "holder"
      | "epoch"
    >,
    connects: boolean,
  ): Promise<SessionRecord> {
    const nowMs = this.#now();
    const session: SessionRecord = {
      ...init,
      id: sessionId(nowMs),
      acknowledged: false,
      createdAtMs: nowMs,
      connectedAtMs: undefined,
      disconnectedAtMs: undefined,
      disconnectCode: undefined,
      expiresAtMs: connects ? undefined : nowMs + this.#ttlMs,
      holder: connects ? this.#self : undefined,
      epoch: connects ? 1 : 0,
    };
    await this.#store.create([session]);
    return session;
  }

  /**
   * A session of a caller. One of somebody else is as unknown as one that does not exist.
   *
   * @throws PenstockError `session_not_found`
   */
  async get(id: string, clientId: string): Promise<SessionRecord> {
    const session =
      id.length > ID_CHARACTERS_MAX
        ? undefined
        : (this.#connected.get(id) ?? (await this.#store.get(id)));
    if (session === undefined || session.clientId !== clientId) {
      throw new PenstockError(
        "session_not_found",
        "The session does not exist, has expired or was ended.",
      );
    }
    return this.#connected.get(id) ?? session;
  }

  /**
   * A session as it is stored, whoever holds it.
   *
   * @throws PenstockError `session_not_found`
   */
  async stored(id: string): Promise<SessionRecord> {
    const session = await this.#store.get(id);
    if (session === undefined)
      throw new PenstockError("session_not_found", "The session has expired or was ended.");
    return session;
  }

  async list(clientId: string): Promise<readonly SessionRecord[]> {
    for (const session of this.#connected.values()) this.#refresh(session);
    const stored = await this.#store.list(clientId, LISTED_MAX);
    return stored.map((session) => this.#connected.get(session.id) ?? session);
  }

  /**
   * Makes this process the one that holds a session: what others still store of it counts no more.
   *
   * @returns its stored state, and the process that held it, where one did
   * @throws PenstockError `session_not_found`
   */
  async claim(id: string): Promise<Claimed> {
    // What of it is about to be written is what the claim is to find; others' may take a while.
    await this.#unwritten.get(id)?.stored.catch(() => undefined);
    const claimed = await this.#store.claim(id, this.#self);
    if (claimed === undefined) {
      throw new PenstockError("session_not_found", "The session has expired or was ended.");
    }
    return claimed;
  }

  /** The session is in use from now on, and does not expire. */
  connected(session: SessionRecord): void {
    session.connectedAtMs = this.#now();
    session.expiresAtMs = undefined;
    this.#connected.set(session.id, session);
    this.#dirty.add(session);
  }

  /** The session as the connection of this process has it that uses it; undefined where none does. */
  inUse(id: string): SessionRecord | undefined {
    return this.#connected.get(id);
  }

  /** The session as this process held it last; undefined where it does not, and did not just now. */
  held(id: string): SessionRecord | undefined {
    return this.#connected.get(id) ?? this.#left.get(id);
  }

  /** Whoever claimed a session is about to ask how far it was read, or has. */
  #leave(session: SessionRecord): void {
    this.#left.set(session.id, session);
    setTimeout(() => {
      if (this.#left.get(session.id) === session) this.#left.delete(session.id);
    }, LEFT_MS).unref();
  }

  /** Another process holds the session now, or it has ended: nothing of it is stored from here. */
  release(session: SessionRecord): void {
    this.#dirty.delete(session);
    if (this.#connected.get(session.id) === session) this.#connected.delete(session.id);
  }

  /** The session is no longer in use, and is stored so; with the next batch, where that fails. */
  async disconnected(session: SessionRecord, code: number): Promise<void> {
    this.#refresh(session);
    this.#dirty.delete(session);
    session.disconnectedAtMs = this.#now();
    session.disconnectCode = code;
    session.expiresAtMs = this.#now() + this.#ttlMs;
    await this.#keep([session]).catch(() => undefined);
  }

  /** The session's position moved; it is stored with the next batch. */
  touch(session: SessionRecord): void {
    this.#dirty.add(session);
  }

  /** Stores a change of a session's body; false where it was claimed or deleted meanwhile. */
  async changed(session: SessionRecord): Promise<boolean> {
    const claimed = await this.#put([session]);
    return claimed.length === 0;
  }

  /** Ends a session; whoever claimed it last has a record of it of his own. */
  async end(session: SessionRecord): Promise<void> {
    this.release(session);
    const connected = this.#connected.get(session.id);
    if (connected !== undefined) this.release(connected);
    await this.#saving;
    await this.#store.delete([session.id]);
  }

  /** Stores what moved since the last time. */
  async save(): Promise<void> {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    if (dirty.length === 0) return;
    for (const session of dirty) this.#refresh(session);
    await this.#keep(dirty);
  }

  /**
   * Stores sessions, now or with the next batch; those that are in no use are here until they are stored,
   * for a client that comes back at once. Meanwhile it may have.
   */
  async #keep(sessions: readonly SessionRecord[]): Promise<void> {
    try {
      await this.#put(sessions);
    } catch (caught) {
      for (const session of sessions) this.#dirty.add(session);
      throw caught;
    }
    for (const session of sessions) {
      const isDone = session.expiresAtMs !== undefined;
      if (isDone && this.#connected.get(session.id) === session) this.#connected.delete(session.id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.save();
    await this.#saving;
    await this.#store[Symbol.asyncDispose]();
  }

  /**
   * Stores sessions as they are when their batch is written; answers those that a later connection
   * has claimed, or that are deleted, which are not stored.
   */
  async #put(sessions: readonly SessionRecord[]): Promise<readonly SessionRecord[]> {
    const batches = new Set<Batch>();
    for (const session of sessions) {
      const batch = this.#gathering();
      batch.sessions.add(session);
      this.#unwritten.set(session.id, batch);
      batches.add(batch);
    }
    const claimed = new Set<SessionRecord>();
    for (const { stored } of batches) for (const session of await stored) claimed.add(session);
    return sessions.filter((session) => claimed.has(session));
  }

  /**
   * The batch that has not begun. One is written at a time, so that a session's newest state is the
   * one that stays; what comes meanwhile shares the next, for all clients may leave at once.
   */
  #gathering(): Batch {
    const open = this.#batch;
    if (open !== undefined && open.sessions.size < BATCH_SESSIONS_MAX) return open;
    const sessions = new Set<SessionRecord>();
    const stored = this.#saving.then(async () => {
      if (this.#batch === batch) this.#batch = undefined;
      return await this.#write([...sessions]);
    });
    const batch: Batch = { sessions, stored };
    const written = (): void => {
      for (const { id } of sessions)
        if (this.#unwritten.get(id) === batch) this.#unwritten.delete(id);
    };
    this.#saving = stored.then(written, written);
    this.#batch = batch;
    return batch;
  }

  /** What a later connection has claimed is no longer this process's, whether or not it said so. */
  async #write(sessions: readonly SessionRecord[]): Promise<readonly SessionRecord[]> {
    const epochs = sessions.map(({ epoch }) => epoch);
    const claimed: SessionRecord[] = [];
    for (const place of await this.#store.put(sessions)) {
      const session = sessions[place] as SessionRecord;
      // What this process itself had claimed meanwhile is its own still.
      if (session.epoch > (epochs[place] as number)) this.#dirty.add(session);
      else claimed.push(session);
    }
    for (const session of claimed) {
      this.#leave(session);
      this.release(session);
      this.#fenced(session);
    }
    return claimed;
  }
}
