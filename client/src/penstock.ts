import type { PenstockEvent } from "@penstock-dev/contract/event.ts";
import type { FilterRule } from "@penstock-dev/contract/frames.ts";
import { EventStream } from "./event-stream.ts";
import type { PenstockOptions, SocketLike, StreamOptions } from "./options.ts";

/** A refusal of the HTTP surface: its problem document (RFC 9457). */
export class PenstockRequestError extends Error {
  override readonly name = "PenstockRequestError";
  readonly status: number;
  readonly code: string;
  readonly errors: readonly {
    readonly path: string;
    readonly message: string;
    readonly did_you_mean?: string;
  }[];

  constructor(
    status: number,
    problem: {
      readonly code?: string;
      readonly detail?: string;
      readonly errors?: PenstockRequestError["errors"];
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
    const address = new URL("stream/ws", this.#base);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const open =
      this.#options.webSocket ?? ((url: string) => new WebSocket(url) as unknown as SocketLike);
    return new EventStream<T>(name, options, {
      open: () => open(address.href),
      token: () => this.#token(),
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
    for (const [field, values] of Object.entries(filters)) query.set(field, String(values));
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
