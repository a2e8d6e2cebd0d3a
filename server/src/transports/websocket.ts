import type { IncomingMessage } from "node:http";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { CLOSE, PenstockError } from "@penstock-dev/contract";
import { type WebSocket, WebSocketServer } from "ws";
import type { Grant } from "../access/index.ts";
import { type Delivery, type Outlet, type PlaceRef, StreamConnection } from "../deliver/index.ts";
import type { OptionValues } from "../option.ts";
import { pingFrame, pongFrame, websocketEncoding } from "./encodings.ts";
import { FrameBudget } from "./frame-budget.ts";
import type { transportOptions } from "./options.ts";
import { PingWindow } from "./ping-window.ts";
import { SocketWriter } from "./socket-writer.ts";

export type TransportOptions = OptionValues<typeof transportOptions>;

/** The engine's side of one WebSocket. `ws` shakes hands, parses and closes; frames are ours. */
class WebSocketOutlet implements Outlet {
  readonly encoding = websocketEncoding;
  readonly #websocket: WebSocket;
  readonly #socket: Duplex;
  readonly #writer: SocketWriter;
  readonly #window: PingWindow;
  readonly #options: TransportOptions;
  /** The client's last ping, where it came while bytes waited: only the last needs its answer. */
  #pingToAnswer: Uint8Array | undefined;

  constructor(
    websocket: WebSocket,
    socket: Duplex,
    options: TransportOptions,
    drained: () => void,
  ) {
    this.#websocket = websocket;
    this.#socket = socket;
    this.#options = options;
    this.#writer = new SocketWriter(socket, () => {
      this.#answerPing();
      drained();
    });
    const { unackedBytesMin, unackedBytesMax } = options;
    this.#window = new PingWindow(unackedBytesMin, unackedBytesMax, performance.now());
  }

  room(): number {
    return this.#writer.isIdle ? this.#window.roomBytes : 0;
  }

  write(bytes: Uint8Array, place: PlaceRef): void {
    this.#window.sent(bytes.length);
    const nowMs = performance.now();
    if (!this.#window.isDue(nowMs, this.#options.pingIntervalMs)) {
      this.#writer.write(bytes);
      return;
    }
    const ping = pingFrame(this.#window.ping(place, nowMs));
    this.#socket.cork();
    this.#writer.write(bytes);
    this.#writer.write(ping);
    this.#socket.uncork();
  }

  pong(payload: string): PlaceRef | undefined {
    return this.#window.pong(payload, performance.now());
  }

  /** Answers a ping of the client's (RFC 6455 §5.5.3), at once or when what waits has left. */
  ping(payload: Uint8Array): void {
    this.#pingToAnswer = payload;
    if (this.#writer.isIdle) this.#answerPing();
  }

  #answerPing(): void {
    const payload = this.#pingToAnswer;
    this.#pingToAnswer = undefined;
    if (payload !== undefined) this.#writer.write(pongFrame(payload));
  }

  unreadMs(): number {
    return Math.max(this.#writer.waitingMs(), this.#window.unansweredMs(performance.now()));
  }

  close(code: number, reason: string, last: Uint8Array | undefined): void {
    if (code === CLOSE.unread) {
      // Nothing more gets through a stuck socket, not even a close frame.
      this.#websocket.terminate();
      return;
    }
    if (last !== undefined) this.#writer.write(last);
    this.#websocket.close(code, reason.slice(0, 120));
  }
}

/** What a WebSocket is opened for. */
export type Opening =
  /** The first frame says what is wanted. */
  | { readonly kind: "later" }
  /** The address says it; what begins the stream may fail, and the failure is told in a frame. */
  | { readonly kind: "now"; readonly begin: (connection: StreamConnection) => Promise<void> };

/** Accepts upgrades and connects them to the engine. */
export class WebSocketTransport {
  readonly #delivery: Delivery;
  readonly #options: TransportOptions;
  readonly #server: WebSocketServer;

  constructor(delivery: Delivery, options: TransportOptions) {
    this.#delivery = delivery;
    this.#options = options;
    // The library knows this option; its published types do not.
    const closing = { closeTimeout: options.closeTimeoutMs };
    this.#server = new WebSocketServer({
      ...closing,
      noServer: true,
      maxPayload: options.frameBytesMax,
      maxFragments: options.fragmentsMax,
      maxBufferedChunks: BUFFERED_CHUNKS_MAX,
      // Compression costs a window of memory for each client, and bytes that nobody can share.
      perMessageDeflate: false,
      // Pings are answered here, in their place among our own writes.
      autoPong: false,
      clientTracking: false,
    });
  }

  /** Takes over the socket of an upgrade request that was found good. */
  accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    grant: Grant,
    opening: Opening,
  ): void {
    this.#server.handleUpgrade(request, socket, head, (websocket) => {
      this.#connect(websocket, socket, grant, opening);
    });
  }

  #connect(websocket: WebSocket, socket: Duplex, grant: Grant, opening: Opening): void {
    if ("setNoDelay" in socket && typeof socket.setNoDelay === "function") socket.setNoDelay(true);
    const outlet: WebSocketOutlet = new WebSocketOutlet(websocket, socket, this.#options, () =>
      connection.ready(),
    );
    const connection: StreamConnection = new StreamConnection(this.#delivery, outlet, grant);
    const budget = new FrameBudget(this.#options.framesPerSecondMax);
    const within = (): boolean => {
      if (budget.take(performance.now())) return true;
      const { framesPerSecondMax } = this.#options;
      connection.fail(
        new PenstockError("rate_limited", `At most ${framesPerSecondMax} frames a second.`, {
          retryAfterMs: 1000,
        }),
      );
      return false;
    };
    websocket.on("message", (data: Buffer, isBinary) => {
      if (within()) connection.receive(isBinary ? BINARY : parse(data));
    });
    websocket.on("ping", (data) => {
      if (within()) outlet.ping(data);
    });
    websocket.on("pong", (data) => {
      const place = outlet.pong(data.toString("latin1"));
      if (place === undefined) {
        within();
        return;
      }
      connection.acknowledged(place.place());
      connection.ready();
    });
    // The library has sent its close frame, with the code that says what was wrong: nothing follows.
    websocket.on("error", () => connection.closed(1006));
    websocket.on("close", (code) => connection.closed(code));
    this.#begin(websocket, connection, opening);
  }

  #begin(websocket: WebSocket, connection: StreamConnection, opening: Opening): void {
    if (opening.kind === "now") {
      opening
        .begin(connection)
        .catch((caught: unknown) => connection.fail(PenstockError.from(caught)));
      return;
    }
    connection.hello();
    const { subscribeTimeoutMs } = this.#delivery.options;
    const timer = setTimeout(() => {
      if (connection.isSubscribed || connection.isOver) return;
      connection.fail(
        new PenstockError(
          "subscribe_timeout",
          `No \`subscribe\` frame came within ${subscribeTimeoutMs} ms.`,
        ),
      );
    }, subscribeTimeoutMs);
    timer.unref();
    websocket.once("close", () => clearTimeout(timer));
  }
}

/** Pieces that one frame may come in: a line that slices to single bytes carries a subscription. */
const BUFFERED_CHUNKS_MAX = 65_536;

/** Stands for a frame that cannot be read: answered like any frame that is not an object. */
const BINARY = "binary";

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString("utf8"));
  } catch {
    return undefined;
  }
}
