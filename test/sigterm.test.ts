/** Stopping by SIGTERM: nothing that was accepted is lost, everybody is told, and nothing hangs. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Penstock } from "@penstock-dev/client";
import { WebSocket } from "ws";

const PROGRAM = fileURLToPath(new URL("../server/bin/penstock.js", import.meta.url));
const CLIENTS = 12;

interface Frame {
  readonly type?: string;
  readonly event_type?: string;
  readonly id?: string;
  readonly cursor?: string;
  readonly deadline_ms?: number;
}

/** A server in a process of its own. */
class Server {
  readonly url: string;
  readonly adminUrl: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<[number | null, string | null]>;

  private constructor(url: string, adminUrl: string, child: ChildProcess) {
    this.url = url;
    this.adminUrl = adminUrl;
    this.#child = child;
    this.#exited = once(child, "exit") as Promise<[number | null, string | null]>;
  }

  static async start(
    dataDir: string,
    port: number,
    own: Readonly<Record<string, string>>,
  ): Promise<Server> {
    const options = {
      "data-dir": dataDir,
      port: `${port}`,
      "admin-port": "0",
      "log-level": "error",
    };
    const flags = Object.entries({ ...options, ...own });
    const args = [PROGRAM, "serve", ...flags.flatMap(([name, value]) => [`--${name}`, value])];
    // Whatever penstock.yaml lies where the tests are run is none of theirs.
    const env = { ...process.env, PENSTOCK_CONFIG: devNull };
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    for await (const chunk of child.stdout) {
      out += String(chunk);
      if (out.includes("/metrics ")) break;
    }
    const adminUrl = /Metrics: (\S+)\/metrics /.exec(out)?.[1] ?? "";
    assert.notEqual(adminUrl, "", out);
    return new Server(`http://127.0.0.1:${port}`, adminUrl, child);
  }

  signal(signal: "SIGTERM" | "SIGINT"): void {
    this.#child.kill(signal);
  }

  /** How it ended: with a code, or by a signal. */
  async ended(): Promise<readonly [number | null, string | null]> {
    return await this.#exited;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Publishes posts one by one and as one long body, and notes what is acknowledged. */
class Publisher {
  readonly acknowledged: string[] = [];
  /** Answers that were no acknowledgement, by status. */
  readonly refused: number[] = [];
  readonly #url: string;
  #isOver = false;
  #number = 0;

  constructor(url: string) {
    this.#url = url;
  }

  stop(): void {
    this.#isOver = true;
  }

  #post(): string {
    this.#number += 1;
    return JSON.stringify({ user_id: `author${this.#number % 5}`, text: `number ${this.#number}` });
  }

  /** Until the server takes no more. */
  async singly(): Promise<void> {
    while (!this.#isOver) {
      try {
        const response = await fetch(`${this.#url}/v1/ingest/tweets`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: this.#post(),
        });
        const { id } = (await response.json()) as { id: string };
        if (response.status === 202) this.acknowledged.push(id);
        else this.refused.push(response.status);
      } catch {
        return;
      }
    }
  }

