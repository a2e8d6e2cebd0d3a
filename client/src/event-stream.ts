import { type Retry, retryOf } from "@penstock-dev/contract/codes.ts";
import type { PenstockEvent } from "@penstock-dev/contract/event.ts";
import type {
  ErrorFrame,
  FilterRule,
  GapFrame,
  ServerFrame,
  Start,
} from "@penstock-dev/contract/frames.ts";
import { Backoff } from "./backoff.ts";
import { Deduplication } from "./deduplication.ts";
import { Fold } from "./fold.ts";
import type { SocketLike, StreamOptions, StreamStatus } from "./options.ts";
import { PenstockStreamError } from "./stream-error.ts";

/** What waits for the application, in the order of the stream. */
type Item<T> =
  | { readonly kind: "event"; readonly event: T }
  | { readonly kind: "cursor"; readonly cursor: string }
  | { readonly kind: "gap"; readonly gap: GapFrame };

const BUFFER_MAX = 1000;
/** Silence of so many heartbeat intervals means that the connection is dead. */
const SILENT_INTERVALS = 2.5;
/** Credentials that are refused in a row before the application is told. */
const RENEWALS_MAX = 3;

/** How a stream reaches the server. */
export interface Connector {
  readonly open: () => SocketLike;
  /** The credential of the moment. */
  readonly token: () => Promise<string | undefined>;
}

