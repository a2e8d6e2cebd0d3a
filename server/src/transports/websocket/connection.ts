import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import { CLOSE, PenstockError } from "@penstock-dev/contract";
import type { Grant } from "../../access/index.ts";
import {
  type Delivery,
  type Encoding,
  LOST_CODE,
  type Outlet,
  type PlaceRef,
  StreamConnection,
} from "../../deliver/index.ts";
import type { CoarseClock } from "../coarse-clock.ts";
import { takeFrame } from "../frame-budget.ts";
import type { TransportOptions } from "../options.ts";
import { PingWindow } from "../ping-window.ts";
import { type DrainListener, SocketWriter } from "../socket-writer.ts";
import { BrokenFrame, NO_CODE } from "./close-code.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { closeFrame, numberedPing, pongFrame } from "./frames.ts";

/** What all WebSockets of a server share. */
export interface WebSocketShared {
  readonly delivery: Delivery;
  readonly options: TransportOptions;
  readonly clock: CoarseClock;
}

/** How a WebSocket is opened. */
export interface WebSocketInit {
  readonly socket: Duplex;
  readonly grant: Grant;
  readonly encoding: Encoding;
  /** Whether the client may compress what it sends. */
  readonly compression: boolean;
}

/** Stands for a frame that cannot be read: answered like any frame that is not an object. */
const BINARY = "binary";

/**
 * One WebSocket behind its handshake: reads the client's frames, hands whole ones out, and closes.
 *
 * A hundred thousand of them stand idle, so it is one object with its reader, its writer and its
 * window: no closure, no timer and no buffer is kept for a connection on which nothing happens.
 */
export class WebSocketConnection implements Outlet, FrameSink, DrainListener {
  readonly encoding: Encoding;
  readonly stream: StreamConnection;
  readonly #shared: WebSocketShared;
  readonly #socket: Duplex;
  readonly #reader: FrameReader;
  readonly #writer: SocketWriter;
  readonly #window: PingWindow;
  /** No close frame was sent: frames may be. */
  #open = true;
  #frameDueMs = 0;
  /** The client's last ping, where it came while bytes waited: only the last needs its answer. */
  #pingToAnswer: Uint8Array | undefined;
  /** Until the first subscription, and again while closing. */
  #timer: NodeJS.Timeout | undefined;

  constructor(shared: WebSocketShared, init: WebSocketInit) {
    this.#shared = shared;
    this.#socket = init.socket;
    this.encoding = init.encoding;
    this.#reader = new FrameReader(this, shared.options, init.compression);
    this.#writer = new SocketWriter(init.socket, this);
    this.#window = new PingWindow(shared.options, shared.clock.nowMs);
    this.stream = new StreamConnection(shared.delivery, this, init.grant);
    attach(init.socket, this);
  }

  /** Says hello, and ends the connection unless it subscribes in time. */
  awaitSubscription(timeoutMs: number): void {
    this.stream.hello();
    this.#timer = setTimeout(failUnlessSubscribed, timeoutMs, this, timeoutMs);
    this.#timer.unref();
  }

  /** Takes bytes of the client. */
  received(piece: Buffer): void {
    try {
      this.#reader.feed(piece);
    } catch (caught) {
      if (!(caught instanceof BrokenFrame)) throw caught;
      // The close frame says what was wrong, and is the last that the client gets.
      this.stream.closed(LOST_CODE);
      this.#sendClose(caught.code, caught.message);
      this.#end();
    }
  }

