import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { CLOSE } from "@penstock-dev/contract";
import type { Grant } from "../access/index.ts";
import {
  type Delivery,
  type Encoding,
  LOST_CODE,
  type Outlet,
  type PlaceRef,
  StreamConnection,
} from "../deliver/index.ts";
import { dropTimeout } from "./drop-timeout.ts";
import { type DrainListener, SocketWriter } from "./socket-writer.ts";

/**
 * The engine's side of a response that never ends: SSE and NDJSON. It writes to the raw socket, so
 * that all who get the same bytes share one buffer; the body ends when the connection does.
 */
class HttpStreamOutlet implements Outlet {
  readonly encoding: Encoding;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #closeTimeoutMs: number;

  constructor(encoding: Encoding, socket: Socket, closeTimeoutMs: number, listener: DrainListener) {
    this.encoding = encoding;
    this.#socket = socket;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#writer = new SocketWriter(socket, listener);
  }

  room(): number {
    return this.#writer.isIdle ? Number.POSITIVE_INFINITY : 0;
  }

  write(bytes: Uint8Array, _place: PlaceRef): void {
    this.#writer.write(bytes);
  }

  unreadMs(): number {
    return this.#writer.waitingMs();
  }

  close(code: number, _reason: string, last: Uint8Array | undefined): void {
    if (code === CLOSE.unread) {
      this.#socket.destroy();
      return;
    }
    if (last !== undefined) this.#writer.write(last);
    this.#writer.end();
    const timer = setTimeout(() => this.#socket.destroy(), this.#closeTimeoutMs);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }
}

/** A silent peer is asked by the kernel whether it still lives: HTTP has no ping of its own. */
const KEEP_ALIVE_MS = 60_000;

/** What a stream over HTTP is made of. */
export interface HttpStreamInit {
  readonly delivery: Delivery;
  readonly encoding: Encoding;
  readonly contentType: string;
  /** Besides the content type: those of CORS. */
  readonly headers: Readonly<Record<string, string>>;
  readonly grant: Grant;
  readonly closeTimeoutMs: number;
}

/** Answers a request with a stream. What could fail was done before: the answer is 200. */
export function openHttpStream(request: IncomingMessage, init: HttpStreamInit): StreamConnection {
  const { socket } = request;
  const { delivery, encoding, contentType, headers, grant, closeTimeoutMs } = init;
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  dropTimeout(socket);
  const outlet: HttpStreamOutlet = new HttpStreamOutlet(encoding, socket, closeTimeoutMs, {
    drained: () => connection.ready(),
  });
  const connection: StreamConnection = new StreamConnection(delivery, outlet, grant);
  const lines = [
    "HTTP/1.1 200 OK",
    `content-type: ${contentType}`,
    "cache-control: no-store",
    "connection: close",
    "x-accel-buffering: no",
    `date: ${new Date(delivery.now()).toUTCString()}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  // A client may leave while its subscription is being made: then nobody tells of the end again.
  if (socket.destroyed) connection.closed(LOST_CODE);
  else socket.once("close", () => connection.closed(LOST_CODE));
  socket.on("error", () => socket.destroy());
  return connection;
}
