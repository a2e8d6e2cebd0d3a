import { type EmbeddedSessionStore, openSessionStore } from "./embedded-session-store.ts";
import type { Claimed, SessionRecord, SessionStore, SessionWriter } from "./session.ts";

/** Another process's store, as one that only reads has it. */
export interface DistantSessions extends SessionWriter {
  /** Whether that process is gone: nobody writes for this one any more. */
  isGone(): boolean;
}

/**
 * The sessions that another process of this machine writes, and this one reads
 * (`docs/decisions/one-writer.md`). Where that process is gone, this one is about to leave as well, and
 * writes what is left to be written itself.
 */
export function openSharedSessionStore(
  dataDir: string,
  now: () => number,
  writer: DistantSessions,
): SessionStore {
  return new SharedSessionStore(openSessionStore(dataDir, now), writer);
}

class SharedSessionStore implements SessionStore {
  readonly #own: EmbeddedSessionStore;
  readonly #writer: DistantSessions;

  constructor(own: EmbeddedSessionStore, writer: DistantSessions) {
    this.#own = own;
    this.#writer = writer;
  }

  async get(id: string): Promise<SessionRecord | undefined> {
    return await this.#own.get(id);
  }

  async list(clientId: string, limit: number): Promise<readonly SessionRecord[]> {
    return await this.#own.list(clientId, limit);
  }

  async create(sessions: readonly SessionRecord[]): Promise<void> {
    await this.#write((store) => store.create(sessions));
  }

  async put(sessions: readonly SessionRecord[]): Promise<readonly number[]> {
    return await this.#write((store) => store.put(sessions));
  }

  async claim(id: string, holder: string): Promise<Claimed | undefined> {
    return await this.#write((store) => store.claim(id, holder));
  }

  async delete(ids: readonly string[]): Promise<void> {
    await this.#write((store) => store.delete(ids));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#own[Symbol.asyncDispose]();
  }

  /** Whatever the other process has written and could not tell any more, may be written again. */
  async #write<T>(write: (store: SessionWriter) => Promise<T>): Promise<T> {
    if (!this.#writer.isGone()) {
      try {
        return await write(this.#writer);
      } catch (caught) {
        if (!this.#writer.isGone()) throw caught;
      }
    }
    return await write(this.#own);
  }
}
