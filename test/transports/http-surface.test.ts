import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import {
  NdjsonReader,
  ndjsonDriver,
  requestHead,
  SseReader,
  sseDriver,
  UPGRADE,
} from "./drivers.ts";
import { RawConnection } from "./raw-connection.ts";
import { TestServer } from "./test-server.ts";
import { ofType, type TransportConnection } from "./transport-driver.ts";

/** What a server says to some bytes, up to the end of the connection. */
async function exchange(server: TestServer, bytes: string): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(bytes);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

const upgradeTo = (server: TestServer, path: string, headers: Record<string, string> = {}) =>
  exchange(server, requestHead(server.url, path, { ...UPGRADE, ...headers }));

describe("the formats of the transports over HTTP", () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({
      "deliver-heartbeat-interval": "200ms",
      "deliver-checkpoint-interval": "50ms",
    });
  });
  after(async () => await server[Symbol.asyncDispose]());

  const eventStream = async (connection: TransportConnection): Promise<SseReader> => {
    await connection.next(ofType("heartbeat"));
    const reader = new SseReader();
    reader.feed(Buffer.from(connection.text.slice(connection.text.indexOf("\r\n\r\n") + 4)));
    return reader;
  };

  test("a plain EventSource gets events by onmessage and control frames by name", async () => {
    const published = await server.publish(["a #sse", "b\r\nid: forged\n\n #sse", "c\u2028 #sse"]);
    const query = { hashtags: "sse", since: "earliest" };
    const stream = sseDriver.connect(server.url, { live: "tweets", query });
    const { messages } = await eventStream(stream);
    stream.destroy();
    const events = messages.filter(({ event }) => event === "message");
    assert.deepEqual(
      events.map(({ data }) => (JSON.parse(data) as { id: string }).id),
      published,
    );
    for (const { event, data } of messages) {
      const { type } = JSON.parse(data) as { type?: string };
      assert.equal(event, type ?? "message");
    }
    assert.match(stream.text, /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/event-stream/);
    assert.match(stream.text, /\r\ncache-control: no-store\r\n/);
  });

  test("only subscribed and checkpoints carry an id, and it is the cursor", async () => {
    await server.publish(["one #ided"]);
    const query = { hashtags: "ided", since: "earliest" };
    const stream = sseDriver.connect(server.url, { live: "tweets", query });
    const { messages } = await eventStream(stream);
    stream.destroy();
    const blocks = stream.text.split("\n\n").filter((block) => /^id:/m.test(block));
    assert.ok(blocks.length >= 2);
    for (const block of blocks) assert.match(block, /event: (subscribed|checkpoint)\n/);
    for (const { event, lastEventId, data } of messages) {
      if (event !== "subscribed" && event !== "checkpoint") continue;
      assert.equal(lastEventId, (JSON.parse(data) as { cursor: string }).cursor);
    }
  });

  test("NDJSON is one frame a line", async () => {
    await server.publish(["x\ny #lines"]);
    const query = { hashtags: "lines", since: "earliest" };
    const stream = ndjsonDriver.connect(server.url, { live: "tweets", query });
    await stream.next(ofType("heartbeat"));
    stream.destroy();
    const [head = "", body = ""] = stream.text.split("\r\n\r\n");
    assert.match(head, /content-type: application\/x-ndjson/);
    const lines = body.split("\n").slice(0, -1);
    for (const line of lines) assert.equal(typeof JSON.parse(line), "object");
    assert.equal(lines.length, stream.frames.length);
  });

  test("a plain client of a WebSocket library reads a session's websocket_url", async () => {
    const answer = await server.request("POST", "/v1/stream/subscribe", {
      stream: "tweets",
      filters: { hashtags: ["plain"] },
    });
    assert.equal(answer.status, 201);
    const { websocket_url, sse_url, expires_at, limits } = answer.body;
    assert.match(String(websocket_url), /^ws:\/\/127\.0\.0\.1:\d+\/v1\/stream\/ses_/);
    assert.match(String(sse_url), /^http:\/\/127\.0\.0\.1:\d+\/v1\/stream\/ses_[^/]+\/events$/);
    assert.ok(Date.parse(String(expires_at)) > Date.now());
    assert.equal((limits as { match_all: boolean }).match_all, true);
    const socket = new WebSocket(String(websocket_url));
    const caughtUp = Promise.withResolvers<void>();
    const event = Promise.withResolvers<string>();
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data)) as { type?: string; id?: string };
      if (frame.type === "caught_up") caughtUp.resolve();
      if (frame.id !== undefined) event.resolve(frame.id);
    });
    await caughtUp.promise;
    const [id] = await server.publish(["hello #plain"]);
    assert.equal(await event.promise, id);
    const pong = Promise.withResolvers<string>();
    socket.on("pong", (data) => pong.resolve(String(data)));
    socket.ping("are you there");
    assert.equal(await pong.promise, "are you there");
    assert.equal(socket.extensions, "permessage-deflate", "the library offers it, and gets it");
    const closed = Promise.withResolvers<number>();
    socket.on("close", closed.resolve);
    socket.close(1000);
    assert.equal(await closed.promise, 1000);
    const response = await fetch(String(sse_url), { headers: { accept: "text/event-stream" } });
    assert.equal(response.status, 200);
    await response.body?.cancel();
  });

  test("/stream/ws takes its subscription from the first frame", async () => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/stream/ws`);
    const types: (string | undefined)[] = [];
    const caughtUp = Promise.withResolvers<void>();
    socket.on("message", (data) => {
      const { type } = JSON.parse(String(data)) as { type?: string };
      types.push(type);
      if (type === "hello") socket.send('{"type":"subscribe","stream":"tweets"}');
      if (type === "caught_up") caughtUp.resolve();
    });
    await caughtUp.promise;
    assert.deepEqual(types, ["hello", "subscribed", "caught_up"]);
    socket.terminate();
  });
});

describe("methods, origins and upgrades", () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({ "api-allowed-origins": "https://app.example" });
  });
  after(async () => await server[Symbol.asyncDispose]());

  test("other methods than GET are refused with Allow", async () => {
    for (const path of ["/v1/tweets/live", "/v1/stream/ses_x/events"]) {
      for (const method of ["HEAD", "POST", "DELETE"]) {
        const response = await fetch(`${server.url}${path}`, { method });
        assert.equal(response.status, 405, `${method} ${path}`);
        assert.equal(response.headers.get("allow"), "GET");
        await response.body?.cancel();
      }
    }
  });

  test("HEAD answers as GET does, without the body", async () => {
    const paths = [
      "/",
      "/client.js",
      "/healthz",
      "/readyz",
      "/v1/streams",
      "/docs",
      "/v1/openapi.json",
    ];
    for (const path of [
      ...paths,
      "/v1/tweets/recent",
      "/v1/tweets/recent?nope=1",
      "/v1/stream/sessions",
    ]) {
      const get = await fetch(`${server.url}${path}`);
      const head = await fetch(`${server.url}${path}`, { method: "HEAD" });
      const body = await get.arrayBuffer();
      assert.equal(head.status, get.status, path);
      for (const name of ["content-type", "etag", "cache-control"])
        assert.equal(head.headers.get(name), get.headers.get(name), `${path} ${name}`);
      assert.equal(head.headers.get("content-length"), String(body.byteLength), path);
      assert.equal((await head.arrayBuffer()).byteLength, 0, path);
    }
    const metrics = await fetch(`${server.adminUrl}/metrics`, { method: "HEAD" });
    assert.equal(metrics.status, 200);
  });

  test("a preflight is answered for origins that may connect, and for no others", async () => {
    const ask = async (origin: string) =>
      await fetch(`${server.url}/v1/stream/subscribe`, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "content-type",
        },
      });
    for (const origin of ["https://app.example", "http://localhost:3000", server.url]) {
      const answer = await ask(origin);
      assert.equal(answer.status, 204);
      assert.equal(answer.headers.get("access-control-allow-origin"), origin);
      assert.match(answer.headers.get("access-control-allow-methods") ?? "", /POST/);
    }
    for (const origin of ["https://evil.example", "https://app.example.evil.example", "null"]) {
      const answer = await ask(origin);
      assert.equal(answer.headers.get("access-control-allow-origin"), null, origin);
    }
  });

  test("a page may read a stream over HTTP only where its origin may connect", async () => {
    const ask = async (origin: string) => {
      const response = await fetch(`${server.url}/v1/tweets/live`, { headers: { origin } });
      await response.body?.cancel();
      return response.headers.get("access-control-allow-origin");
    };
    assert.equal(await ask("https://app.example"), "https://app.example");
    assert.equal(await ask("https://evil.example"), null);
  });

  test("a WebSocket of a foreign page is refused, and its own and localhost's are not", async () => {
    for (const origin of ["https://evil.example", "null", "http://localhost.evil.example"]) {
      const text = await upgradeTo(server, "/v1/tweets/live", { origin });
      assert.match(text, /^HTTP\/1\.1 403 /);
      assert.match(text, /"code":"origin_refused"/);
    }
    for (const origin of ["https://app.example", "http://127.0.0.1:5173", server.url]) {
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/tweets/live`, {
        origin,
      });
      await new Promise((resolve, reject) => {
        socket.once("open", resolve);
        socket.once("error", reject);
      });
      socket.terminate();
    }
  });

  test("an upgrade to nowhere says what there is", async () => {
    const text = await upgradeTo(server, "/nowhere");
    assert.match(text, /^HTTP\/1\.1 404 /);
    assert.match(text, /"code":"not_found".*\/stream\/ws/);
    for (const path of ["/v1/%zz/live", "//", "/v1/tweets%2Flive%zz"]) {
      assert.match(await upgradeTo(server, path), /^HTTP\/1\.1 4\d\d /, path);
    }
  });

  test("another upgrade than ours is passed over", async () => {
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c" };
    const stream = ndjsonDriver.connect(server.url, { live: "tweets" }, { headers });
    await stream.next(ofType("caught_up"));
    stream.destroy();
  });

  test("what follows a stream on its connection is not answered into the stream", async () => {
    const request = requestHead(server.url, "/v1/tweets/live", { accept: "*/*" });
    const reader = new NdjsonReader();
    const stream = new RawConnection(server.url, request + request, reader, undefined, {});
    await stream.next(ofType("caught_up"));
    stream.sendBytes(Buffer.from(request));
    await stream.over;
    assert.equal(stream.text.split("HTTP/1.1 200").length, 2);
    assert.equal(stream.frames.filter(ofType("hello")).length, 1);
  });
});
