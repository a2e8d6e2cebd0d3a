import type { PenstockEvent } from "@penstock-dev/contract/event.ts";
import type {
  ControlFrame,
  ErrorFrame,
  FilterRule,
  GoAwayFrame,
  ServerFrame,
  SubscribedFrame,
} from "@penstock-dev/contract/frames.ts";
import { Backoff } from "./backoff.ts";
import { Connection } from "./connection.ts";
import { connectionEnd } from "./connection-end.ts";
import { Deduplication } from "./deduplication.ts";
import { FilterUpdates } from "./filter-updates.ts";
import { Fold } from "./fold.ts";
import { type Item, ItemQueue } from "./item-queue.ts";
import type { SocketLike, StreamOptions, StreamStatus } from "./options.ts";
import { PenstockStreamError } from "./stream-error.ts";
import { subscribeFrame } from "./subscribe-frame.ts";

/** Credentials that are refused in a row before the application is told. */
const RENEWALS_MAX = 3;
/** Whoever moves moves within the hour. */
const JITTER_MAX_MS = 3_600_000;
/** A connection that held for so long was a success, and the next failure begins at short waits. */
const STEADY_MS = 5000;

/** How a stream reaches the server. */
export interface Connector {
  /** @param moved where the server said to go, where it did */
  readonly open: (moved: string | undefined) => SocketLike;
  /** The credential of the moment. */
  readonly token: () => Promise<string | undefined>;
  /** Whether asking for a credential again may give another. */
  readonly renews: boolean;
}

/**
 * One subscription: events to iterate over, across as many connections as it takes. It goes on where
 * the application is: a cursor counts only once every event before it was taken.
 *
 * What waits for the application is bounded. A browser cannot stop reading a WebSocket, so when the
 * bound is met the connection is closed; once most was taken, a new one goes on at the last cursor.
 */
