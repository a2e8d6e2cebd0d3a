import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { PenstockError } from "@penstock-dev/contract";
import { tweets } from "@penstock-dev/domain-tweets";
import Fastify, { type FastifyInstance } from "fastify";
import { Ingester, ingestOptions, registerIngest } from "../server/src/ingest/index.ts";
import type { Appended, Log, NewRecord } from "../server/src/log/index.ts";
import { defaultsOf } from "../server/src/option.ts";
import { loadStreams } from "../server/src/streams/index.ts";
import { TestServer } from "./transports/test-server.ts";

const LINE = `${JSON.stringify({ user_id: "a", text: "x".repeat(200) })}\n`;

/** A log that acknowledges only when it is let. */
class SlowLog {
  /** Appends that were not acknowledged yet, and the most that there were at once. */
  waiting = 0;
  waitingMax = 0;
  records = 0;
  #gate = Promise.withResolvers<void>();
  #open = false;

  async append(
    _topic: string,
    _partition: number,
    records: readonly NewRecord[],
  ): Promise<Appended> {
    this.waiting += 1;
    this.waitingMax = Math.max(this.waitingMax, this.waiting);
    if (!this.#open) await this.#gate.promise;
    else await new Promise((resolve) => setImmediate(resolve));
    this.waiting -= 1;
    const firstOffset = this.records;
    this.records += records.length;
    return { firstOffset, timestampMs: 1 };
  }

  open(): void {
    this.#open = true;
    this.#gate.resolve();
  }
}

/** Ingestion alone, before a log that the test holds in its hands. */
class IngestAlone implements AsyncDisposable {
  readonly log = new SlowLog();
  readonly #app: FastifyInstance = Fastify({ forceCloseConnections: true });

