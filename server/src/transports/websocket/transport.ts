import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Grant } from "../../access/index.ts";
import type { Delivery, Wanted } from "../../deliver/index.ts";
import { CoarseClock } from "../coarse-clock.ts";
import { dropTimeout } from "../drop-timeout.ts";
import { websocketEncoding } from "../encodings.ts";
import type { TransportOptions } from "../options.ts";
import { WebSocketConnection, type WebSocketShared } from "./connection.ts";
import { websocketDeflateEncoding } from "./deflate-encoding.ts";
import { shakeHands } from "./handshake.ts";

/** What a WebSocket is opened for. */
export type Opening =
  /** The first frame says what is wanted. */
  | { readonly kind: "later" }
  /** The address says it; finding it may fail, and the failure is told in a frame. */
  | { readonly kind: "now"; readonly find: () => Promise<Wanted> };

/** Accepts upgrades and connects them to the engine. */
export class WebSocketTransport implements Disposable {
  readonly #shared: WebSocketShared;
  readonly #clock: CoarseClock;

  constructor(delivery: Delivery, options: TransportOptions) {
    this.#clock = new CoarseClock(Math.max(10, Math.min(1000, options.pingIntervalMs / 10)));
    this.#shared = { delivery, options, clock: this.#clock };
  }

  /**
   * Takes over the socket of an upgrade request.
   *
   * @param head what the client sent behind its request
   * @throws PenstockError where the handshake is not one of WebSocket; the socket is untouched then
   */
  accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    grant: Grant,
    opening: Opening,
  ): void {
    const { answer, compression } = shakeHands(request, this.#shared.options.compression);
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    dropTimeout(socket);
    if ("setNoDelay" in socket && typeof socket.setNoDelay === "function") socket.setNoDelay(true);
    socket.write(answer);
    const encoding = compression ? websocketDeflateEncoding : websocketEncoding;
    const init = { socket, grant, encoding, compression };
    const connection = new WebSocketConnection(this.#shared, init);
    this.#begin(connection, opening);
    if (head.length > 0) connection.received(head);
  }

  #begin(connection: WebSocketConnection, opening: Opening): void {
    if (opening.kind === "now") void connection.stream.open(opening.find);
    else connection.awaitSubscription(this.#shared.delivery.options.subscribeTimeoutMs);
  }

  [Symbol.dispose](): void {
    this.#clock[Symbol.dispose]();
  }
}
