import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { PenstockError } from "@penstock-dev/contract";
import { type WebSocket, WebSocketServer } from "ws";
import type { Grant } from "../access/index.ts";
import { type Delivery, type Outlet, type PlaceRef, StreamConnection } from "../deliver/index.ts";
import type { OptionValues } from "../option.ts";
import { pingFrame, websocketEncoding } from "./encodings.ts";
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

  constructor(
    websocket: WebSocket,
    socket: Duplex,
    options: TransportOptions,
    drained: () => void,
  ) {
    this.#websocket = websocket;
    this.#socket = socket;
    this.#options = options;
    this.#writer = new SocketWriter(socket, drained);
    this.#window = new PingWindow(options.unackedBytesMin, options.unackedBytesMax, Date.now());
  }

  room(): number {
    return this.#writer.isIdle ? this.#window.roomBytes : 0;
  }

  write(bytes: Uint8Array, place: PlaceRef): void {
    this.#window.sent(bytes.length);
    const nowMs = Date.now();
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
    return this.#window.pong(payload, Date.now());
  }

  unreadMs(nowMs: number): number {
    return Math.max(this.#writer.waitingMs(nowMs), this.#window.unansweredMs(nowMs));
  }

  close(code: number, reason: string, last: Uint8Array | undefined): void {
    if (!this.#writer.isIdle) {
      // Nothing more gets through a stuck socket, not even a close frame.
      this.#websocket.terminate();
      return;
    }
    if (last !== undefined) this.#writer.write(last);
    this.#websocket.close(code, reason.slice(0, 120));
    const timer = setTimeout(() => this.#websocket.terminate(), this.#options.closeTimeoutMs);
    timer.unref();
    this.#websocket.once("close", () => clearTimeout(timer));
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
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.frameBytesMax,
      perMessageDeflate: false,
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
    const outlet: WebSocketOutlet = new WebSocketOutlet(websocket, socket, this.#options, () =>
      connection.ready(),
    );
    const connection: StreamConnection = new StreamConnection(this.#delivery, outlet, grant);
    const budget = new FrameBudget(this.#options.framesPerSecondMax);
    websocket.on("message", (data: Buffer, isBinary) => {
      if (!budget.take(Date.now())) {
        connection.fail(
          new PenstockError(
            "rate_limited",
            `At most ${this.#options.framesPerSecondMax} frames a second.`,
            { retryAfterMs: 1000 },
          ),
        );
      } else {
        connection.receive(isBinary ? BINARY : parse(data));
      }
    });
    websocket.on("pong", (data) => {
      const place = outlet.pong(data.toString("latin1"));
      if (place === undefined) return;
      connection.acknowledged(place.place());
      connection.ready();
    });
    websocket.on("error", () => websocket.terminate());
    websocket.on("close", (code) => connection.closed(code));
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
  }
}

/** Stands for a frame that cannot be read: answered like any frame that is not an object. */
const BINARY = "binary";

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString("utf8"));
  } catch {
    return undefined;
  }
}