  static async start(options: Partial<Record<"inFlightBytesMax", number>> = {}) {
    const alone = new IngestAlone();
    alone.#app.setErrorHandler((caught, _request, reply) => {
      const error = PenstockError.from(caught);
      if (error.retryAfterMs !== undefined) reply.header("retry-after", error.retryAfterMs / 1000);
      return reply.code(error.status).send(error.toProblem());
    });
    alone.#app.removeAllContentTypeParsers();
    registerIngest(
      alone.#app,
      new Ingester({
        streams: loadStreams(undefined, new Map([["tweets", tweets]]), 1),
        options: { ...defaultsOf(ingestOptions), ...options },
        log: alone.log as unknown as Log,
        now: Date.now,
      }),
    );
    await alone.#app.listen({ host: "127.0.0.1", port: 0 });
    return alone;
  }

  get port(): number {
    return (this.#app.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1/ingest/tweets`;
  }

  /** A request whose body the test writes as it goes. */
  open() {
    return request(this.url, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/x-ndjson" },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.log.open();
    await this.#app.close();
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Writes a line again and again until the connection takes no more; answers the bytes written. */
async function fill(body: ReturnType<IngestAlone["open"]>, bytesMax: number): Promise<number> {
  const piece = LINE.repeat(64);
  let written = 0;
  let blocked = false;
  while (written < bytesMax && !blocked) {
    written += piece.length;
    if (body.write(piece)) continue;
    const drained = once(body, "drain").then(() => true);
    const stuck = turns(3000).then(() => false);
    blocked = !(await Promise.race([drained, stuck]));
  }
  return written;
}

describe("ingestion before a slow log", () => {
  test("a body is read no further than the log takes it, and nothing is acknowledged", async () => {
    await using alone = await IngestAlone.start();
    const body = alone.open();
    body.on("error", () => undefined);
    let answered = 0;
    body.on("response", (response) => {
      response.on("data", (chunk: Buffer) => {
        answered += chunk.length;
      });
      response.on("error", () => undefined);
    });
    // The sockets between take some MiB; a body of which all is read would go on for ever.
    const written = await fill(body, 256 * 1024 * 1024);
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`);
    assert.equal(answered, 0);
    assert.ok(alone.log.waitingMax <= defaultsOf(ingestOptions).batchesInFlight);
    body.destroy();
  });

  test("a client that never reads its answers holds back its own lines only", async () => {
    await using alone = await IngestAlone.start();
    alone.log.open();
    const body = alone.open();
    body.on("error", () => undefined);
    body.on("response", (response) => response.on("error", () => undefined).pause());
    const written = await fill(body, 512 * 1024 * 1024);
    assert.ok(written < 256 * 1024 * 1024, `${written} bytes were taken`);
    const other = await fetch(alone.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: LINE,
    });
    assert.equal(other.status, 202);
    body.destroy();
  });

  test("a hundred megabytes pass through a few of memory, each line answered", async () => {
    await using alone = await IngestAlone.start();
    alone.log.open();
    const body = alone.open();
    const lines = 400_000;
    let answers = 0;
    let last = "";
    const ended = new Promise<void>((resolve, reject) => {
      body.on("error", reject);
      body.on("response", (response) => {
        response.on("data", (chunk: Buffer) => {
          for (const byte of chunk) if (byte === 10) answers += 1;
          last = chunk.toString("latin1");
        });
        response.on("end", resolve);
      });
    });
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const piece = LINE.repeat(500);
    for (let line = 0; line < lines; line += 500) {
      if (!body.write(piece)) await once(body, "drain");
      if (line % 20_000 !== 0) continue;
      collect();
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    body.end();
    await ended;
    assert.equal(answers, lines);
    assert.equal(alone.log.records, lines);
    assert.match(last, new RegExp(`"line":${lines},"status":202,[^\n]*\n$`));
    assert.ok(most < 16 * 1024 * 1024, `${most} bytes were held at once`);
  });

  test("overload answers 503 and a time to retry after, and grows no further", async () => {
    await using alone = await IngestAlone.start({ inFlightBytesMax: 2000 });
    const post = (type: string) =>
      fetch(alone.url, { method: "POST", headers: { "content-type": type }, body: LINE });
    const first = Array.from({ length: 6 }, () => post("application/json"));
    while (alone.log.waiting < 6) await turns(1);
    // Held: six events of some 260 bytes. Those that come now find no room before long.
    const held = [...first];
    const refused: Response[] = [];
    while (refused.length < 3) {
      const waiting = alone.log.waiting;
      const next = post("application/json");
      let answer: Response | undefined;
      next.then((response) => {
        answer = response;
      });
      while (answer === undefined && alone.log.waiting === waiting) await turns(1);
      if (answer === undefined) held.push(next);
      else refused.push(answer);
      assert.ok(held.length < 12, "nothing is refused");
    }
    for (const answer of refused) {
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get("retry-after"), "1");
      assert.equal(((await answer.json()) as { code: string }).code, "overloaded");
    }
    const lines = await (await post("Application/X-NDJSON")).text();
    assert.match(lines, /"status":503,"code":"overloaded".*"retry_after_ms":1000/);
    alone.log.open();
    for (const answer of await Promise.all(held)) assert.equal(answer.status, 202);
  });
});

describe("lines that come in pieces", () => {
  test("what waits for its end counts among what waits, and finds no room under overload", async () => {
    await using alone = await IngestAlone.start({ inFlightBytesMax: 1024 * 1024 });
    alone.log.open();
    const half = Buffer.alloc(600 * 1024, "x");
    const holder = alone.open();
    holder.on("error", () => undefined);
    holder.write(half);
    // Until the half line is held, a body as large is taken; then it is not.
    let refused: Response | undefined;
    while (refused === undefined) {
      const answer = await fetch(alone.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: half,
      });
      if (answer.status === 503) refused = answer;
      else assert.equal(answer.status, 400);
    }
    assert.equal(refused.headers.get("retry-after"), "1");
    const body = alone.open();
    body.write(half);
    body.write(`\n${LINE}`);
    body.end();
    const [response] = (await once(body, "response")) as [IncomingMessage];
    const lines = (await text(response)).trim().split("\n");
    assert.match(lines[0] ?? "", /"line":1,"status":503,"code":"overloaded"/);
    assert.match(lines[1] ?? "", /"line":2,"status":202/);
    holder.destroy();
    // What the client held that left has been let go.
    for (let status = 503; status !== 400; ) {
      const answer = await fetch(alone.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: half,
      });
      status = answer.status;
    }
  });
});

describe("ingestion over HTTP", () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start();
  });
  after(async () => await server[Symbol.asyncDispose]());

  const post = async (body: string, headers: Record<string, string>) => {
    const response = await fetch(`${server.url}/v1/ingest/tweets`, {
      method: "POST",
      headers,
      body,
    });
    return { status: response.status, text: await response.text() };
  };
  const idOf = (text: string): string => (JSON.parse(text) as { id: string }).id;

  test("a key makes repeats one event", async () => {
    const headers = { "content-type": "application/json", "idempotency-key": "order-1" };
    const body = JSON.stringify({ user_id: "a", text: "once #once" });
    const first = await post(body, headers);
    const again = await post(body, headers);
    const other = await post(body, { ...headers, "idempotency-key": "order-2" });
    assert.deepEqual([first.status, again.status, other.status], [202, 202, 202]);
    assert.equal(idOf(again.text), idOf(first.text));
    assert.notEqual(idOf(other.text), idOf(first.text));
    await server.visible([idOf(first.text), idOf(other.text)]);
    await server.publish(["the end #once"]);
    const recent = await server.request("GET", "/v1/tweets/recent?hashtags=once");
    assert.equal((recent.body.tweets as unknown[]).length, 3);
  });

  test("a key of NDJSON counts for each of its lines", async () => {
    const headers = { "content-type": "application/x-ndjson", "idempotency-key": "batch-1" };
    const body = [1, 2, 3].map((n) => JSON.stringify({ user_id: "a", text: `n ${n} #batch` }));
    const ids = (text: string): string[] => text.trim().split("\n").map(idOf);
    const first = await post(body.join("\n"), headers);
    const again = await post(body.join("\n"), headers);
    assert.equal(new Set(ids(first.text)).size, 3);
    assert.deepEqual(ids(again.text), ids(first.text));
    await server.visible(ids(first.text));
    await server.publish(["the end #batch"]);
    const recent = await server.request("GET", "/v1/tweets/recent?hashtags=batch");
    assert.equal((recent.body.tweets as unknown[]).length, 4);
  });

  test("a key that is none is refused", async () => {
    const headers = { "content-type": "application/json", "idempotency-key": "x".repeat(256) };
    const { status, text } = await post(LINE, headers);
    assert.equal(status, 400);
    assert.match(text, /Idempotency-Key/);
  });

  test("an answer comes while the body is still open", async () => {
    const body = request(`${server.url}/v1/ingest/tweets`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/x-ndjson" },
    });
    body.write(LINE);
    const [response] = (await once(body, "response")) as [NodeJS.ReadableStream];
    for (const line of [1, 2]) {
      const [chunk] = (await once(response, "data")) as [Buffer];
      assert.match(String(chunk), new RegExp(`^\\{"line":${line},"status":202,`));
      if (line === 1) body.write(LINE);
    }
    body.end();
    await once(response, "end");
  });

  test("a compressed body is refused by what it is", async () => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const { status, text } = await post("x", headers);
    assert.equal(status, 415);
    assert.match(text, /Content-Encoding gzip/);
  });
});
