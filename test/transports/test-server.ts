import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../server/src/config/index.ts";
import { type RunningServer, serve } from "../../server/src/serve.ts";
import { ndjsonDriver } from "./drivers.ts";
import { ofType, type TransportConnection } from "./transport-driver.ts";

/** A server of a test's own, on loopback, that can be started again on its data and its port. */
export class TestServer implements AsyncDisposable {
  readonly dataDir: string;
  readonly #flags: Readonly<Record<string, string>>;
  #running: RunningServer | undefined;
  #port = "0";
  /** Reads everything, so that a test knows when what it published may be read by anyone. */
  #probe: TransportConnection | undefined;
  readonly #visible = new Set<string>();
  readonly #waiting = new Set<() => void>();

  private constructor(dataDir: string, flags: Readonly<Record<string, string>>) {
    this.dataDir = dataDir;
    this.#flags = flags;
  }

  /** @param flags options of `penstock serve`, by name without dashes */
  static async start(flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
    const dataDir = await mkdtemp(join(tmpdir(), "penstock-transports-"));
    const server = new TestServer(dataDir, flags);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const flags = {
      "data-dir": this.dataDir,
      port: this.#port,
      "admin-port": "0",
      "log-level": "silent",
      "deliver-drain": "0ms",
      "transports-close-timeout": "500ms",
      ...this.#flags,
    };
    const config = loadConfig({ flags, env: {}, yaml: undefined, yamlName: "penstock.yaml" });
    this.#running = await serve(config);
    this.#port = new URL(this.#running.url).port;
    this.#probe = ndjsonDriver.connect(
      this.url,
      { live: "tweets" },
      {
        onFrame: ({ id }) => {
          if (id === undefined) return;
          this.#visible.add(id);
          for (const look of this.#waiting) look();
        },
      },
    );
    await this.#probe.next(ofType("caught_up"));
  }

  async stop(): Promise<void> {
    await this.#running?.[Symbol.asyncDispose]();
    this.#running = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return Number(this.#port);
  }

  get adminUrl(): string {
    return this.#running?.adminUrl ?? "";
  }

  async request(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>,
    };
  }

  /** Publishes posts, and answers their ids in order once clients get them. */
  async publish(texts: readonly string[], author = "author"): Promise<string[]> {
    const ids = await this.ingest(texts, author);
    await this.visible(ids);
    return ids;
  }

  /** Resolves once clients get all these events. */
  async visible(ids: readonly string[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (ids.every((id) => this.#visible.has(id))) resolve();
    };
    this.#waiting.add(look);
    look();
    await promise;
    this.#waiting.delete(look);
  }

  /** Ingests posts, and answers their ids in order once they are durable. */
  async ingest(texts: readonly string[], author = "author"): Promise<string[]> {
    const lines = texts.map((text) => `${JSON.stringify({ user_id: author, text })}\n`);
    const response = await fetch(`${this.url}/v1/ingest/tweets`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: lines.join(""),
    });
    const answers = (await response.text()).trim().split("\n");
    return answers.map((line) => {
      const { status, id } = JSON.parse(line) as { status: number; id: string };
      assert.equal(status, 202, line);
      return id;
    });
  }

  /** Makes a session, and answers its id. */
  async subscribe(body: object): Promise<string> {
    const answer = await this.request("POST", "/v1/stream/subscribe", body);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return String(answer.body.session_id);
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.adminUrl}/metrics`)).text();
    let total = 0;
    for (const line of text.split("\n")) {
      if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) {
        total += Number(line.slice(line.lastIndexOf(" ") + 1));
      }
    }
    return total;
  }
}

/** An answer of the REST surface. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}
