import { connect, type Socket } from "node:net";
import { constants, crc32, inflateRawSync } from "node:zlib";
import { SERIAL_DIGITS, SERIAL_MARK, TIME_DIGITS, TIME_MARK } from "./bench-event.ts";
import type { Dialect } from "./dialects.ts";
import { clientFrame, FrameReader } from "./frame-reader.ts";

const PING = 9;
const PONG = 10;
const CLOSE = 8;
const BINARY = 2;
const TEXT = 1;
/** The bit of a frame that is compressed, and what its end lacks (RFC 7692 §7.2.2). */
const RSV1 = 0x40;
const DEFLATE_TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const DEFLATE_OFFER =
  "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
const HELLO = '{"type":"hello"';

/** Sockets of a process read into one buffer, one after the other: nothing is allocated a read. */
const READ_BYTES = 256 * 1024;
const shared = Buffer.allocUnsafe(READ_BYTES);

/** What a client tells its process. */
export interface ClientEvents {
  /** An event came, in order or not; `micros` is its time of publishing, 0 where it has none. */
  readonly event: (client: SwarmClient, serial: number, micros: number) => void;
  /** The server says that it left events out. */
  readonly gap: (client: SwarmClient) => void;
  /** The connection ended; before it was ready, where `client.ready` is false. */
  readonly closed: (client: SwarmClient, why: string) => void;
  readonly ready: (client: SwarmClient) => void;
}

/** What to connect to, and as whom. */
export interface ClientInit {
  readonly index: number;
  readonly port: number;
  readonly localAddress: string;
  readonly dialect: Dialect;
  readonly path: string;
  /** Whether the time of publishing is read out of events. */
  readonly timed: boolean;
  /** Whether the bytes of events are summed up. */
  readonly summed: boolean;
  /** Whether the name of the session is kept. */
  readonly resumable: boolean;
}

