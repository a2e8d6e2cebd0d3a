import { setTimeout } from "node:timers/promises";
import {
  type FilterRule,
  type Finality,
  type Limits,
  PenstockError,
  type Start,
  type SubscribeRequest,
} from "@penstock-dev/contract";
import type { Grant } from "../access/index.ts";
import { type Filters, parseFilters } from "../filter/index.ts";
import type { Log } from "../log/index.ts";
import { namedStream, type Stream } from "../streams/index.ts";
import { ConnectionLog } from "./connection-log.ts";
import { Fanout } from "./fanout.ts";
import type { Peers } from "./peers.ts";
import { cursorAt } from "./place.ts";
import type { History } from "./readable-log.ts";
import type { SessionRecord, SessionStore } from "./session.ts";
import { SessionHandover } from "./session-handover.ts";
import { Sessions } from "./sessions.ts";
import { type FoundStart, findStart } from "./start.ts";
import type { StreamConnection } from "./stream-connection.ts";
import type { SessionPatch } from "./subscribe-request.ts";
import { loadTombstones } from "./tombstones.ts";
import type { DeliverOptions } from "./topic-state.ts";

/** Sessions, and the engines of the topics that they read. */
export class Delivery implements AsyncDisposable {
  readonly options: DeliverOptions;
  readonly streams: ReadonlyMap<string, Stream>;
  readonly sessions: Sessions;
  readonly now: () => number;
  /** Which connection uses which session. */
  readonly handover: SessionHandover;
  /** Every connection, subscribed or not. */
  readonly connections = new Set<StreamConnection>();
  readonly log: ConnectionLog;
  /** Closes by code. */
  readonly closes = new Map<number, number>();
  readonly #log: Log;
  readonly #fanouts: ReadonlyMap<string, Fanout>;
  #draining = false;
  /** Aborts when the last client of a server that stops has left. */
  readonly #allGone = new AbortController();

  private constructor(init: {
    readonly options: DeliverOptions;
    readonly streams: ReadonlyMap<string, Stream>;
    readonly store: SessionStore;
    readonly now: () => number;
    readonly log: Log;
    readonly peers: Peers;
    readonly fanouts: ReadonlyMap<string, Fanout>;
  }) {
    this.options = init.options;
    this.streams = init.streams;
    this.now = init.now;
    this.#log = init.log;
    this.#fanouts = init.fanouts;
    const { peers, store, options, now } = init;
    this.log = new ConnectionLog(options.logLinesPerSecondMax, now);
    this.sessions = new Sessions(peers.self, store, options, now, {
      refresh: (session) => this.handover.live.get(session.id)?.notePosition(),
      fenced: (session) => this.handover.fenced(session),
    });
    this.handover = new SessionHandover(this.sessions, peers, {
      change: (session, patch, grant) => this.change(session, patch, grant),
      end: (session) => this.end(session),
    });
  }

