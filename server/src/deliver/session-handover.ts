import type { HeldSession, PeerRequest, Peers } from "./peers.ts";
import { LOST_CODE, type SessionRecord } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type { StreamConnection } from "./stream-connection.ts";

/** A connection that is about to use a session. */
interface Opening {
  readonly connection: StreamConnection;
  /** What it claimed the session at, once it has; what failed claimed nothing. */
  readonly epoch: number | Promise<number>;
}

type Change = Extract<PeerRequest, { readonly kind: "change" }>;

/** What other processes may want done with a session that is connected here. */
interface HandoverPort {
  change(session: SessionRecord, patch: Change["patch"], grant: Change["grant"]): Promise<unknown>;
  end(session: SessionRecord): Promise<void>;
}

/**
 * Which connection uses a session: one at a time, and the newest of those that want it, whichever of
 * a server's processes each is in. A session goes from one to the next as whoever had it last knows it.
 */
export class SessionHandover {
  /** The connections of this process that use a session, by its id. */
  readonly live = new Map<string, StreamConnection>();
  /** Connections that are about to use a session, until they do or have failed. */
  readonly #opening = new Map<string, Opening>();
  /** Sessions that were made for a connection of this process: nobody else knows them yet. */
  readonly #fresh = new WeakSet<SessionRecord>();
  readonly #sessions: Sessions;
  readonly #peers: Peers;
  readonly #port: HandoverPort;

  constructor(sessions: Sessions, peers: Peers, port: HandoverPort) {
    this.#sessions = sessions;
    this.#peers = peers;
    this.#port = port;
    peers.serve((request) => this.#answer(request));
  }

  /** The session was made for a connection of this process, which need not claim it. */
  made(session: SessionRecord): void {
    this.#fresh.add(session);
  }

  /** The connection that a session was made for is gone before it could use it. */
  unused(session: SessionRecord): void {
    if (this.#fresh.delete(session)) void this.#sessions.disconnected(session, LOST_CODE);
  }

  /**
   * Makes a connection the only one that may use a session. Whatever comes of it, `opened` is due.
   *
   * @returns the session as whoever used it last knows it
   * @throws PenstockError `session_not_found` where it has ended meanwhile
   */
  async claim(session: SessionRecord, connection: StreamConnection): Promise<SessionRecord> {
    const { id } = session;
    const before = this.#opening.get(id);
    before?.connection.takenOver();
    if (this.#fresh.delete(session)) {
      this.#opening.set(id, { connection, epoch: session.epoch });
      return session;
    }
    this.live.get(id)?.notePosition();
    // The later of two must have the later epoch, or it would be fenced off by the one that it replaced.
    const claiming = Promise.resolve(before?.epoch).then(() => this.#sessions.claim(id));
    const epoch = claiming.then(
      (claimed) => claimed.session.epoch,
      () => Number.NEGATIVE_INFINITY,
    );
    this.#opening.set(id, { connection, epoch });
    const { session: stored, previous } = await claiming;
    const elsewhere = previous !== undefined && previous !== this.#peers.self;
    const release = { kind: "release", sessionId: id, epoch: stored.epoch } as const;
    // It is claimed whatever the other process says, or does not say.
    const held = elsewhere
      ? (await this.#peers.ask(previous, release).catch(() => undefined))?.session
      : this.#sessions.held(id);
    // Where its client stands is stored only now and then, and a change may be on its way there.
    if (held === undefined || held.epoch !== stored.epoch - 1) return stored;
    return { ...held, holder: stored.holder, epoch: stored.epoch, expiresAtMs: undefined };
  }

  /** A connection uses the session that it has claimed, and no other one does any more. */
  begin(session: SessionRecord, connection: StreamConnection): void {
    const before = this.live.get(session.id);
    this.live.set(session.id, connection);
    if (before?.session !== undefined) this.#sessions.release(before.session);
    before?.takenOver();
    this.#sessions.connected(session);
  }

  /**
   * A connection that claimed a session uses it, or never will.
   *
   * @param claimed undefined where it could not claim it
   */
  opened(id: string, claimed: SessionRecord | undefined, connection: StreamConnection): void {
    if (this.#opening.get(id)?.connection !== connection) return;
    this.#opening.delete(id);
    // One that has begun has been stored by `left`, should it be gone again.
    if (claimed === undefined || connection.session === claimed) return;
    const user = this.live.get(id)?.session;
    if (user === undefined) {
      void this.#sessions.disconnected(claimed, LOST_CODE);
    } else {
      // Whoever used it before goes on with it, and what it stores must count.
      user.epoch = claimed.epoch;
      this.#sessions.touch(user);
    }
  }

  /** A connection is gone; what it knows of the session is stored, unless another one uses it. */
  left(session: SessionRecord, connection: StreamConnection, code: number): void {
    if (this.live.get(session.id) !== connection) return;
    this.live.delete(session.id);
    void this.#sessions.disconnected(session, code);
  }

  /** A later connection, of another process, has claimed the session. */
  fenced(session: SessionRecord): void {
    const connection = this.live.get(session.id);
    if (connection?.session !== session) return;
    this.live.delete(session.id);
    connection.takenOver();
  }

  /** Resolves when no connection of this process is about to use a session. */
  async settled(id: string): Promise<void> {
    await this.#opening.get(id)?.connection.settled;
  }

  /** A session with what holds it back, as the process knows that it is connected to. */
  async look(session: SessionRecord): Promise<HeldSession> {
    const connection = this.live.get(session.id);
    if (connection !== undefined) {
      connection.notePosition();
      return { session, lag: connection.lag() };
    }
    const request = { kind: "look", sessionId: session.id } as const;
    return (await this.ask(session, request)) ?? { session, lag: undefined };
  }

  /** Asks the other process that a session is connected to, where there is one. */
  async ask(session: SessionRecord, request: PeerRequest): Promise<HeldSession | undefined> {
    const { holder, expiresAtMs } = session;
    if (holder === undefined || holder === this.#peers.self || expiresAtMs !== undefined)
      return undefined;
    return await this.#peers.ask(holder, request);
  }

  /** Does what another process asks with a session that is connected here. */
  async #answer(request: PeerRequest): Promise<HeldSession | undefined> {
    const { sessionId } = request;
    if (request.kind !== "release") await this.settled(sessionId);
    else if (!(await this.#giveUpOpening(sessionId, request.epoch))) return undefined;
    const connection = this.live.get(sessionId);
    const session = this.#sessions.held(sessionId);
    if (session === undefined) return undefined;
    if (request.kind === "release" && session.epoch > request.epoch) return undefined;
    connection?.notePosition();
    const lag = connection?.lag();
    switch (request.kind) {
      case "look":
        break;
      case "change":
        await this.#port.change(session, request.patch, request.grant);
        break;
      case "release":
        this.live.delete(sessionId);
        this.#sessions.release(session);
        connection?.takenOver();
        break;
      case "end":
        await this.#port.end(session);
        break;
    }
    return { session, lag };
  }

  /** @returns false where a connection of this process has claimed the session behind that epoch */
  async #giveUpOpening(sessionId: string, epoch: number): Promise<boolean> {
    const opening = this.#opening.get(sessionId);
    if (opening === undefined) return true;
    // What is asked may come behind a claim of this process that came behind it.
    if ((await opening.epoch) > epoch) return false;
    opening.connection.takenOver();
    return true;
  }
}
