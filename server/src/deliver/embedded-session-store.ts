import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Database } from "lmdb";
import { DiskDatabase } from "../disk-database.ts";
import { type Claimed, LOST_CODE, type SessionRecord, type SessionStore } from "./session.ts";

/** Sessions that are looked at within one turn of the event loop. */
const CHUNK_SESSIONS = 500;

/** Sessions whose holders may be gone. */
export interface OrphanedSessions {
  /**
   * Lets the sessions expire, in their time, that a process held which is gone, once what it had sent to
   * be written is.
   *
   * @param isGone by the process's name
   */
  orphan(isGone: (holder: string) => boolean, ttlMs: number): Promise<void>;
}

/** Sessions in a small database of their own beside the log. */
export function openSessionStore(dataDir: string, now: () => number): EmbeddedSessionStore {
  return new EmbeddedSessionStore(dataDir, now);
}

/** The sessions on this machine's disk. Several processes may read them; see `openSharedSessionStore`. */
export class EmbeddedSessionStore implements SessionStore, OrphanedSessions {
  readonly #database: DiskDatabase;
  readonly #sessions: Database<SessionRecord, string>;
  readonly #now: () => number;
  readonly #orphaning = new Set<Promise<void>>();
  #isClosed = false;

  constructor(dataDir: string, now: () => number) {
    this.#now = now;
    this.#database = new DiskDatabase(join(dataDir, "sessions"));
    this.#sessions = this.#database.table("sessions", "json");
  }

  async get(id: string): Promise<SessionRecord | undefined> {
    // Another process may have told a client of the session a moment ago.
    this.#database.refresh();
    const session = this.#sessions.get(id);
    return session === undefined || this.#isExpired(session) ? undefined : session;
  }

  async create(sessions: readonly SessionRecord[]): Promise<void> {
    await this.#database.write(() => {
      for (const session of sessions) this.#sessions.putSync(session.id, session);
    });
  }

  async put(sessions: readonly SessionRecord[]): Promise<readonly number[]> {
    return await this.#database.write(() => {
      const lost: number[] = [];
      for (const [place, session] of sessions.entries()) {
        const stored = this.#sessions.get(session.id);
        if (stored === undefined || stored.epoch > session.epoch) lost.push(place);
        else this.#sessions.putSync(session.id, session);
      }
      return lost;
    });
  }

  async claim(id: string, holder: string): Promise<Claimed | undefined> {
    return await this.#database.write((): Claimed | undefined => {
      const stored = this.#sessions.get(id);
      if (stored === undefined || this.#isExpired(stored)) return undefined;
      const previous = stored.expiresAtMs === undefined ? stored.holder : undefined;
      const session = { ...stored, holder, epoch: stored.epoch + 1, expiresAtMs: undefined };
      this.#sessions.putSync(id, session);
      return { session, previous };
    });
  }

  async delete(ids: readonly string[]): Promise<void> {
    await this.#database.write(() => {
      for (const id of ids) this.#sessions.removeSync(id);
    });
  }

  async list(clientId: string, limit: number): Promise<readonly SessionRecord[]> {
    const found: SessionRecord[] = [];
    for await (const session of this.#all()) {
      if (session.clientId !== clientId || this.#isExpired(session)) continue;
      found.push(session);
      if (found.length === limit) break;
    }
    return found;
  }

  async orphan(isGone: (holder: string) => boolean, ttlMs: number): Promise<void> {
    const orphaning = this.#orphan(isGone, ttlMs);
    this.#orphaning.add(orphaning);
    await orphaning.finally(() => this.#orphaning.delete(orphaning));
  }

  async #orphan(isGone: (holder: string) => boolean, ttlMs: number): Promise<void> {
    const isOrphan = ({ expiresAtMs, holder }: SessionRecord): boolean =>
      expiresAtMs === undefined && holder !== undefined && isGone(holder);
    if (this.#isClosed) return;
    await this.#database.write(() => undefined);
    let due: string[] = [];
    for await (const session of this.#all()) {
      if (this.#isClosed) return;
      if (isOrphan(session) || this.#isExpired(session)) due.push(session.id);
      if (due.length < CHUNK_SESSIONS) continue;
      await this.#settle(due, isOrphan, ttlMs);
      due = [];
    }
    if (due.length > 0 && !this.#isClosed) await this.#settle(due, isOrphan, ttlMs);
  }

  /**
   * Deletes those that have expired, and lets those expire in their time whose holder is gone: as
   * they are now, for others may have stored or claimed them since they were looked at.
   */
  async #settle(
    ids: readonly string[],
    isOrphan: (session: SessionRecord) => boolean,
    ttlMs: number,
  ): Promise<void> {
    const nowMs = this.#now();
    const left = { disconnectedAtMs: nowMs, disconnectCode: LOST_CODE, expiresAtMs: nowMs + ttlMs };
    await this.#database.write(() => {
      for (const id of ids) {
        const session = this.#sessions.get(id);
        if (session === undefined) continue;
        if (this.#isExpired(session)) this.#sessions.removeSync(id);
        else if (isOrphan(session)) this.#sessions.putSync(id, { ...session, ...left });
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#orphaning);
    await this.#database.close();
  }

  /** Every session, with turns of the event loop in between; no read outlives a turn. */
  async *#all(): AsyncIterable<SessionRecord> {
    let start = "";
    for (;;) {
      const range = { start, limit: CHUNK_SESSIONS, exclusiveStart: start !== "" };
      this.#database.refresh();
      const chunk = [...this.#sessions.getRange(range)];
      for (const { value } of chunk) yield value;
      const last = chunk.at(-1);
      if (last === undefined || chunk.length < CHUNK_SESSIONS) return;
      start = last.key;
      await turn();
    }
  }

  #isExpired({ expiresAtMs }: SessionRecord): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.#now();
  }
}
