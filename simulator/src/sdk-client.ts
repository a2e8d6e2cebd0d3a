import { type EventStream, Penstock, type PenstockEvent } from "@penstock-dev/client";
import { WebSocket } from "ws";
import type { NaiveRule } from "./naive-matcher.ts";
import { Recording, type SharedSight } from "./recording.ts";

/** A client that uses the SDK as an application would, and keeps what holds. */
export class SdkClient {
  readonly filter: number;
  readonly stream: string;
  /** Ids of what holds, by the SDK's fold. */
  readonly held = new Set<string>();
  readonly problems: string[] = [];
  /** The frames that the SDK got, for the judge. */
  readonly recording: Recording;
  cuts = 0;
  events = 0;
  readonly #rules: readonly NaiveRule[];
  readonly #sight: SharedSight;
  readonly #base: () => string;
  readonly #abort = new AbortController();
  #socket: WebSocket | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #seen = new Set<string>();
  #events: EventStream | undefined;

  constructor(init: {
    readonly stream: string;
    readonly filter: number;
    readonly rules: readonly NaiveRule[];
    readonly base: () => string;
    readonly sight: SharedSight;
    readonly filterOf: (rules: string) => number | undefined;
  }) {
    this.recording = new Recording(`${init.stream}.enriched`, init.sight, init.filterOf);
    this.#sight = init.sight;
    this.stream = init.stream;
    this.filter = init.filter;
    this.#rules = init.rules;
    this.#base = init.base;
  }

  start(): void {
    const penstock = new Penstock({
      url: this.#base(),
      webSocket: (url) => {
        const begunTick = this.#sight.tick();
        const socket = new WebSocket(url);
        socket.on("open", () => this.recording.opened(begunTick));
        socket.on("message", (data) => {
          if (this.#socket === socket) this.recording.frame(String(data));
        });
        socket.on("error", () => undefined);
        this.#socket = socket;
        return socket as never;
      },
    });
    const events = penstock.stream(this.stream, {
      ...(this.#rules.length === 0 ? {} : { rules: this.#rules as never }),
      start: "earliest",
      whenBehind: "wait",
      fold: true,
      signal: this.#abort.signal,
      backoff: { baseMs: 10, maxMs: 50 },
    });
    this.#events = events;
    this.#running = this.#follow(events);
  }

  async #follow(events: AsyncIterable<PenstockEvent>): Promise<void> {
    try {
      for await (const event of events) this.#take(event);
    } catch (caught) {
      this.problems.push(`the SDK gave up: ${String(caught)}`);
    }
  }

  #take(event: PenstockEvent): void {
    this.events += 1;
    if (this.#seen.has(event.position)) this.problems.push(`${event.position} was given twice`);
    this.#seen.add(event.position);
    if (event.removed === true || event.event_type === "delete") this.held.delete(event.id);
    else if (event.event_type !== "reorg") this.held.add(event.id);
  }

  /** Where the application stands, as a cursor; undefined before the first. */
  get cursor(): string | undefined {
    return this.#events?.cursor;
  }

  cut(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.cuts += 1;
    this.#socket.terminate();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }
}
