import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Grant } from "../access/index.ts";
import {
  type Delivery,
  type Encoding,
  type Outlet,
  type PlaceRef,
  StreamConnection,
} from "../deliver/index.ts";
import { SocketWriter } from "./socket-writer.ts";

/**
 * The engine's side of a response that never ends: SSE and NDJSON. It writes to the raw socket, so
 * that all who get the same bytes share one buffer; the body ends when the connection does.
 */
class HttpStreamOutlet implements Outlet {
  readonly encoding: Encoding;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;

  constructor(encoding: Encoding, socket: Socket, drained: () => void) {
    this.encoding = encoding;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket, drained);
  }

  room(): number {
    return this.#writer.isIdle ? Number.POSITIVE_INFINITY : 0;
  }

  write(bytes: Uint8Array, _place: PlaceRef): void {
    this.#writer.write(bytes);
  }

  unreadMs(nowMs: number): number {
    return this.#writer.waitingMs(nowMs);
  }

  close(_code: number, _reason: string, last: Uint8Array | undefined): void {
    if (!this.#writer.isIdle) {
      this.#socket.destroy();
      return;
    }
    if (last !== undefined) this.#writer.write(last);
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), 5000);
    timer.unref();
  }
}

/**
 * Answers a request with a stream. What could fail was done before: the answer is 200.
 *
 * @param headers besides the content type: those of CORS
 */
export function openHttpStream(
  delivery: Delivery,
  request: IncomingMessage,
  encoding: Encoding,
  contentType: string,
  headers: Readonly<Record<string, string>>,
  grant: Grant,
): StreamConnection {
  const { socket } = request;
  socket.setNoDelay(true);
  socket.setTimeout(0);
  const outlet: HttpStreamOutlet = new HttpStreamOutlet(encoding, socket, () => connection.ready());
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
  socket.once("close", () => connection.closed(1006));
  socket.on("error", () => socket.destroy());
  return connection;
}
