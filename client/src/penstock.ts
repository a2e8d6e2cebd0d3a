import type { PenstockEvent } from "@penstock-dev/contract/event.ts";
import type { FilterRule } from "@penstock-dev/contract/frames.ts";
import { EventStream } from "./event-stream.ts";
import type { PenstockOptions, SocketLike, StreamOptions } from "./options.ts";
import type { WrongMember } from "./stream-error.ts";

/** A refusal of the HTTP surface: its problem document (RFC 9457). */
export class PenstockRequestError extends Error {
  override readonly name = "PenstockRequestError";
  /** The HTTP status. */
  readonly status: number;
  /** A code of the server's catalogue, or `unknown`. */
  readonly code: string;
  /** Members of the request that are wrong. */
  readonly errors: readonly WrongMember[];

  constructor(
    status: number,
    problem: {
      readonly code?: string;
      readonly detail?: string;
      readonly errors?: readonly WrongMember[];
    },
  ) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.errors = problem.errors ?? [];
  }
}

/** A Penstock server, for browsers and Node. */
export class Penstock {
  readonly #options: PenstockOptions;
  readonly #base: URL;

  /** @throws TypeError where `url` is not absolute */
  constructor(options: PenstockOptions) {
    this.#options = options;
    this.#base = new URL(options.url.endsWith("/") ? options.url : `${options.url}/`);
  }

  /**
   * Follows a stream: `for await (const event of penstock.stream("tweets", { filters }))`. It
   * reconnects and resumes by itself, gives every event once, and throws a `PenstockStreamError` for
   * what no reconnect mends.
   */
  stream<T extends PenstockEvent = PenstockEvent>(
    name: string,
    options: StreamOptions = {},
  ): EventStream<T> {
    const open =
      this.#options.webSocket ?? ((url: string) => new WebSocket(url) as unknown as SocketLike);
    return new EventStream<T>(name, options, {
      open: (moved) => open(streamAddress(this.#base, moved)),
      token: () => this.#token(),
      renews: typeof this.#options.token === "function",
    });
  }

  /** Publishes one event; resolves once the log holds it. @throws PenstockRequestError */
  async publish(
    stream: string,
    event: object,
  ): Promise<{ readonly id: string; readonly position: string }> {
    const headers = { "content-type": "application/json" };
    return (await this.#ask(`v1/ingest/${encodeURIComponent(stream)}`, {
      method: "POST",
      headers,
      body: JSON.stringify(event),
    })) as { id: string; position: string };
  }

  /** The newest events, newest first. @throws PenstockRequestError */
  async recent(
    stream: string,
    filters: FilterRule = {},
    limit = 100,
  ): Promise<{ readonly cursor: string; readonly [noun: string]: unknown }> {
    const query = new URLSearchParams({ limit: String(limit) });
    for (const [field, values] of Object.entries(filters)) {
      for (const value of Array.isArray(values) ? values : [values]) {
        query.append(field, String(value));
      }
    }
    return (await this.#ask(`v1/${encodeURIComponent(stream)}/recent?${query}`)) as {
      cursor: string;
    };
  }

  /** What streams there are, with their fields and event types. @throws PenstockRequestError */
  async streams(): Promise<{
    readonly streams: readonly { readonly name: string; readonly [member: string]: unknown }[];
  }> {
    return (await this.#ask("v1/streams")) as { streams: { name: string }[] };
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#options;
    return typeof token === "function" ? await token() : token;
  }

  async #ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const token = await this.#token();
    const headers = {
      ...(init.headers as Record<string, string>),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const response = await fetch(new URL(path, this.#base), { ...init, headers });
    const body: unknown = await response.json().catch(() => ({}));
    if (!response.ok) throw new PenstockRequestError(response.status, body as object);
    return body;
  }
}

/** Where streams are; a server's own word for it counts unless it gives up encryption. */
function streamAddress(base: URL, moved: string | undefined): string {
  const given = moved !== undefined && URL.canParse(moved, base) ? new URL(moved, base) : base;
  const trusted =
    base.protocol === "https:" && !/^(https|wss):$/.test(given.protocol) ? base : given;
  const address = new URL("stream/ws", trusted);
  address.protocol = /^(https|wss):$/.test(trusted.protocol) ? "wss:" : "ws:";
  return address.href;
}
