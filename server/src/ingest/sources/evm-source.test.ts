import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { WebSocketServer } from "ws";
import { temporaryLog } from "../../log/temporary-log.ts";
import { defaultsOf } from "../../option.ts";
import { ensureTopics, loadStreams } from "../../streams/index.ts";
import { Ingester } from "../ingester.ts";
import { ingestOptions } from "../options.ts";
import { type EvmSource, startEvmSource } from "./evm-source.ts";
import type { Tell } from "./source.ts";

/** What a source of a chain needs, on a log of its own. */
async function setUp(t: TestContext, url: string, inFlightBytesMax?: number) {
  const { log, [Symbol.asyncDispose]: close } = await temporaryLog();
  t.after(close);
  const streams = loadStreams(undefined, new Map([["chain-events", chainEvents]]), 1);
  const given = inFlightBytesMax === undefined ? {} : { inFlightBytesMax };
  const options = { ...defaultsOf(ingestOptions), ...given };
  const ingester = new Ingester({ streams, options, log, now: Date.now });
  const stream = ingester.stream("chain-events");
  await ensureTopics(log, stream, {});
  const tell: Tell = () => undefined;
  return { chain: "ETH", urls: [url], from: 1, stream, ingester, log, tell, now: Date.now };
}

/** A source that follows a node from block 1 on, as a server starts it. */
async function sourceOf(t: TestContext, url: string): Promise<EvmSource> {
  return startEvmSource(await setUp(t, url));
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What a node answers whose chain has so many empty blocks, of which none is final. */
function answerOf({ id, method, params: [name] }: Call, head: number): string {
  const hashOf = (number: number): string => `0x${number.toString(16).padStart(64, "0")}`;
  const number = name === "latest" ? head : Number(name);
  const block = {
    number: `0x${number.toString(16)}`,
    ...{ hash: hashOf(number), parentHash: hashOf(number - 1), transactions: [] },
    ...{ timestamp: "0x66000000", gasUsed: "0x0", gasLimit: "0x1" },
  };
  const found = name === "finalized" ? null : block;
  const result = method === "eth_getBlockReceipts" ? [] : found;
  return JSON.stringify({ jsonrpc: "2.0", id, result });
}

/** A node over HTTP that does with each call what a test says. */
async function httpNode(
  t: TestContext,
  called: (call: Call, answer: ServerResponse) => void,
): Promise<string> {
  const server = createServer(async (request, response) => {
    called(JSON.parse(await text(request)), response);
  }).listen(0, "127.0.0.1");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

// A stop that waits for the node does not end in the time of a test: a node has 20 s for an answer.
const options = { timeout: 10_000 };

for (const begins of [false, true]) {
  const what = begins ? "only begins its answers" : "answers nothing";
  test(`a source stops while a node ${what}`, options, async (t) => {
    const asked = Promise.withResolvers<void>();
    const url = await httpNode(t, (_, response) => {
      if (begins) response.write('{"jsonrpc":');
      asked.resolve();
    });
    const source = await sourceOf(t, url);
    await asked.promise;
    await source[Symbol.asyncDispose]();
  });
}

test("a source stops while a node over a WebSocket answers nothing", options, async (t) => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  await once(server, "listening");
  const source = await sourceOf(t, `ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [socket] = await once(server, "connection");
  await once(socket, "message");
  await source[Symbol.asyncDispose]();
});

test("a source stops while a node does not even take its WebSocket", options, async (t) => {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const source = await sourceOf(t, `ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [socket] = await once(server, "connection");
  t.after(() => {
    socket.destroy();
    server.close();
  });
  await source[Symbol.asyncDispose]();
});

test(
  "a source that stops asks its node for nothing more, whatever there is to tell",
  options,
  async (t) => {
    const stopped = Promise.withResolvers<void>();
    let asked = 0;
    let source: EvmSource | undefined;
    const url = await httpNode(t, (call, response) => {
      asked += 1;
      if (asked === 10) stopped.resolve(source?.[Symbol.asyncDispose]());
      response.end(answerOf(call, 1000));
    });
    source = await sourceOf(t, url);
    await stopped.promise;
    assert.equal(asked, 10);
  },
);

test("a source waits while too much waits for the log, and goes on afterwards", async (t) => {
  const url = await httpNode(t, (call, response) => response.end(answerOf(call, 3)));
  const init = await setUp(t, url, 1000);
  const { ingester, log, stream } = init;
  const held = ingester.holding();
  held.add(990);
  const refused = Promise.withResolvers<void>();
  const watched = new Proxy(ingester, {
    get: (target, name) => {
      if (name === "append") refused.resolve();
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const told: string[] = [];
  const tell: Tell = (level, message) => told.push(`${level} ${message}`);
  await using _source = startEvmSource({ ...init, ingester: watched, tell });
  await refused.promise;
  assert.deepEqual(await log.heads(stream.ingestTopic), [0]);
  held.release();
  await log.waitForMore(stream.ingestTopic, [2], new AbortController().signal);
  assert.deepEqual(told.slice(0, 1), ["info a chain begins"]);
  assert.ok(!told.some((line) => line.startsWith("warn")), told.join());
});