  /** Opens an engine for each topic that the streams serve. Their topics exist. */
  static async open(init: {
    readonly options: DeliverOptions;
    readonly streams: ReadonlyMap<string, Stream>;
    readonly store: SessionStore;
    readonly now: () => number;
    readonly log: Log;
    readonly history?: History | undefined;
    readonly peers: Peers;
  }): Promise<Delivery> {
    const fanouts = new Map<string, Fanout>();
    const { options, now, log, history } = init;
    for (const stream of init.streams.values()) {
      const topics = [stream.topic, stream.finalTopic].filter((topic) => topic !== undefined);
      // Before the deletions so far are read: one that comes meanwhile comes behind these.
      const heads = await Promise.all(topics.map((topic) => log.heads(topic)));
      const tombstones = await loadTombstones(log, stream);
      for (const [at, topic] of topics.entries()) {
        const from = heads[at] as readonly number[];
        const source = { stream, topic, log, history, tombstones, from };
        const fanout = await Fanout.open({ ...source, options, now });
        fanouts.set(fanoutKey(stream.name, topic), fanout);
      }
    }
    return new Delivery({ ...init, fanouts });
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  get fanouts(): Iterable<Fanout> {
    return this.#fanouts.values();
  }

  /** @throws PenstockError `unknown_stream`, naming those that there are */
  stream(name: string): Stream {
    return namedStream(this.streams, name);
  }

  fanout(stream: Stream, finality: Finality): Fanout {
    const topic = finality === "final" ? stream.finalTopic : stream.topic;
    const fanout =
      topic === undefined ? undefined : this.#fanouts.get(fanoutKey(stream.name, topic));
    if (fanout === undefined) {
      throw new PenstockError("invalid_request", `The stream ${stream.name} has no final form.`, {
        errors: [{ path: "/finality", message: 'must be "all" for this stream' }],
      });
    }
    return fanout;
  }

  /**
   * Checks a request and makes its session, durable once this resolves.
   *
   * @param as.connects whether a connection of this process uses it at once
   * @throws PenstockError whatever is wrong with the request, its filters or its start
   */
  async subscribe(
    request: SubscribeRequest,
    grant: Grant,
    as: { readonly connects: boolean } = { connects: false },
  ): Promise<SessionRecord> {
    if (this.#draining)
      throw new PenstockError("shutting_down", "The server is stopping.", { retryAfterMs: 1000 });
    const stream = this.streamOf(request, grant.limits);
    const finality = request.finality ?? "all";
    const fanout = this.fanout(stream, finality);
    const filters = parseFilters(stream, request, grant.limits);
    const whenBehind = request.when_behind ?? "skip";
    this.#checkPolicy(stream, whenBehind, grant.limits);
    const found = await this.#find(fanout, request.start ?? "now", request.clamp ?? false);
    if (request.until !== undefined) await this.#find(fanout, request.until, true);
    const rate = request.max_events_per_second ?? filters.maxEventsPerSecond ?? null;
    const init = {
      clientId: grant.clientId,
      stream: stream.name,
      finality,
      rules: filters.wire,
      whenBehind,
      maxEventsPerSecond: rate,
      position: cursorAt(found.clampedFrom ?? found.place, fanout.identity),
      until: request.until?.cursor,
      clamp: request.clamp ?? false,
      resumes: found.resumed,
    };
    const session = await this.sessions.create(init, as.connects);
    if (as.connects) this.handover.made(session);
    return session;
  }

  /** Finds where a session goes on. */
  async find(session: SessionRecord, start: Start): Promise<FoundStart> {
    const fanout = this.fanout(this.stream(session.stream), session.finality);
    return await this.#find(fanout, start, session.clamp);
  }

  async #find(fanout: Fanout, start: Start, clamp: boolean): Promise<FoundStart> {
    // What others have been told of is history for whoever asks for it, though it came just now.
    if (start !== "now") await fanout.refresh();
    return await findStart(start, clamp, {
      log: this.#log,
      readable: fanout.readable,
      identity: fanout.identity,
      head: fanout.head(),
      nowMs: this.now(),
    });
  }

  filtersOf(session: SessionRecord, limits: Limits): Filters {
    return parseFilters(this.stream(session.stream), rulesRequest(session.rules), limits);
  }

  /**
   * Changes a session; a connection that uses it goes on with the change where it stands.
   *
   * @returns the session as changed
   */
  async change(known: SessionRecord, patch: SessionPatch, grant: Grant): Promise<SessionRecord> {
    const request = { kind: "change", sessionId: known.id, patch, grant } as const;
    const changed = await this.handover.ask(known, request);
    if (changed !== undefined) return changed.session;
    // A connection that is about to use it has taken it as it was.
    await this.handover.settled(known.id);
    const session = this.sessions.inUse(known.id) ?? known;
    const stream = this.stream(session.stream);
    if (patch.when_behind !== undefined) this.#checkPolicy(stream, patch.when_behind, grant.limits);
    const replaced = patch.filters !== undefined || patch.rules !== undefined;
    const filters = replaced ? parseFilters(stream, patch, grant.limits) : undefined;
    if (filters !== undefined) session.rules = filters.wire;
    if (patch.when_behind !== undefined) session.whenBehind = patch.when_behind;
    const rate = patch.max_events_per_second ?? filters?.maxEventsPerSecond;
    if (rate !== undefined) session.maxEventsPerSecond = rate;
    // The client is told once the change outlives this process.
    const isStored = await this.sessions.changed(session);
    if (isStored) {
      this.handover.live.get(session.id)?.changed(filters);
      return session;
    }
    return await this.change(await this.sessions.stored(session.id), patch, grant);
  }

  /** Ends a session, and the connection that uses it. */
  async end(session: SessionRecord): Promise<void> {
    await this.handover.ask(session, { kind: "end", sessionId: session.id });
    // A connection that is about to use it must not outlive it.
    await this.handover.settled(session.id);
    const ended = new PenstockError("session_ended", "The session was ended by `DELETE`.");
    this.handover.live.get(session.id)?.fail(ended);
    await this.sessions.end(session);
  }

  /**
   * Sends everyone away, each behind a checkpoint: a few at once, many spread over half of `drain`.
   *
   * @param hurry when it aborts, all that are left go at once
   */
  async drain(hurry: AbortSignal): Promise<void> {
    this.#draining = true;
    const { drainMs, drainStepMs } = this.options;
    const signal = AbortSignal.any([hurry, this.#allGone.signal]);
    const untilMs = performance.now() + drainMs;
    // Some come while others leave, and are told as well; who comes again and again keeps nobody.
    for (let isFirst = true; isFirst || performance.now() < untilMs; isFirst = false) {
      const open = this.#present();
      if (open.length === 0) return;
      for (const connection of open) connection.goAway(drainMs);
      const stepMs = Math.min(drainStepMs, drainMs / 2 / open.length);
      let dueMs = performance.now();
      for (const connection of open) {
        if (connection.isOver) continue;
        dueMs += stepMs;
        const waitMs = dueMs - performance.now();
        if (waitMs > 1 && !signal.aborted)
          await setTimeout(waitMs, undefined, { signal }).catch(() => undefined);
        connection.shutDown();
      }
    }
  }

  #present(): StreamConnection[] {
    return [...this.connections].filter(({ isOver }) => !isOver);
  }

  /** Records that a connection was closed. */
  closed(code: number): void {
    this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
    if (this.#draining && this.connections.size === 0) this.#allGone.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of [...this.connections]) connection.shutDown();
    for (const fanout of this.#fanouts.values()) await fanout[Symbol.asyncDispose]();
    await this.sessions[Symbol.asyncDispose]();
  }

  #checkPolicy(stream: Stream, whenBehind: SessionRecord["whenBehind"], limits: Limits): void {
    if (!limits.when_behind.includes(whenBehind)) {
      throw new PenstockError(
        "forbidden",
        `\`when_behind\` may be ${limits.when_behind.join(", ")} here.`,
      );
    }
    if (whenBehind === "latest" && stream.latestBy === undefined) {
      throw new PenstockError(
        "latest_unavailable",
        `The stream ${stream.name} names no \`latest_by\`.`,
        {
          errors: [
            { path: "/when_behind", message: "must be skip, wait or disconnect for this stream" },
          ],
        },
      );
    }
  }

  /**
   * The stream that a request names, or the only one whose fields its filters could mean.
   *
   * @throws PenstockError `unknown_stream` or `invalid_request`
   */
  streamOf(
    request: Pick<SubscribeRequest, "stream" | "filters" | "rules">,
    limits: Limits,
  ): Stream {
    if (request.stream !== undefined) return this.stream(request.stream);
    const streams = [...this.streams.values()];
    const fits = streams.filter((stream) => {
      try {
        parseFilters(stream, request, limits);
        return true;
      } catch {
        return false;
      }
    });
    if (fits.length === 1) return fits[0] as Stream;
    const known = streams.map(({ name }) => name).join(", ");
    const detail =
      fits.length === 0 ? "The filters fit none of the streams" : "The filters fit several streams";
    throw new PenstockError("invalid_request", `${detail}; name one of ${known}.`, {
      errors: [{ path: "/stream", message: `must be one of ${known}` }],
    });
  }
}

/** Rules as a request has them: none at all for a session that matches everything. */
function rulesRequest(rules: readonly FilterRule[]): { readonly rules?: readonly FilterRule[] } {
  return rules.length === 0 ? {} : { rules };
}

function fanoutKey(stream: string, topic: string): string {
  return `${stream}\n${topic}`;
}
