import type { Finality, Start, WhenBehind } from "@penstock-dev/contract";
import { type Connection, openConnection, type TransportName } from "./connection.ts";
import type { NaiveRule } from "./naive-matcher.ts";
import type { Random } from "./random.ts";
import { Recording, type SharedSight } from "./recording.ts";

/** What one client of the swarm wants, and how it goes about it. */
export interface ClientPlan {
  readonly number: number;
  readonly stream: string;
  readonly finality: Finality;
  readonly transport: TransportName;
  /** How it says where it stands when it comes back. */
  readonly resumeBy: "cursor" | "session";
  readonly start: Start;
  readonly whenBehind: WhenBehind;
  readonly maxEventsPerSecond: number | undefined;
  /** Which of the swarm's filters it begins with. */
  readonly filter: number;
}

/** A filter of the swarm. */
export type SwarmFilter = readonly NaiveRule[];

const RECONNECT_MS = { from: 1, to: 40 };

/** One client: connects, writes down what it gets, and comes back whenever it is cut off. */
export class SwarmClient {
  readonly plan: ClientPlan;
  readonly recording: Recording;
  cuts = 0;
  updates = 0;
  takeOvers = 0;
  readonly #base: () => string;
  readonly #filters: readonly SwarmFilter[];
  readonly #random: Random;
  readonly #sight: SharedSight;
  #connection: Connection | undefined;
  /** A second connection, whose frames wait until the server has closed the first. */
  #successor: { readonly connection: Connection; readonly heard: (() => void)[] } | undefined;
  #session: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #updating = false;

  constructor(init: {
    readonly plan: ClientPlan;
    readonly topic: string;
    readonly sight: SharedSight;
    readonly filters: readonly SwarmFilter[];
    readonly filterOf: (rules: string) => number | undefined;
    readonly random: Random;
    /** The address of the server, which changes when it starts again. */
    readonly base: () => string;
  }) {
    this.plan = init.plan;
    this.recording = new Recording(init.topic, init.sight, init.filterOf);
    this.#base = init.base;
    this.#filters = init.filters;
    this.#random = init.random;
    this.#sight = init.sight;
  }

  /** Creates the session, which must succeed, and connects. */
  async start(): Promise<void> {
    const { stream, finality, start, whenBehind, maxEventsPerSecond, filter } = this.plan;
    const rules = this.#filters[filter] ?? [];
    const response = await fetch(`${this.#base()}/v1/stream/subscribe`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        stream,
        finality,
        start,
        when_behind: whenBehind,
        ...(rules.length === 0 ? {} : { rules }),
        ...(maxEventsPerSecond === undefined ? {} : { max_events_per_second: maxEventsPerSecond }),
      }),
    });
    const answer = (await response.json()) as { session_id?: string };
    if (response.status !== 201) {
      throw new Error(`a session was refused with ${response.status}: ${JSON.stringify(answer)}`);
    }
    this.#session = answer.session_id;
    this.#connect();
  }

  /** Cuts the connection; the client comes back by itself. */
  cut(): void {
    if (this.#connection === undefined) return;
    this.cuts += 1;
    this.recording.cutting();
    this.#connection.cut();
  }

  /** Does not read for a while. */
  pause(ms: number): void {
    const connection = this.#connection;
    connection?.pause();
    setTimeout(() => connection?.resume(), ms);
  }

  /** Asks for another of the swarm's filters, by a frame or over HTTP. */
  async update(filter: number): Promise<void> {
    if (this.#updating || this.#session === undefined) return;
    this.#updating = true;
    this.updates += 1;
    const rules = this.#filters[filter] ?? [];
    const body = rules.length === 0 ? { filters: {} } : { rules };
    try {
      if (this.#connection?.send({ type: "update_filters", ...body }) === true) return;
      await fetch(`${this.#base()}/v1/stream/subscribe/${this.#session}`, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    } catch {
      // The server is away: whichever filter is in force, `subscribed` names it.
    } finally {
      this.#updating = false;
    }
  }

  /** Connects a second time: the server closes the first connection. */
  takeOver(): void {
    if (this.#connection === undefined || this.#successor !== undefined) return;
    this.takeOvers += 1;
    const heard: (() => void)[] = [];
    const connection: Connection = this.#open((hear) => {
      if (this.#connection === connection) hear();
      else heard.push(hear);
    });
    this.#successor = { connection, heard };
  }

  /** Whether the client has come to a place, as far as it knows. */
  hasReached(target: readonly number[]): boolean {
    const { reached } = this.recording;
    return target.every((offset, partition) => (reached[partition] ?? 0) >= offset);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#connection?.cut();
    this.#successor?.connection.cut();
  }

  #connect(): void {
    if (this.#stopped) return;
    const connection: Connection = this.#open((hear) => {
      if (this.#connection === connection) hear();
    });
    this.#connection = connection;
  }

  /** @param when runs what was heard at once or later: what comes of one connection stays together */
  #open(when: (hear: () => void) => void): Connection {
    const { transport, resumeBy } = this.plan;
    const { cursor } = this.recording;
    const query = resumeBy === "cursor" && cursor !== undefined ? `?cursor=${cursor}` : "";
    const path = `/v1/stream/${this.#session}`;
    const begunTick = this.#sight.tick();
    return openConnection(
      transport,
      this.#base(),
      { socket: `${path}${query}`, events: `${path}/events${query}` },
      {
        opened: () => when(() => this.recording.opened(begunTick)),
        frame: (text) => when(() => this.recording.frame(text)),
        closed: (code) => when(() => this.#closed(code)),
      },
    );
  }

  #closed(code: number): void {
    if (this.#stopped) return;
    this.recording.closed(code);
    this.#connection = undefined;
    const successor = this.#successor;
    if (successor !== undefined) {
      this.#successor = undefined;
      this.#connection = successor.connection;
      for (const hear of successor.heard) if (this.#connection === successor.connection) hear();
      return;
    }
    const delayMs = this.#random.integer(RECONNECT_MS.from, RECONNECT_MS.to);
    this.#timer = setTimeout(() => this.#connect(), delayMs);
  }
}
