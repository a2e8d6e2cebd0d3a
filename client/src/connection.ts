import type { ServerFrame } from "@penstock-dev/contract/frames.ts";
import type { SocketLike } from "./options.ts";
import { readServerFrame } from "./server-frame.ts";

/** Until `hello` names the heartbeat interval, silence of so long means that nobody is there. */
const GREETING_TIMEOUT_MS = 15_000;
/** Silence of so many heartbeat intervals means that the connection is dead. */
const SILENT_INTERVALS = 2.5;
/** What a `hello` may ask for: a wrong interval must neither spin nor wait for a day. */
const HEARTBEAT_MS = { min: 200, max: 600_000 };

/** Who hears of a connection. */
export interface ConnectionListener {
  readonly opened: (connection: Connection) => void;
  /** @param size the length of the frame's text */
  readonly frame: (frame: ServerFrame, size: number) => void;
  /** A frame that cannot be read; it is passed over. */
  readonly unreadable: () => void;
  readonly ended: (code: number, reason: string) => void;
}

/** One WebSocket, from its opening to its end. Nothing is heard of it after its end or `close`. */
export class Connection {
  readonly #socket: SocketLike;
  #listener: ConnectionListener | undefined;
  #silenceMs = GREETING_TIMEOUT_MS;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  /** @throws whatever `open` throws: an address that no WebSocket can have */
  constructor(open: () => SocketLike, listener: ConnectionListener) {
    const socket = open();
    this.#socket = socket;
    this.#listener = listener;
    socket.onopen = () => this.#listener?.opened(this);
    socket.onmessage = ({ data }) => this.#read(data);
    // What an error means is told by the close that follows it.
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }) => this.#end(code, reason);
    this.#watch();
  }

  send(frame: object): void {
    try {
      if (this.#listener !== undefined) this.#socket.send(JSON.stringify(frame));
    } catch {
      // A socket that cannot send is about to say that it closed.
    }
  }

  /** Lets go of the socket. */
  close(): void {
    clearTimeout(this.#watchdog);
    this.#listener = undefined;
    try {
      this.#socket.close(1000);
    } catch {
      // It is closed already.
    }
  }

  #read(data: unknown): void {
    if (this.#listener === undefined) return;
    this.#watch();
    const text = String(data);
    const frame = readServerFrame(text);
    if (frame === undefined) {
      this.#listener.unreadable();
      return;
    }
    if ("type" in frame && frame.type === "hello" && "heartbeat_interval_ms" in frame) {
      this.#expect(Number(frame.heartbeat_interval_ms));
    }
    this.#listener.frame(frame, text.length);
  }

  #expect(heartbeatMs: number): void {
    if (!Number.isFinite(heartbeatMs)) return;
    const { min, max } = HEARTBEAT_MS;
    this.#silenceMs = Math.min(max, Math.max(min, heartbeatMs)) * SILENT_INTERVALS;
    this.#watch();
  }

  /** A connection that says nothing for too long is given up, whatever the socket thinks. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#end(1006, `Nothing came from the server for ${this.#silenceMs} ms.`);
    }, this.#silenceMs);
  }

  #end(code: number, reason: string): void {
    const listener = this.#listener;
    this.close();
    listener?.ended(code, reason);
  }
}
