/** What is common to all that lies on this machine's disk: how LMDB is opened, written and failed. */
import { existsSync, mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { PenstockError } from "@penstock-dev/contract";
import { type Database, type Key, open, type RootDatabase } from "lmdb";
import { beginsAtNewest } from "./newest-commit.ts";
import { noteCommitting } from "./write-exit.ts";

/**
 * Processes and threads that may have one database open at once: a slot of 64 bytes each. A dead
 * process's slots are cleared when a database is opened and each time `readerCheck` runs.
 */
const READERS_MAX = 256;

/** Actions that one transaction takes: other processes that write wait for no longer than that. */
const ACTIONS_PER_COMMIT = 1000;

/**
 * Transactions one after another that may come to nothing: they find the database set back by others
 * that open it, or LMDB gives them up.
 */
const ATTEMPTS_MAX = 10;

/** With less room than this on the disk, a write that failed is taken to have failed for that. */
const ROOM_BYTES_MIN = 4 * 1024 * 1024;

/** How long to wait before trying again what a full disk refused: somebody has to free space. */
const DISK_FULL_RETRY_MS = 5000;
const UNAVAILABLE_RETRY_MS = 1000;

type Encoding = "json" | "binary" | "msgpack";

interface Waiting {
  readonly act: () => unknown;
  result: { readonly value: unknown } | { readonly thrown: unknown } | undefined;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A database on disk that several processes of this machine may share. What is written is on disk
 * before anyone sees it (`overlappingSync` off), and what is written at once shares a flush.
 */
export class DiskDatabase {
  readonly root: RootDatabase;
  readonly #path: string;
  #queue: Waiting[] = [];
  #committing: Promise<void> | undefined;

  /** @throws PenstockError `disk_full` or `storage_unavailable` */
  constructor(path: string) {
    this.#path = path;
    try {
      mkdirSync(path, { recursive: true });
      // LMDB does not survive a disk that is too full for its first pages.
      if (!existsSync(join(path, "data.mdb")) && this.#hasNoRoom()) throw new Error("ENOSPC");
      this.root = open({
        path,
        overlappingSync: false,
        noMemInit: true,
        maxDbs: 8,
        maxReaders: READERS_MAX,
        // A batch of LMDB's own making has a promise that nobody holds: a commit that fails would
        // reject it, and end the process. The queue here batches instead.
        eventTurnBatching: false,
      });
      // Opening may have set it back: to be mended before anyone reads or writes.
      this.root.transactionSync(() => beginsAtNewest(this.root, path));
    } catch (cause) {
      throw this.#errorOf(cause);
    }
  }

  /**
   * Opens a table, and makes it where it is missing.
   *
   * @throws PenstockError `disk_full` or `storage_unavailable`
   */
  table<V, K extends Key>(name: string, encoding: Encoding): Database<V, K> {
    try {
      return this.root.openDB<V, K>({ name, encoding });
    } catch (cause) {
      throw this.#errorOf(cause);
    }
  }

  /** Opens a table that another process makes; undefined where it has not yet. */
  existingTable<V, K extends Key>(name: string, encoding: Encoding): Database<V, K> | undefined {
    // The types know neither the option nor that nothing may be found.
    const options = { name, encoding, create: false };
    return this.root.openDB<V, K>(options) as Database<V, K> | undefined;
  }

  /**
   * Runs an action within a transaction that others share, and resolves once it is on disk. The
   * action is synchronous, and where it throws it has written nothing.
   *
   * @throws PenstockError `disk_full` or `storage_unavailable`; or what the action throws
   */
  write<T>(act: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({
        act,
        result: undefined,
        resolve: resolve as Waiting["resolve"],
        reject,
      });
      this.#committing ??= this.#commitAll();
    });
  }

  /**
   * What is read from now on within this turn is as new as can be. Else it may be as old as the
   * first read of some milliseconds ago, and lack what another process has written since.
   */
  refresh(): void {
    this.root.resetReadTxn();
  }

  /** Resolves once all that was to be written is, or has failed; and nothing can be read any more. */
  async close(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
    await this.root.close();
  }

  /** Commits what waits; while one commit runs, the next gathers. */
  async #commitAll(): Promise<void> {
    noteCommitting(this, true);
    while (this.#queue.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#queue.splice(0, ACTIONS_PER_COMMIT);
      await this.#commit(batch);
    }
    noteCommitting(this, false);
    this.#committing = undefined;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (await this.root.transaction(() => this.#act(batch))) break;
        if (attempt < ATTEMPTS_MAX) continue;
        throw new Error("others kept setting it back");
      } catch (caught) {
        const cause = await commitError(caught);
        if (attempt < ATTEMPTS_MAX && this.#isGivenUp(cause)) continue;
        const error = this.#errorOf(cause);
        for (const { reject } of batch) reject(error);
        return;
      }
    }
    for (const { result, resolve, reject } of batch) {
      if (result === undefined) reject(this.#errorOf("a write was not run"));
      else if ("thrown" in result) reject(this.#thrownBy(result.thrown));
      else resolve(result.value as never);
    }
  }

  /** @returns whether the transaction was one to write in */
  #act(batch: readonly Waiting[]): boolean {
    if (!beginsAtNewest(this.root, this.#path)) return false;
    for (const waiting of batch) {
      try {
        waiting.result = { value: waiting.act() };
      } catch (thrown) {
        waiting.result = { thrown };
      }
    }
    return true;
  }

  #thrownBy(caught: unknown): unknown {
    return isNative(caught) ? this.#errorOf(caught) : caught;
  }

  /** LMDB says of a disk that is full that a write was cut short: whether there is room tells more. */
  #errorOf(cause: unknown): PenstockError {
    if (cause instanceof PenstockError) return cause;
    if (/ENOSPC|EDQUOT|No space left|quota|MAP_FULL/i.test(String(cause)) || this.#isFull(cause)) {
      return new PenstockError("disk_full", `The disk that holds ${this.#path} is full.`, {
        cause,
        retryAfterMs: DISK_FULL_RETRY_MS,
      });
    }
    return new PenstockError(
      "storage_unavailable",
      `The database in ${this.#path} cannot be used: ${String(cause)}`,
      { cause, retryAfterMs: UNAVAILABLE_RETRY_MS },
    );
  }

  /**
   * Whether LMDB has given a transaction up and written nothing of it, as happens where several processes
   * write (`docs/decisions/one-writer.md`); the next transaction finds all in order.
   */
  #isGivenUp(cause: unknown): boolean {
    return /MDB_BAD_(TXN|VALSIZE)/.test(String(cause)) && !this.#hasNoRoom();
  }

  #isFull(cause: unknown): boolean {
    return /Input\/output error|EIO|MDB_BAD_TXN/i.test(String(cause)) && this.#hasNoRoom();
  }

  #hasNoRoom(): boolean {
    try {
      const { bavail, bsize } = statfsSync(this.#path);
      return bavail * bsize < ROOM_BYTES_MIN;
    } catch {
      return false;
    }
  }
}

/** LMDB's own errors carry a number. */
function isNative(caught: unknown): boolean {
  return caught instanceof Error && typeof (caught as { code?: unknown }).code === "number";
}

/** Why a commit failed: LMDB tells it by a second promise, which has to be taken. */
async function commitError(caught: unknown): Promise<unknown> {
  const { commitError: told } = Object(caught) as { readonly commitError?: Promise<never> };
  if (told === undefined) return caught;
  return await told.catch((cause: unknown) => cause);
}
