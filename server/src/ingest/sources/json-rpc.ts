import { WebSocket } from "ws";

/**
 * A connection to a node that speaks JSON-RPC 2.0. Disposing of it refuses at once what was not
 * answered, and whatever is asked afterwards.
 */
export interface JsonRpc extends Disposable {
  /**
   * Calls a method.
   *
   * @throws RpcError where the node refuses, answers nonsense, or does not answer in time; and where
   *   the connection is gone
   */
  request(method: string, params: readonly unknown[]): Promise<unknown>;
  /** Aborts when the connection is gone; never for one that connects anew for each call. */
  readonly gone: AbortSignal;
  /** Calls back at each new head, where the transport can. */
  onNotification(listener: () => void): void;
}

/** A node that cannot be used at the moment: why. */
export class RpcError extends Error {
  override readonly name = "RpcError";
}

/** A node's address without what may be a key to it: providers put those into paths and queries. */
export function nodeName(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname.length > 1 || search !== "" ? "/…" : ""}`;
}

/**
 * Asks a node for the id of its chain.
 *
 * @param timeoutMs to connect, and again to be answered
 * @throws RpcError where it cannot be used
 */
export async function chainIdOf(url: string, timeoutMs: number): Promise<number> {
  using rpc = await connectRpc(url, timeoutMs);
  const id = await rpc.request("eth_chainId", []);
  if (typeof id === "string" && /^0x[0-9a-fA-F]{1,13}$/.test(id)) return Number(id);
  throw new RpcError("it gives no id of its chain: it is no node of an EVM chain");
}

/** What a node may answer at most: a block of 50 MB with its receipts is none. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Connects to a node over WebSocket or HTTP.
 *
 * @param signal ends the connection, and the wait for it, whatever the node does
 * @throws RpcError where it cannot be reached within the time; the reason of a signal that has aborted
 */
export async function connectRpc(
  url: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<JsonRpc> {
  signal?.throwIfAborted();
  return /^wss?:/.test(url)
    ? await connectSocket(url, timeoutMs, signal)
    : new HttpRpc(url, timeoutMs, signal);
}

const GONE = "the connection was closed";

class HttpRpc implements JsonRpc {
  readonly gone = new AbortController().signal;
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #calls = new Set<AbortController>();
  readonly #end = (): void => this[Symbol.dispose]();
  #isGone = false;
  #number = 0;

  constructor(url: string, timeoutMs: number, signal: AbortSignal | undefined) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#end);
  }

  onNotification(): void {}

  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    if (this.#isGone) throw new RpcError(`${method} failed: ${GONE}`);
    this.#number += 1;
    const call = new AbortController();
    this.#calls.add(call);
    const timer = setTimeout(() => {
      call.abort(new RpcError(`it was not answered within ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
    let body: unknown;
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: this.#number, method, params }),
        signal: call.signal,
      });
      body = await response.json();
    } catch (cause) {
      throw new RpcError(`${method} failed: ${reasonOf(cause)}`, { cause });
    } finally {
      clearTimeout(timer);
      this.#calls.delete(call);
    }
    return resultOf(method, body);
  }

  [Symbol.dispose](): void {
    this.#isGone = true;
    this.#signal?.removeEventListener("abort", this.#end);
    for (const call of this.#calls) call.abort(new RpcError(GONE));
  }
}

async function connectSocket(
  url: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<JsonRpc> {
  const socket = new WebSocket(url, {
    handshakeTimeout: timeoutMs,
    maxPayload: ANSWER_BYTES_MAX,
    perMessageDeflate: false,
  });
  const rpc = new SocketRpc(socket, timeoutMs);
  const end = (): void => rpc[Symbol.dispose]();
  signal?.addEventListener("abort", end);
  socket.once("close", () => signal?.removeEventListener("abort", end));
  const opened = Promise.withResolvers<void>();
  socket.once("open", () => opened.resolve());
  socket.once("error", (cause) => {
    opened.reject(
      new RpcError(`${nodeName(url)} cannot be reached: ${reasonOf(cause)}`, { cause }),
    );
  });
  await opened.promise;
  return rpc;
}

interface Waiting {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: RpcError) => void;
}

class SocketRpc implements JsonRpc {
  readonly #socket: WebSocket;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone = new AbortController();
  #number = 0;
  #listener: () => void = () => undefined;

  constructor(socket: WebSocket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on("message", (data) => this.#receive(String(data)));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => this.#end(GONE));
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  onNotification(listener: () => void): void {
    this.#listener = listener;
  }

  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      throw new RpcError(`${method} failed: the connection is closed`);
    }
    this.#number += 1;
    const id = this.#number;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    const timer = setTimeout(() => {
      reject(new RpcError(`${method} was not answered within ${this.#timeoutMs} ms`));
      this.#socket.terminate();
    }, this.#timeoutMs);
    try {
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      return resultOf(method, await promise);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
    this.#end(GONE);
  }

  #receive(text: string): void {
    let body: { readonly id?: unknown; readonly method?: unknown };
    try {
      body = JSON.parse(text) as typeof body;
    } catch {
      this.#end("the node sent what is no JSON");
      this.#socket.terminate();
      return;
    }
    if (typeof body !== "object" || body === null) return;
    if (body.method === "eth_subscription") this.#listener();
    else if (typeof body.id === "number") this.#waiting.get(body.id)?.resolve(body);
  }

  #end(reason: string): void {
    if (this.#gone.signal.aborted) return;
    for (const { reject } of this.#waiting.values()) reject(new RpcError(reason));
    this.#waiting.clear();
    this.#gone.abort();
    this.#listener();
  }
}

function resultOf(method: string, body: unknown): unknown {
  if (typeof body !== "object" || body === null) {
    throw new RpcError(`${method} was answered with what is no JSON-RPC`);
  }
  const { result, error } = body as { result?: unknown; error?: { readonly message?: unknown } };
  if (error !== undefined && error !== null) {
    throw new RpcError(`${method} was refused: ${String(error.message ?? "no reason")}`);
  }
  if (result === undefined) throw new RpcError(`${method} was answered without a result`);
  return result;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  // A name with several addresses fails with an error that has a code, and nothing to say.
  return inner.message || String((inner as NodeJS.ErrnoException).code ?? inner.name);
}