  text(text: string): void {
    if (this.#within(text.length)) this.stream.receive(parse(text));
  }

  binary(): void {
    if (this.#within()) this.stream.receive(BINARY);
  }

  /** Answers a ping of the client's (RFC 6455 §5.5.3), at once or when what waits has left. */
  ping(payload: Buffer): void {
    if (!this.#within()) return;
    this.#pingToAnswer = payload;
    if (this.#writer.isIdle) this.#answerPing();
  }

  pong(payload: Buffer): void {
    const text = payload.toString("latin1");
    const place = this.#window.pong(text, Math.floor(performance.now()));
    if (place === undefined) {
      this.#within();
      return;
    }
    this.stream.acknowledged(place.place());
    this.stream.ready();
  }

  /** The client closes, or answers our closing. */
  closeFrame(code: number, reason: string): void {
    this.stream.closed(code);
    this.#sendClose(code === NO_CODE ? undefined : code, reason);
    this.#end();
  }

  drained(): void {
    this.#answerPing();
    this.stream.ready();
  }

  room(): number {
    return this.#open && this.#writer.isIdle ? this.#window.roomBytes : 0;
  }

  write(bytes: Uint8Array, place: PlaceRef): void {
    if (!this.#open) return;
    const due = this.#window.sent(bytes.length);
    const { clock, options } = this.#shared;
    if (due || clock.nowMs - this.#window.lastPingMs >= options.pingIntervalMs) {
      const number = this.#window.ping(place, Math.floor(performance.now()));
      this.#writer.writeTogether(bytes, numberedPing(number));
    } else {
      this.#writer.write(bytes);
    }
  }

  unreadMs(): number {
    return Math.max(this.#writer.waitingMs(), this.#window.unansweredMs(performance.now()));
  }

  close(code: number, reason: string, last: Uint8Array | undefined): void {
    if (code === CLOSE.unread) {
      // Nothing more gets through a stuck socket, not even a close frame.
      this.cut();
      return;
    }
    if (this.#open && last !== undefined) this.#writer.write(last);
    this.#sendClose(code, reason);
    this.#cutLater();
  }

  /** Ends the connection whatever waits in it. */
  cut(): void {
    this.#open = false;
    this.#socket.destroy();
  }

  /** The client sends nothing more. */
  ended(): void {
    this.stream.closed(LOST_CODE);
    this.#end();
  }

  /** The socket is gone. */
  gone(): void {
    this.#open = false;
    clearTimeout(this.#timer);
    this.stream.closed(LOST_CODE);
  }

  /** @param bytes of what the client said */
  #within(bytes = 0): boolean {
    const { framesPerSecondMax } = this.#shared.options;
    const due = takeFrame(this.#frameDueMs, performance.now(), framesPerSecondMax, bytes);
    if (due !== undefined) {
      this.#frameDueMs = due;
      return true;
    }
    this.stream.fail(
      new PenstockError("rate_limited", `At most ${framesPerSecondMax} frames a second.`, {
        retryAfterMs: 1000,
      }),
    );
    return false;
  }

  #answerPing(): void {
    const payload = this.#pingToAnswer;
    this.#pingToAnswer = undefined;
    if (payload !== undefined && this.#open) this.#writer.write(pongFrame(payload));
  }

  #sendClose(code: number | undefined, reason: string): void {
    if (!this.#open) return;
    this.#writer.write(closeFrame(code, reason));
    this.#open = false;
    this.#reader.hearCloseOnly();
  }

  /** Both sides have said what they had to: the server closes first (RFC 6455 §7.1.1). */
  #end(): void {
    this.#open = false;
    this.#writer.end();
    this.#cutLater();
  }

  /** What the client leaves open is cut. */
  #cutLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(cut, this.#shared.options.closeTimeoutMs, this);
    this.#timer.unref();
  }
}

function cut(connection: WebSocketConnection): void {
  connection.cut();
}

function failUnlessSubscribed({ stream }: WebSocketConnection, timeoutMs: number): void {
  if (stream.isSubscribed || stream.isOver) return;
  const detail = `No \`subscribe\` frame came within ${timeoutMs} ms.`;
  stream.fail(new PenstockError("subscribe_timeout", detail));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where a socket names its connection, so that all sockets share their listeners. */
const CONNECTION = Symbol("connection");

type ConnectedSocket = Duplex & { [CONNECTION]?: WebSocketConnection };

function attach(socket: ConnectedSocket, connection: WebSocketConnection): void {
  socket[CONNECTION] = connection;
  socket.on("data", onData);
  socket.on("end", onEnd);
  socket.on("close", onClose);
}

function onData(this: ConnectedSocket, piece: Buffer): void {
  this[CONNECTION]?.received(piece);
}

function onEnd(this: ConnectedSocket): void {
  this[CONNECTION]?.ended();
}

function onClose(this: ConnectedSocket): void {
  this[CONNECTION]?.gone();
}