/** One raw socket that reads frames, finds serials in them, and answers pings: a client at its cheapest. */
export class SwarmClient {
  readonly index: number;
  bytes = 0;
  frames = 0;
  chunks = 0;
  /** Frames that came compressed. */
  compressed = 0;
  /** The serial of the last event, 0 before the first; whoever is told of events sets it. */
  last = 0;
  sum = 0;
  ready = false;
  /** The session that `hello` named, where the client is to come back to it. */
  session = "";
  readonly socket: Socket;
  #open: boolean;
  #closed = false;
  #packedBytes = 0;
  #packedSize = 0;
  /** Where the serial stood in the last event, and where the time behind it: mostly they stand there again. */
  #serialAt = 0;
  #timeAt = 0;
  #head = "";
  #why = "the connection ended";
  readonly #init: ClientInit;
  readonly #events: ClientEvents;
  readonly #reader = new FrameReader((first, chunk, start, end) =>
    this.#frame(first, chunk, start, end),
  );

  constructor(init: ClientInit, events: ClientEvents) {
    this.index = init.index;
    this.#init = init;
    this.#events = events;
    this.#open = !init.dialect.upgrade;
    const { port, localAddress } = init;
    const onread = {
      buffer: shared,
      callback: (length: number): boolean => {
        this.#read(length);
        return true;
      },
    };
    this.socket = connect({ host: "127.0.0.1", port, localAddress, noDelay: true, onread }, () =>
      this.#connected(),
    );
    this.socket.on("error", (error) => {
      this.#why = error.message;
    });
    this.socket.on("close", () => {
      if (this.#closed) return;
      this.#closed = true;
      events.closed(this, this.#why);
    });
  }

  /** Cuts the connection without a word; nothing more is told of it. */
  cut(): void {
    this.#closed = true;
    this.socket.resetAndDestroy();
  }

  #connected(): void {
    if (this.#init.dialect.upgrade) {
      this.socket.write(
        `GET ${this.#init.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${this.#init.dialect.deflate === true ? DEFLATE_OFFER : ""}\r\n`,
      );
    } else this.#becomeReady();
  }

  #becomeReady(): void {
    if (this.ready) return;
    this.ready = true;
    this.#events.ready(this);
  }

  #read(length: number): void {
    this.chunks += 1;
    this.bytes += length;
    if (this.#open) {
      this.#reader.read(shared, 0, length);
      return;
    }
    this.#head += shared.toString("latin1", 0, length);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#head;
    this.#head = "";
    if (!head.startsWith("HTTP/1.1 101")) {
      this.#why = head.slice(0, 500);
      this.socket.destroy();
      return;
    }
    this.#open = true;
    const { hello, helloIsBinary, ready } = this.#init.dialect;
    if (hello !== undefined)
      this.socket.write(clientFrame(helloIsBinary ? BINARY : TEXT, Buffer.from(hello)));
    if (ready === undefined) this.#becomeReady();
    const rest = Buffer.from(head.slice(end + 4), "latin1");
    if (rest.length > 0) this.#reader.read(rest, 0, rest.length);
  }

  #frame(first: number, chunk: Buffer, start: number, end: number): void {
    this.frames += 1;
    const opcode = first & 0x0f;
    if ((first & RSV1) !== 0) {
      const plain = inflateRawSync(Buffer.concat([chunk.subarray(start, end), DEFLATE_TAIL]), {
        // A message ends with a flush, and not with the end of a stream (RFC 7692 §7.2.1).
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      this.compressed += 1;
      this.#payload(plain, 0, plain.length);
      return;
    }
    if (opcode === PING) {
      this.socket.write(clientFrame(PONG, chunk.subarray(start, end)));
    } else if (opcode === CLOSE) {
      this.#why = `closed by the server: ${chunk.toString("latin1", start + 2, end)} ${end - start >= 2 ? chunk.readUInt16BE(start) : ""}`;
      this.socket.destroy();
    } else if (opcode !== PONG) this.#payload(chunk, start, end);
  }

  #payload(chunk: Buffer, start: number, end: number): void {
    const { event, ready, echo, gap, packed } = this.#init.dialect;
    const begins = (text: string): boolean =>
      end - start >= text.length && stands(text, chunk, start);
    if (echo !== undefined && end - start === echo.ping.length && begins(echo.ping)) {
      this.socket.write(clientFrame(packed === true ? BINARY : TEXT, Buffer.from(echo.pong)));
    } else if (packed === true && (this.#packedBytes > 0 || begins(event)))
      this.#packed(chunk, start, end);
    else if (packed !== true && begins(event)) this.#lines(chunk, start, end);
    else if (ready !== undefined && begins(ready)) this.#becomeReady();
    else if (gap !== undefined && begins(gap)) this.#events.gap(this);
    else if (this.#init.resumable && begins(HELLO))
      this.session = /"session_id":"([^"]+)"/.exec(chunk.toString("latin1", start, end))?.[1] ?? "";
  }

  /** Messages of one length: they are counted by bytes, and the order is that of the first in each frame. */
  #packed(chunk: Buffer, start: number, end: number): void {
    if (this.#packedSize === 0) {
      const line =
        chunk.toString("latin1", start, Math.min(end, start + 40)).split("\r\n")[0] ?? "";
      this.#packedSize = line.length + 4 + Number(line.split(" ").at(-1));
    }
    this.#packedBytes += end - start;
    while (this.#packedBytes >= this.#packedSize) {
      this.#packedBytes -= this.#packedSize;
      this.#tell(this.last + 1, 0);
    }
  }

  /** The event of a frame, or one a line. */
  #lines(chunk: Buffer, start: number, end: number): void {
    for (let from = start; from < end; ) {
      const line = this.#init.dialect.lines === true ? chunk.indexOf(10, from) : -1;
      const to = line < 0 || line > end ? end : line;
      this.#event(chunk, from, to);
      from = to + 1;
    }
  }

  #event(chunk: Buffer, start: number, end: number): void {
    const at = behind(SERIAL_MARK, chunk, start, this.#serialAt);
    if (at < start + SERIAL_MARK.length || at + SERIAL_DIGITS > end) return;
    this.#serialAt = at - start;
    const serial = digits(chunk, at, SERIAL_DIGITS);
    if (this.#init.summed) this.sum = crc32(chunk.subarray(at, end), this.sum);
    let micros = 0;
    if (this.#init.timed) {
      const time = behind(TIME_MARK, chunk, at, this.#timeAt);
      if (time > at && time + TIME_DIGITS <= end) {
        this.#timeAt = time - at;
        micros = digits(chunk, time, TIME_DIGITS);
      }
    }
    this.#tell(serial, micros);
  }

  #tell(serial: number, micros: number): void {
    this.#events.event(this, serial, micros);
  }
}

/** Whether a text of one byte a character stands at a place: a loop costs less than a string or a search. */
function stands(text: string, chunk: Buffer, at: number): boolean {
  for (let place = 0; place < text.length; place++)
    if (chunk[at + place] !== text.charCodeAt(place)) return false;
  return true;
}

/** The place behind a mark, which is looked for from `from` on where it is not as far from it as it was. */
function behind(mark: string, chunk: Buffer, from: number, distance: number): number {
  const at = from + distance;
  if (distance >= mark.length && stands(mark, chunk, at - mark.length)) return at;
  return chunk.indexOf(mark, from, "latin1") + mark.length;
}

function digits(chunk: Buffer, at: number, count: number): number {
  let value = 0;
  for (let place = at; place < at + count; place++)
    value = value * 10 + ((chunk[place] as number) - 48);
  return value;
}