  async streaming(): Promise<void> {
    const body = request(`${this.#url}/v1/ingest/tweets`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/x-ndjson" },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    const write = (): void => {
      if (body.destroyed || this.#isOver) return;
      body.write(`${this.#post()}\n`);
      setTimeout(write, 2);
    };
    body.on("error", () => resolve()).on("close", () => resolve());
    body.on("response", (response) => {
      response.on("error", () => resolve());
      createInterface({ input: response })
        .on("line", (line) => {
          if (!line.endsWith("}")) return;
          const { status, id } = JSON.parse(line) as { status: number; id: string };
          if (status === 202) this.acknowledged.push(id);
          else this.refused.push(status);
        })
        .on("error", () => undefined);
    });
    write();
    await promise;
  }
}

/** A WebSocket that notes its frames until it is closed. */
function watch(url: string): {
  readonly closed: Promise<{ code: number; frames: Frame[] }>;
  readonly open: Promise<unknown>;
  readonly leave: () => void;
} {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/tweets/live`);
  const frames: Frame[] = [];
  const { promise: open, resolve } = Promise.withResolvers<void>();
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)) as Frame);
    if (frames.at(-1)?.type === "caught_up") resolve();
  });
  const closed = once(socket, "close").then(([code]) => ({ code: code as number, frames }));
  return { closed, open, leave: () => socket.close() };
}

describe("SIGTERM", () => {
  let dataDir: string;
  let port: number;
  let server: Server;
  const started: Server[] = [];
  const start = async (
    drain: string,
    own: Readonly<Record<string, string>> = {},
  ): Promise<Server> => {
    server = await Server.start(dataDir, port, { "deliver-drain": drain, ...own });
    started.push(server);
    return server;
  };
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "penstock-sigterm-"));
    port = await freePort();
  });
  afterEach(async () => {
    for (const one of started.splice(0)) one.kill();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });

  test("under load: everybody is told, what was accepted is kept, and all clients resume without loss", async () => {
    await start("1s");
    const watchers = Array.from({ length: CLIENTS }, () => watch(server.url));
    await Promise.all(watchers.map(({ open }) => open));
    const abort = new AbortController();
    // Streams that are not closed reconnect for ever.
    using _readers = { [Symbol.dispose]: () => abort.abort() };
    const taken = Array.from({ length: CLIENTS }, () => [] as string[]);
    const penstock = new Penstock({ url: server.url });
    const opened: Promise<void>[] = [];
    const following = taken.map(async (ids) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      opened.push(promise);
      const stream = penstock.stream("tweets", {
        whenBehind: "wait",
        signal: abort.signal,
        backoff: { baseMs: 20, maxMs: 200 },
        onStatus: ({ state }) => state === "open" && resolve(),
      });
      for await (const { id } of stream) ids.push(id);
    });
    await Promise.all(opened);
    const publisher = new Publisher(server.url);
    const publishing = Promise.all([
      publisher.singly(),
      publisher.singly(),
      publisher.streaming(),
      publisher.streaming(),
    ]);
    while (publisher.acknowledged.length < 300) await new Promise((done) => setTimeout(done, 10));
    server.signal("SIGTERM");
    assert.deepEqual(await server.ended(), [0, null]);
    publisher.stop();
    await publishing;
    assert.ok(
      publisher.refused.every((status) => status === 503),
      `${publisher.refused}`,
    );

    for (const { closed } of watchers) {
      const { code, frames } = await closed;
      assert.equal(code, 1001);
      const goAway = frames.find(({ type }) => type === "go_away");
      assert.equal(goAway?.deadline_ms, 1000);
      // The checkpoint is the last that is said, behind every event.
      assert.equal(frames.at(-1)?.type, "checkpoint");
      assert.ok(frames.some(({ event_type }) => event_type !== undefined));
    }

    // The port is free, and the data too.
    await start("0ms");
    const wanted = new Set(publisher.acknowledged);
    const isComplete = (ids: readonly string[]): boolean => {
      const got = new Set(ids);
      return [...wanted].every((id) => got.has(id));
    };
    while (!taken.every(isComplete)) await new Promise((done) => setTimeout(done, 50));
    for (const ids of taken) assert.equal(new Set(ids).size, ids.length, "nothing comes twice");
    for (const ids of taken) assert.deepEqual(new Set(ids), new Set(taken[0]));
    abort.abort();
    await Promise.all(following);
  });

  for (const second of ["SIGTERM", "SIGINT"] as const) {
    test(`${second} after it does not wait for the drain, and is as clean`, async () => {
      // Twenty minutes for each: only the second signal can end this test.
      await start("3h", { "deliver-drain-step": "20m" });
      const watchers = Array.from({ length: 3 }, () => watch(server.url));
      await Promise.all(watchers.map(({ open }) => open));
      server.signal("SIGTERM");
      while ((await fetch(`${server.url}/readyz`)).status !== 503)
        await new Promise((done) => setTimeout(done, 10));
      server.signal(second);
      assert.deepEqual(await server.ended(), [0, null]);
      for (const { closed } of watchers) {
        const { code, frames } = await closed;
        assert.equal(code, 1001);
        assert.equal(frames.at(-1)?.type, "checkpoint");
      }
    });
  }

  test("a few clients leave at once, and some that left need no time", {
    timeout: 60_000,
  }, async () => {
    // An hour each for clients that are gone is longer than this test may take.
    await start("1h");
    const watchers = Array.from({ length: CLIENTS }, () => watch(server.url));
    await Promise.all(watchers.map(({ open }) => open));
    server.signal("SIGTERM");
    assert.deepEqual(await server.ended(), [0, null]);
    for (const { closed } of watchers) assert.equal((await closed).code, 1001);
    await start("2h", { "deliver-drain-step": "1h" });
    const leaving = watch(server.url);
    await leaving.open;
    server.signal("SIGTERM");
    while ((await fetch(`${server.adminUrl}/readyz`)).status !== 503)
      await new Promise((done) => setTimeout(done, 10));
    leaving.leave();
    assert.deepEqual(await server.ended(), [0, null]);
  });

  for (const workers of ["0", "2"]) {
    test(`with ${workers} workers, operators see a server that stops`, async () => {
      await start("1h", { "deliver-drain-step": "20m", workers });
      const ready = async (at: string): Promise<number> => (await fetch(`${at}/readyz`)).status;
      assert.equal(await ready(server.adminUrl), 200);
      const { open, closed } = watch(server.url);
      await open;
      server.signal("SIGTERM");
      while ((await ready(server.adminUrl)) !== 503)
        await new Promise((done) => setTimeout(done, 10));
      assert.equal((await fetch(`${server.adminUrl}/healthz`)).status, 200);
      const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
      assert.match(metrics, /^penstock_connections\{transport="websocket[^"]*"\} 1$/m);
      server.signal("SIGTERM");
      assert.deepEqual(await server.ended(), [0, null]);
      assert.equal((await closed).code, 1001);
    });
  }

  test("nothing that a client holds open keeps the server", async () => {
    await start("20ms");
    const sockets: Socket[] = [];
    const send = async (text: string, answer: RegExp | undefined): Promise<void> => {
      const socket = connect(port, "127.0.0.1");
      sockets.push(socket);
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(text);
      let said = "";
      while (answer !== undefined && !answer.test(said))
        said += String((await once(socket, "data"))[0]);
      // From here on it reads nothing.
      socket.pause();
    };
    const host = "host: 127.0.0.1\r\n";
    const upgrade =
      "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    const lines = "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n";
    await send("", undefined);
    await send("GET /healthz HT", undefined);
    await send(`GET /healthz HTTP/1.1\r\n${host}\r\n`, /ok/);
    await send(`GET /v1/tweets/live HTTP/1.1\r\n${host}\r\n`, /caught_up/);
    await send(
      `GET /v1/tweets/live HTTP/1.1\r\n${host}accept: text/event-stream\r\n\r\n`,
      /caught_up/,
    );
    await send(`GET /v1/tweets/live HTTP/1.1\r\n${host}${upgrade}\r\n`, /caught_up/);
    await send(`GET /stream/ws HTTP/1.1\r\n${host}${upgrade}\r\n`, /hello/);
    await send(`GET /v1/tweets/recent?after=now&wait_ms=20000 HTTP/1.1\r\n${host}\r\n`, undefined);
    await send(
      `POST /v1/ingest/tweets HTTP/1.1\r\n${host}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{`,
      undefined,
    );
    await send(`POST /v1/ingest/tweets HTTP/1.1\r\n${host}${lines}\r\n1\r\n{\r\n`, undefined);
    server.signal("SIGTERM");
    assert.deepEqual(await server.ended(), [0, null]);
    for (const socket of sockets) socket.destroy();
  });

  test("clients that come back at once, again and again, do not keep the server", async () => {
    await start("500ms");
    const coming = new AbortController();
    let came = 0;
    const comeBack = (): void => {
      if (coming.signal.aborted) return;
      const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/tweets/live`);
      came += 1;
      socket.onerror = () => undefined;
      socket.onclose = () => setTimeout(comeBack, 1);
    };
    for (let made = 0; made < 40; made++) comeBack();
    try {
      await new Promise((done) => setTimeout(done, 300));
      const before = came;
      server.signal("SIGTERM");
      assert.deepEqual(await server.ended(), [0, null]);
      assert.ok(came > before, "nobody came back");
    } finally {
      coming.abort();
    }
  });
});