/**
 * One subscription: events to iterate over, across as many connections as it takes. It goes on where
 * the application is: a cursor counts only once every event before it was taken.
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
  #items: Item<T>[] = [];
  #taken = 0;
  #wanting: (() => void) | undefined;
  #socket: SocketLike | undefined;
  #filters: Pick<StreamOptions, "filters" | "rules">;
  /** Where a new connection begins: behind everything that was received. */
  #received: string | undefined;
  #cursor: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #heartbeatMs = 15_000;
  #lastError: ErrorFrame | undefined;
  #renewals = 0;
  #isFull = false;
  #isOver = false;
  #failure: PenstockStreamError | undefined;

  constructor(stream: string, options: StreamOptions, connector: Connector) {
    this.#stream = stream;
    this.#options = options;
    this.#connector = connector;
    this.#backoff = new Backoff(options.backoff);
    this.#filters = {
      ...(options.filters && { filters: options.filters }),
      ...(options.rules && { rules: options.rules }),
    };
    this.#fold = options.fold === true ? new Fold() : undefined;
    options.signal?.addEventListener("abort", () => this.close(), { once: true });
    if (options.signal?.aborted === true) this.#isOver = true;
    else this.#connect();
  }

  /** Where the application is: `start: { cursor }` goes on from here. Undefined before the first. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Replaces the filters from the place on where the server stands; what was folded begins anew. */
  updateFilters(filters: FilterRule | readonly FilterRule[]): void {
    this.#filters = Array.isArray(filters)
      ? { rules: filters as readonly FilterRule[] }
      : { filters: filters as FilterRule };
    this.#send({ type: "update_filters", ...this.#filters });
  }

  /** Ends the stream; the iteration ends behind what was taken. */
  close(): void {
    if (this.#isOver) return;
    this.#items = [];
    this.#finish(undefined);
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      const item = this.#items[this.#taken];
      if (item !== undefined) {
        this.#taken += 1;
        this.#makeRoom();
        if (item.kind === "event") return { done: false, value: item.event };
        if (item.kind === "cursor") this.#cursor = item.cursor;
        else this.#options.onGap?.(item.gap, this.#dropFolded(item.gap));
        continue;
      }
      if (this.#failure !== undefined) {
        const failure = this.#failure;
        this.#failure = undefined;
        throw failure;
      }
      if (this.#isOver) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wanting = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #dropFolded(gap: GapFrame): readonly string[] {
    return gap.cancels === false ? [] : (this.#fold?.drop(Object.keys(gap.from)) ?? []);
  }

  #makeRoom(): void {
    if (this.#taken < 256 && this.#taken < this.#items.length) return;
    this.#items = this.#items.slice(this.#taken);
    this.#taken = 0;
    if (this.#isFull && this.#items.length < (this.#options.bufferMax ?? BUFFER_MAX) / 2) {
      this.#isFull = false;
      this.#connect();
    }
  }

  #status(status: StreamStatus): void {
    this.#options.onStatus?.(status);
  }

  #connect(): void {
    if (this.#isOver) return;
    this.#lastError = undefined;
    this.#status({ state: "connecting", attempt: this.#backoff.attempt });
    let socket: SocketLike;
    try {
      socket = this.#connector.open();
    } catch (caught) {
      this.#retry("reconnect", caught instanceof Error ? caught.message : String(caught));
      return;
    }
    this.#socket = socket;
    socket.onopen = () => void this.#subscribe(socket);
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#receive(String(data));
    };
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#closed(code, reason);
    };
    this.#watch();
  }

  async #subscribe(socket: SocketLike): Promise<void> {
    let token: string | undefined;
    try {
      token = await this.#connector.token();
    } catch (caught) {
      this.#detach();
      this.#retry("reconnect", `no credential could be had: ${String(caught)}`);
      return;
    }
    if (this.#socket !== socket) return;
    const { start, clamp, until, whenBehind, maxEventsPerSecond, finality } = this.#options;
    const from: Start | undefined =
      this.#received === undefined ? start : { cursor: this.#received };
    this.#send({
      type: "subscribe",
      stream: this.#stream,
      ...this.#filters,
      ...(from !== undefined && { start: from }),
      ...(clamp !== undefined && { clamp }),
      ...(until !== undefined && { until }),
      ...(whenBehind !== undefined && { when_behind: whenBehind }),
      ...(maxEventsPerSecond !== undefined && { max_events_per_second: maxEventsPerSecond }),
      ...(finality !== undefined && { finality }),
      ...(token !== undefined && { api_key: token }),
    });
  }

  #send(frame: object): void {
    try {
      this.#socket?.send(JSON.stringify(frame));
    } catch {
      // A socket that is not open yet subscribes with what holds then.
    }
  }

  #receive(text: string): void {
    this.#watch();
    let frame: ServerFrame;
    try {
      frame = JSON.parse(text) as ServerFrame;
    } catch {
      this.#options.onNotice?.({
        code: "invalid_json",
        message: "The server sent a frame that is no JSON.",
      });
      return;
    }
    if ("event_type" in frame) this.#take(frame as unknown as T);
    else this.#control(frame as Exclude<ServerFrame, PenstockEvent>);
  }

  #take(event: T): void {
    if (!this.#deduplication.isNew(event.position)) return;
    if (this.#fold !== undefined && !this.#fold.takes(event)) return;
    this.#put({ kind: "event", event });
    if (this.#items.length - this.#taken < (this.#options.bufferMax ?? BUFFER_MAX)) return;
    // The application is behind: the server keeps the rest, and a new connection gets it later.
    this.#isFull = true;
    this.#detach();
  }

  #put(item: Item<T>): void {
    this.#items.push(item);
    this.#wake();
  }

  #wake(): void {
    this.#wanting?.();
    this.#wanting = undefined;
  }

  #control(frame: Exclude<ServerFrame, PenstockEvent>): void {
    switch (frame.type) {
      case "hello":
        this.#heartbeatMs = frame.heartbeat_interval_ms;
        return;
      case "subscribed":
        this.#backoff.succeeded();
        this.#renewals = 0;
        if (frame.note !== undefined) this.#fold?.clear();
        this.#mark(frame.cursor);
        this.#status({ state: "open", subscribed: frame });
        return;
      case "checkpoint":
        this.#mark(frame.cursor);
        return;
      case "caught_up":
        this.#mark(frame.cursor);
        this.#status({ state: "caught_up" });
        return;
      case "gap":
        this.#put({ kind: "gap", gap: frame });
        return;
      case "go_away":
        this.#options.onNotice?.({
          code: "go_away",
          message: "The server asks its clients to connect again.",
        });
        return;
      case "error":
        this.#lastError = frame;
        if (!frame.fatal) this.#options.onNotice?.(frame);
        return;
      default:
        return;
    }
  }

  #mark(cursor: string): void {
    this.#received = cursor;
    this.#put({ kind: "cursor", cursor });
  }

  #closed(code: number, reason: string): void {
    const error = this.#lastError?.fatal === true ? this.#lastError : undefined;
    this.#detach();
    if (code === 1000) {
      this.#finish(undefined);
      return;
    }
    const retry = retryOf(code);
    const message =
      error?.message ??
      (reason === "" ? `The connection was closed with ${code}.` : `${reason} (${code})`);
    const isRenewal = retry === "renew" && ++this.#renewals <= RENEWALS_MAX;
    if (retry === "reconnect" || retry === "wait" || isRenewal) {
      this.#retry(retry, message, error?.retry_after_ms ?? undefined);
      return;
    }
    this.#finish(
      new PenstockStreamError({
        code: error?.code ?? "closed",
        closeCode: code,
        retry,
        message,
        errors: error?.errors,
      }),
    );
  }

  #retry(_retry: Retry, reason: string, afterMs?: number): void {
    if (this.#isOver) return;
    const retryInMs = Math.max(afterMs ?? 0, this.#backoff.nextMs());
    this.#status({ state: "waiting", retryInMs, reason });
    this.#timer = setTimeout(() => this.#connect(), retryInMs);
  }

  /** A connection that says nothing for too long is given up, whatever the socket thinks. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#detach();
      this.#retry("reconnect", "The server was silent for too long.");
    }, this.#heartbeatMs * SILENT_INTERVALS);
  }

  /** Lets go of the present connection. */
  #detach(): void {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = undefined;
    try {
      socket?.close(1000);
    } catch {
      // It is closed already.
    }
  }

  #finish(failure: PenstockStreamError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    clearTimeout(this.#timer);
    this.#detach();
    this.#status({ state: "closed" });
    this.#wake();
  }
}
