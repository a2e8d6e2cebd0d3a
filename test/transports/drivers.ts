import { randomBytes } from "node:crypto";
import { constants, inflateRawSync } from "node:zlib";
import { type FrameReader, RawConnection } from "./raw-connection.ts";
import type { ConnectOptions, Target, TransportDriver } from "./transport-driver.ts";

/** The head of a request. */
export function requestHead(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): string {
  const lines = Object.entries({ host: new URL(url).host, ...headers });
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

function pathOf(target: Target, events: boolean): string {
  if ("live" in target) {
    return `/v1/${target.live}/live?${new URLSearchParams(target.query ?? {})}`;
  }
  const { session, cursor } = target;
  const query = { ...(cursor === undefined ? {} : { cursor }), ...target.query };
  return `/v1/stream/${session}${events ? "/events" : ""}?${new URLSearchParams(query)}`;
}

export const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
} as const;

/** A frame of a client, masked (RFC 6455 §5.3). @param first FIN and opcode */
export function clientFrame(first: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([first, 0x80 | length])
      : length < 65_536
        ? Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff])
        : Buffer.concat([Buffer.from([first, 0x80 | 127, 0, 0, 0, 0]), uint32(length)]);
  const body = Buffer.from(payload);
  for (let at = 0; at < length; at++) body[at] = (body[at] ?? 0) ^ (mask[at & 3] ?? 0);
  return Buffer.concat([head, mask, body]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const clientText = (frame: object): Buffer =>
  clientFrame(0x81, Buffer.from(JSON.stringify(frame)));

/** Reads a server's WebSocket frames, which are neither masked nor cut into fragments. */
export class WebSocketReader implements FrameReader {
  code: number | undefined;
  /** Payloads of the pings that were answered. */
  readonly pings: string[] = [];
  readonly pongs: string[] = [];
  /** Texts that came compressed. */
  inflated = 0;
  readonly #compression: boolean;
  readonly #replies: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);

  /** @param compression whether permessage-deflate is agreed on, without context takeover */
  constructor(compression = false) {
    this.#compression = compression;
  }

  feed(bytes: Buffer): readonly string[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const texts: string[] = [];
    for (;;) {
      const frame = this.#frame();
      if (frame === undefined) return texts;
      const [opcode, payload] = frame;
      if (opcode === 1) texts.push(payload.toString("utf8"));
      else if (opcode === 8) this.#closed(payload);
      else if (opcode === 10) this.pongs.push(payload.toString("latin1"));
      else if (opcode === 9) {
        this.pings.push(payload.toString("latin1"));
        this.#replies.push(clientFrame(0x8a, payload));
      } else throw new Error(`a frame with opcode ${opcode}`);
    }
  }

  replies(): readonly Buffer[] {
    return this.#replies.splice(0);
  }

  #frame(): readonly [number, Buffer] | undefined {
    const rest = this.#rest;
    if (rest.length < 2) return undefined;
    const bits = (rest[0] ?? 0) & 0xf0;
    const compressed = this.#compression && rest[0] === 0xc1;
    if (bits !== 0x80 && !compressed) throw new Error("a fragment or an extension");
    const short = rest[1] ?? 0;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (rest.length < head) return undefined;
    const length =
      short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
    if (rest.length < head + length) return undefined;
    this.#rest = rest.subarray(head + length);
    const payload = rest.subarray(head, head + length);
    return [(rest[0] ?? 0) & 0x0f, compressed ? this.#inflate(payload) : payload];
  }

  #inflate(payload: Buffer): Buffer {
    this.inflated += 1;
    const whole = Buffer.concat([payload, Buffer.from([0x00, 0x00, 0xff, 0xff])]);
    return inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH });
  }

  #closed(payload: Buffer): void {
    this.code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    this.#replies.push(clientFrame(0x88, payload.subarray(0, 2)));
  }
}

abstract class LineReader implements FrameReader {
  readonly code = undefined;
  #rest: Buffer = Buffer.alloc(0);

  feed(bytes: Buffer): readonly string[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const texts: string[] = [];
    let from = 0;
    for (let end = this.#rest.indexOf(10); end >= 0; end = this.#rest.indexOf(10, from)) {
      const text = this.line(this.#rest.subarray(from, end).toString("utf8"));
      if (text !== undefined) texts.push(text);
      from = end + 1;
    }
    this.#rest = this.#rest.subarray(from);
    return texts;
  }

  replies(): readonly Buffer[] {
    return [];
  }

  protected abstract line(line: string): string | undefined;
}

/** Reads one frame a line. */
export class NdjsonReader extends LineReader {
  protected line(line: string): string {
    return line;
  }
}

/** What an `EventSource` dispatches (WHATWG HTML §9.2.6), as JSON of its data. */
export class SseReader extends LineReader {
  /** Each message: the name of its event, and the last id by then. */
  readonly messages: { readonly event: string; readonly lastEventId: string; data: string }[] = [];
  #data = "";
  #event = "";
  #id = "";

  protected line(line: string): string | undefined {
    if (line === "") {
      const data = this.#data;
      const event = this.#event === "" ? "message" : this.#event;
      this.#data = "";
      this.#event = "";
      if (data === "") return undefined;
      const message = { event, lastEventId: this.#id, data: data.slice(0, -1) };
      this.messages.push(message);
      return message.data;
    }
    if (line.startsWith(":")) return undefined;
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#data += `${value}\n`;
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }
}

export const websocketDriver: TransportDriver = {
  name: "WebSocket",
  duplex: true,
  acknowledges: true,
  closeCodes: true,
  connect: (url, target, options = {}) => {
    const head = requestHead(url, pathOf(target, false), { ...UPGRADE, ...options.headers });
    return new RawConnection(url, head, new WebSocketReader(), clientText, options);
  },
};

/** An offer that the server takes. */
export const DEFLATE_OFFER = {
  "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
} as const;

/** The same, its frames compressed out of the server. */
export const compressedDriver: TransportDriver = {
  ...websocketDriver,
  name: "WebSocket with permessage-deflate",
  connect: (url, target, options = {}) => {
    const headers = { ...UPGRADE, ...DEFLATE_OFFER, ...options.headers };
    const head = requestHead(url, pathOf(target, false), headers);
    return new RawConnection(url, head, new WebSocketReader(true), clientText, options);
  },
};

const overHttp = (name: string, accept: string, reader: () => FrameReader): TransportDriver => ({
  name,
  duplex: false,
  acknowledges: false,
  closeCodes: false,
  connect: (url: string, target: Target, options: ConnectOptions = {}) => {
    const head = requestHead(url, pathOf(target, true), {
      accept,
      connection: "close",
      ...options.headers,
    });
    return new RawConnection(url, head, reader(), undefined, options);
  },
});

export const sseDriver = overHttp("SSE", "text/event-stream", () => new SseReader());
export const ndjsonDriver = overHttp("NDJSON", "application/x-ndjson", () => new NdjsonReader());

/** Every transport that there is: one that is added here is under test. */
export const drivers: readonly TransportDriver[] = [
  websocketDriver,
  compressedDriver,
  sseDriver,
  ndjsonDriver,
];
