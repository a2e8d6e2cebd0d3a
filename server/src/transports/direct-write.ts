import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * The stream handle below a socket, as far as a write needs it: a private member of Node's
 * (`lib/net.js`, `src/stream_base.cc`), whose shape is checked before it is used.
 */
interface StreamHandle {
  /** Writes what the kernel takes at once, and queues the rest under the request. 0 or an error. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  /** Bytes of earlier writes that the kernel has not taken. */
  readonly writeQueueSize: number;
}

/** What libuv calls back on when it has written what was queued. */
interface WriteRequest {
  oncomplete?: (status: number) => void;
  /** Holds the bytes until then. */
  buffer?: Uint8Array;
}

/** What became of a write. */
export type Written = "all" | "queued" | "failed";

/** Is told when what was queued has left the process, or cannot any more. */
export interface QueueListener {
  written(failed: boolean): void;
}

/**
 * Writes whole buffers to a socket past `Writable`, which makes a request, a callback and a turn of
 * the queue of ticks for each of them: a fifth of what a delivery costs besides the kernel's part.
 *
 * A write that the kernel takes whole leaves nothing behind, so one request serves all of them. It
 * belongs to libuv only when something was queued, and then a new one takes its place.
 */
export class DirectWrite {
  readonly #handle: StreamHandle;

  private constructor(handle: StreamHandle) {
    this.#handle = handle;
  }

  /** The direct way to a socket; undefined where there is none that is known to work. */
  static to(socket: Duplex): DirectWrite | undefined {
    const { _handle: handle } = socket as { _handle?: unknown };
    return isKnown(handle) ? new DirectWrite(handle) : undefined;
  }

  /** Writes bytes; nothing may wait in the socket's own buffer, and nothing be queued. */
  write(bytes: Uint8Array, listener: QueueListener): Written {
    if (spare === undefined) return "failed";
    const request = spare;
    if (this.#handle.writeBuffer(request, bytes) !== 0) return "failed";
    if (this.#handle.writeQueueSize === 0) return "all";
    request.buffer = bytes;
    request.oncomplete = (status) => listener.written(status < 0);
    spare = newRequest?.();
    return "queued";
  }
}

/** Majors of Node on which the tests have seen it work; on others sockets are written as usual. */
const KNOWN_MAJORS = new Set(["24"]);

const newRequest = findRequest();
let spare = newRequest?.();

function isKnown(handle: unknown): handle is StreamHandle {
  if (spare === undefined || typeof handle !== "object" || handle === null) return false;
  // TLS and others write in steps of their own.
  if (handle.constructor.name !== "TCP" && handle.constructor.name !== "Pipe") return false;
  const { writeBuffer, writeQueueSize } = handle as Partial<StreamHandle>;
  return typeof writeBuffer === "function" && typeof writeQueueSize === "number";
}

/** The class of write requests is nowhere to be had; a socket on a handle of ours is asked for one. */
function findRequest(): (() => WriteRequest) | undefined {
  const [major = ""] = process.versions.node.split(".");
  if (!KNOWN_MAJORS.has(major)) return undefined;
  let found: WriteRequest | undefined;
  const handle = {
    readStart: () => 0,
    readStop: () => 0,
    close: () => undefined,
    getAsyncId: () => 0,
    writeBuffer: (request: WriteRequest) => {
      found = request;
      return 0;
    },
  };
  new Socket({ handle } as object).write(Buffer.from("x"));
  if (found?.constructor.name !== "WriteWrap") return undefined;
  const Request = found.constructor as new () => WriteRequest;
  return () => new Request();
}
