import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { browserModule } from "../../client/src/browser-module.ts";
import { Random } from "../../simulator/src/random.ts";

/** Closes after which a client has to come back by itself (PROTOCOL.md, "Codes"). */
const RETURN_CODES = [1001, 1011, 1012, 1013, 1014, 4000, 4001, 4099, 4301, 4399];

/** What no server of ours sends, between what is right. */
const FOREIGN: readonly (string | Buffer)[] = [
  "",
  "{",
  "null",
  "[]",
  '"text"',
  "\u0000",
  "{}",
  '{"type":"fireworks","cursor":5}',
  '{"type":"checkpoint"}',
  '{"type":"checkpoint","cursor":7}',
  '{"type":"gap"}',
  '{"event_type":"thing"}',
  '{"event_type":"thing","id":"x","position":"nowhere"}',
  '{"type":"error","fatal":false}',
  '{"type":"hello","heartbeat_interval_ms":-1}',
  Buffer.from([0xff, 0x00, 0x7b]),
];

/**
 * A server that does whatever a client must survive: it refuses connections in several ways, sends
 * nonsense, repeats what it said, and closes at any moment with any code or none. It has so many
 * events, and a cursor of it is `at:` and the number of those before it.
 */
export class HostileServer implements AsyncDisposable {
  readonly url: string;
  readonly count: number;
  /** What it did, by name. */
  readonly deeds = new Map<string, number>();
  /** Starts that clients asked for, in their order. */
  readonly starts: unknown[] = [];
  readonly #random: Random;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });

  private constructor(server: Server, count: number, seed: number) {
    const { port } = server.address() as AddressInfo;
    this.url = `http://127.0.0.1:${port}`;
    this.count = count;
    this.#random = new Random(seed);
    this.#server = server;
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  static async start(count: number, seed: number): Promise<HostileServer> {
    const server = createServer((request, response) => {
      const isModule = request.url === "/client.js";
      response.setHeader("content-type", isModule ? "text/javascript" : "text/html");
      response.end(isModule ? browserModule() : "<!doctype html><title>A page</title>");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new HostileServer(server, count, seed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #did(deed: string): void {
    this.deeds.set(deed, (this.deeds.get(deed) ?? 0) + 1);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => undefined);
    const refusals: readonly (readonly [string, string | undefined])[] = [
      [
        "503",
        "HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
      ],
      ["200", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"],
      ["nonsense", "nonsense\r\n\r\n"],
      ["nothing", undefined],
    ];
    if (this.#random.chance(0.2)) {
      const [name, answer] = this.#random.pick(refusals);
      this.#did(`refused with ${name}`);
      if (answer === undefined) socket.destroy();
      else socket.end(answer);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => this.#accept(accepted));
  }

  #accept(socket: WebSocket): void {
    socket.on("error", () => undefined);
    if (this.#random.chance(0.1)) {
      this.#did("closed at once");
      this.#close(socket);
      return;
    }
    this.#send(socket, { type: "hello", protocol: 1, heartbeat_interval_ms: 15_000 });
    socket.once("message", (data) => {
      const { start } = JSON.parse(String(data)) as { start?: { cursor?: string } };
      this.starts.push(start);
      const from = Number(/^at:(\d+)$/.exec(start?.cursor ?? "")?.[1] ?? 0);
      if (this.#random.chance(0.1)) {
        this.#did("closed before it said anything");
        this.#close(socket);
        return;
      }
      const cursor = `at:${from}`;
      this.#send(socket, { type: "subscribed", cursor, rules: [], resume: "full" });
      this.#tell(socket, from);
    });
  }

  /** Sends events from a place on, and stops somewhere. */
  #tell(socket: WebSocket, from: number): void {
    const end = Math.min(this.count, from + this.#random.integer(0, 60));
    for (let at = from; at < end; at++) {
      if (this.#random.chance(0.2)) {
        this.#did("sent nonsense");
        socket.send(this.#random.pick(FOREIGN));
      }
      this.#event(socket, at);
      if (this.#random.chance(0.1)) {
        this.#did("repeated events");
        for (let again = Math.max(0, at - 5); again <= at; again++) this.#event(socket, again);
      }
      if (this.#random.chance(0.15))
        this.#send(socket, { type: "checkpoint", cursor: `at:${at + 1}` });
    }
    if (end === this.count && this.#random.chance(0.5)) return;
    this.#close(socket);
  }

  #event(socket: WebSocket, at: number): void {
    const id = `event ${at}`;
    this.#send(socket, { event_type: "thing", position: `0:${at}`, at: 1, id, thing: {} });
  }

  #send(socket: WebSocket, frame: object): void {
    socket.send(JSON.stringify(frame));
  }

  #close(socket: WebSocket): void {
    if (this.#random.chance(0.3)) {
      this.#did("cut");
      socket.terminate();
      return;
    }
    const code = this.#random.pick(RETURN_CODES);
    this.#did(`closed with ${code}`);
    if (this.#random.chance(0.3)) {
      this.#send(socket, { type: "error", code: "overloaded", fatal: true, retry_after_ms: 5 });
    }
    socket.close(code, "as it likes");
  }
}