export class EventStream<T extends PenstockEvent = PenstockEvent>
  implements AsyncIterableIterator<T>
{
  readonly #stream: string;
  readonly #options: StreamOptions;
  readonly #connector: Connector;
  readonly #backoff: Backoff;
  readonly #deduplication = new Deduplication();
  readonly #fold: Fold | undefined;
  readonly #updates: FilterUpdates;
  readonly #items: ItemQueue<T>;
  readonly #abort = () => this.close();
  #waiters: (() => void)[] = [];
  #connection: Connection | undefined;
  #isSubscribed = false;
  /** Where a new connection begins: behind everything that was received. */
  #received: string | undefined;
  #cursor: string | undefined;
  #moved: string | undefined;
  /** The next attempt to connect, or the move that the server asked for. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #steady: ReturnType<typeof setTimeout> | undefined;
  #fatal: ErrorFrame | undefined;
  #renewals = 0;
  #isPaused = false;
  #isOver = false;
  #failure: PenstockStreamError | undefined;

  /** Made by `Penstock.stream`; connects at once. */
  constructor(stream: string, options: StreamOptions, connector: Connector) {
    const { filters, rules, start, signal } = options;
    this.#stream = stream;
    this.#options = options;
    this.#connector = connector;
    this.#backoff = new Backoff(options.backoff);
    this.#items = new ItemQueue({ countMax: options.bufferMax });
    this.#updates = new FilterUpdates({ ...(filters && { filters }), ...(rules && { rules }) });
    // Whoever brings a cursor may bring what it got before it.
    const beginsWithNothing = typeof start !== "object" || !("cursor" in start);
    this.#fold = options.fold === true ? new Fold(beginsWithNothing) : undefined;
    if (signal?.aborted === true) {
      this.#isOver = true;
      return;
    }
    signal?.addEventListener("abort", this.#abort, { once: true });
    void this.#connect();
  }

  /**
   * Where the application is: `start: { cursor }` goes on behind the last event that it took and came
   * back from. Undefined before the first.
   */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /**
   * Replaces the filters from the place on where the server stands; what was folded begins anew
   * there, and `onFilters` tells when the application gets there. Resolves when the server took them.
   *
   * @throws PenstockStreamError where the server refuses them (the old ones stay), or the stream ends
   */
  updateFilters(filters: FilterRule | readonly FilterRule[]): Promise<void> {
    const isIdle = this.#updates.next === undefined;
    const taken = this.#updates.add(
      Array.isArray(filters)
        ? { rules: filters as readonly FilterRule[] }
        : { filters: filters as FilterRule },
    );
    if (this.#isOver) this.#updates.end(ended("closed", "The stream has ended."));
    else if (isIdle) this.#sendUpdate();
    return taken;
  }

  /** Ends the stream and its iteration; what waits is not given any more. */
  close(): void {
    this.#items.clear();
    this.#finish(undefined);
  }

  /** The next event. @throws PenstockStreamError once, where the stream ended for good */
  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const item = this.#items.take();
      if (item !== undefined) {
        this.#goOn();
        if (item.kind === "event") return { done: false, value: item.event };
        this.#pass(item);
        continue;
      }
      if (this.#failure !== undefined) {
        const failure = this.#failure;
        this.#failure = undefined;
        throw failure;
      }
      if (this.#isOver) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** What leaving `for await` calls: closes the stream. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** What leaving the scope of `await using` calls: closes the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** The application has come to a place between events. */
  #pass(item: Exclude<Item<T>, { readonly kind: "event" }>): void {
    try {
      if (item.kind === "cursor") this.#cursor = item.cursor;
      else if (item.kind === "gap") this.#options.onGap?.(item.gap, item.dropped);
      else this.#options.onFilters?.(item.subscribed, item.dropped);
    } catch (caught) {
      // The iteration ends with what the application threw, and nobody calls `return` then.
      this.close();
      throw caught;
    }
  }

  #put(item: Item<T>, size: number): void {
    // The application may have closed the stream as it was told of the same frame.
    if (this.#isOver) return;
    this.#items.put(item, size);
    // Whoever waits for this one keeps up, however little may wait.
    if (this.#wake()) return;
    // At a cursor nothing comes twice, so that is where to stop if the bound is near.
    if (this.#items.fills(item.kind === "cursor" ? 0.5 : 1)) this.#pause();
  }

  #pause(): void {
    if (this.#isPaused || this.#isOver) return;
    this.#isPaused = true;
    this.#leave();
    this.#tell({ state: "paused" });
  }

  #goOn(): void {
    if (!this.#isPaused || this.#items.fills(0.25)) return;
    this.#isPaused = false;
    void this.#connect();
  }

  /** Returns whether the application was waiting. */
  #wake(): boolean {
    const waiters = this.#waiters.splice(0);
    for (const waiter of waiters) waiter();
    return waiters.length > 0;
  }

  /** What a callback throws is its application's: it surfaces there, and breaks nothing here. */
  #tell(status: StreamStatus): void {
    outside(() => this.#options.onStatus?.(status));
  }

  #notice(code: string, message: string): void {
    outside(() => this.#options.onNotice?.({ code, message }));
  }

  async #connect(): Promise<void> {
    if (this.#isOver || this.#isPaused) return;
    this.#fatal = undefined;
    this.#tell({ state: "connecting", attempt: this.#backoff.attempt });
    if (this.#isOver) return;
    let token: string | undefined;
    try {
      // First of all: a server gives a socket up that does not subscribe in time.
      token = await this.#connector.token();
    } catch (caught) {
      this.#retry(`No credential could be had: ${String(caught)}`, undefined);
      return;
    }
    if (!this.#isOver) this.#open(token);
  }

  #open(token: string | undefined): void {
    try {
      this.#connection = new Connection(() => this.#connector.open(this.#moved), {
        opened: (connection) => this.#subscribe(connection, token),
        frame: (frame, size) => this.#receive(frame, size),
        unreadable: () =>
          this.#notice("invalid_json", "The server sent something that is no frame."),
        ended: (code, reason) => this.#ended(code, reason),
      });
    } catch (caught) {
      // No WebSocket can have this address: that does not change by waiting.
      this.#finish(ended("closed", String(caught), caught));
    }
  }

  #subscribe(connection: Connection, token: string | undefined): void {
    connection.send(
      subscribeFrame(this.#stream, this.#options, this.#updates.inForce, this.#received, token),
    );
  }

  #sendUpdate(): void {
    const next = this.#updates.next;
    if (next !== undefined && this.#isSubscribed)
      this.#connection?.send({ type: "update_filters", ...next });
  }

  #receive(frame: ServerFrame, size: number): void {
    if ("event_type" in frame) this.#take(frame as T, size);
    else this.#control(frame as ControlFrame, size);
  }

  #take(event: T, size: number): void {
    if (!this.#deduplication.isNew(event.position)) return;
    if (this.#fold !== undefined && !this.#fold.takes(event)) return;
    this.#put({ kind: "event", event }, size);
  }

  #control(frame: ControlFrame, size: number): void {
    if (frame.type === "subscribed") this.#subscribed(frame, size);
    else if (frame.type === "checkpoint") this.#mark(frame.cursor, size);
    else if (frame.type === "caught_up") {
      this.#tell({ state: "caught_up" });
      this.#mark(frame.cursor, size);
    } else if (frame.type === "gap") {
      const drops = frame.cancels !== false;
      const dropped = (drops && this.#fold?.drop(Object.keys(frame.from))) || [];
      this.#put({ kind: "gap", gap: frame, dropped }, size);
    } else if (frame.type === "error") this.#refused(frame);
    else if (frame.type === "go_away") this.#goAway(frame);
    else if (frame.type === "auth_expiring") void this.#renew();
  }

  #subscribed(frame: SubscribedFrame, size: number): void {
    const isChange = this.#isSubscribed;
    this.#isSubscribed = true;
    this.#renewals = 0;
    if (isChange) {
      // Another one on the same connection: the filters were changed, by us or over HTTP.
      this.#updates.taken();
      const dropped = this.#fold?.clear() ?? [];
      this.#put({ kind: "filters", subscribed: frame, dropped }, size);
    }
    this.#mark(frame.cursor, size);
    // Where that filled the buffer, the connection is left already.
    if (!this.#isSubscribed) return;
    this.#steady ??= setTimeout(() => this.#backoff.succeeded(), STEADY_MS);
    // Before it is told: what the application changes then is sent by itself.
    this.#sendUpdate();
    this.#tell({ state: "open", subscribed: frame });
  }

  #mark(cursor: string, size: number): void {
    this.#received = cursor;
    this.#put({ kind: "cursor", cursor }, size);
  }

  #refused(frame: ErrorFrame): void {
    if (frame.fatal) {
      this.#fatal = frame;
      return;
    }
    this.#notice(frame.code, frame.message);
    if (!this.#isSubscribed) return;
    const { code, message, errors } = frame;
    this.#updates.refused(new PenstockStreamError({ code, retry: "never", message, errors }));
    this.#sendUpdate();
  }

  /** Without another address the server closes each connection in its turn, and that is soon enough. */
  #goAway({ url, jitter_ms }: GoAwayFrame): void {
    this.#notice("go_away", "The server asks its clients to connect again.");
    if (typeof url !== "string") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#moved = url;
        this.#leave();
        void this.#connect();
      },
      Math.min(JITTER_MAX_MS, Math.max(0, Number(jitter_ms) || 0)) * this.#backoff.random(),
    );
  }

  async #renew(): Promise<void> {
    const connection = this.#connection;
    try {
      const token = await this.#connector.token();
      if (token !== undefined) connection?.send({ type: "auth", token });
    } catch (caught) {
      this.#notice("unauthorized", `No credential could be had: ${String(caught)}`);
    }
  }

  #ended(code: number, reason: string): void {
    const fatal = this.#fatal;
    this.#leave();
    if (code === 1000 && this.#options.until !== undefined) {
      this.#finish(undefined);
      return;
    }
    const error = connectionEnd(code, reason, fatal);
    const { retry } = error;
    const mayRenew = this.#connector.renews || error.code.startsWith("session");
    const isRenewal = retry === "renew" && mayRenew && ++this.#renewals <= RENEWALS_MAX;
    if (retry === "reconnect" || retry === "wait" || isRenewal)
      this.#retry(error.message, fatal?.retry_after_ms ?? undefined);
    else this.#finish(error);
  }

  #retry(reason: string, afterMs: number | undefined): void {
    if (this.#isOver) return;
    // An address that the server gave is tried once; the configured one is where to begin again.
    this.#moved = undefined;
    const retryInMs = (afterMs ?? 0) + this.#backoff.nextMs();
    this.#timer = setTimeout(() => void this.#connect(), retryInMs);
    this.#tell({ state: "waiting", retryInMs, reason });
  }

  /** Lets go of the present connection. */
  #leave(): void {
    clearTimeout(this.#steady);
    clearTimeout(this.#timer);
    this.#steady = undefined;
    this.#isSubscribed = false;
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  #finish(failure: PenstockStreamError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#leave();
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#updates.end(failure ?? ended("closed", "The stream has ended."));
    this.#tell({ state: "closed" });
    this.#wake();
  }
}

function ended(code: string, message: string, cause?: unknown): PenstockStreamError {
  return new PenstockStreamError({ code, retry: "never", message, cause });
}

function outside(callback: () => void): void {
  try {
    callback();
  } catch (caught) {
    queueMicrotask(() => {
      throw caught;
    });
  }
}
