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

/** A source that follows a node from block 1 on, as a server starts it. */
async function sourceOf(t: TestContext, url: string): Promise<EvmSource> {
  const { log, [Symbol.asyncDispose]: close } = await temporaryLog();
  t.after(close);
  const streams = loadStreams(undefined, new Map([["chain-events", chainEvents]]), 1);
  const options = defaultsOf(ingestOptions);
  const ingester = new Ingester({ streams, options, log, now: Date.now });
  const stream = ingester.stream("chain-events");
  await ensureTopics(log, stream, {});
  const tell = (): void => undefined;
  return startEvmSource({
    ...{ chain: "ETH", urls: [url], from: 1, stream, ingester, log, tell, now: Date.now },
  });
}

/** A node over HTTP that does with each call what a test says. */
async function httpNode(
  t: TestContext,
  called: (call: { id: number; method: string; params: unknown[] }, answer: ServerResponse) => void,
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
    const hashOf = (number: number): string => `0x${number.toString(16).padStart(64, "0")}`;
    const stopped = Promise.withResolvers<void>();
    let asked = 0;
    let source: EvmSource | undefined;
    const url = await httpNode(t, ({ id, method, params: [name] }, response) => {
      asked += 1;
      if (asked === 10) stopped.resolve(source?.[Symbol.asyncDispose]());
      const number = name === "latest" ? 1000 : Number(name);
      const block = {
        number: `0x${number.toString(16)}`,
        ...{ hash: hashOf(number), parentHash: hashOf(number - 1), transactions: [] },
        ...{ timestamp: "0x66000000", gasUsed: "0x0", gasLimit: "0x1" },
      };
      const result = method === "eth_getBlockReceipts" ? [] : block;
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    });
    source = await sourceOf(t, url);
    await stopped.promise;
    assert.equal(asked, 10);
  },
);
