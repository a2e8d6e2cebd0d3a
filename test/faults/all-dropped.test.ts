/** F15: all clients are dropped at once, and all come back at once, under load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Penstock } from "@penstock-dev/client";
import { WebSocket } from "ws";
import { TestServer } from "../transports/test-server.ts";
import { residentBytes } from "./connection-memory.ts";

const WORKERS = 4;
const CLIENTS = 200;
const TAGS = 20;
/** How much the memory of all processes together may grow while everybody comes back. */
const MEMORY_FACTOR_MAX = 2;
const LOOK_MS = 20;

async function workerPids(server: TestServer): Promise<number[]> {
  const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const found = metrics.matchAll(/cpu_seconds_total\{process="worker-(\d+)-/g);
  return [...found].map(([, pid]) => Number(pid));
}

test("F15: everybody is dropped at once, comes back, and misses nothing", async (t) => {
  await using server = await TestServer.start({ workers: String(WORKERS) });
  const abort = new AbortController();
  const sockets = new Set<WebSocket>();
  let opened = 0;
  const penstock = new Penstock({
    url: server.url,
    webSocket: (url) => {
      const socket = new WebSocket(url);
      socket.on("error", () => undefined);
      socket.on("open", () => {
        opened += 1;
        sockets.add(socket);
      });
      socket.on("close", () => sockets.delete(socket));
      return socket as never;
    },
  });
  const taken = Array.from({ length: CLIENTS }, () => [] as string[]);
  const following = taken.map(async (ids, number) => {
    const events = penstock.stream("tweets", {
      filters: { hashtags: [`tag${number % TAGS}`] },
      start: "earliest",
      whenBehind: "wait",
      signal: abort.signal,
      backoff: { baseMs: 5, maxMs: 50 },
    });
    for await (const { id } of events) ids.push(id);
  });
  const published = Array.from({ length: TAGS }, () => [] as string[]);
  const publish = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const texts = Array.from({ length: TAGS }, (_, tag) => `post ${round} #tag${tag}`);
      for (const [tag, id] of (await server.ingest(texts)).entries()) published[tag]?.push(id);
    }
  };
  const allHave = async (): Promise<void> => {
    const isThere = (ids: readonly string[], number: number): boolean =>
      ids.at(-1) === published[number % TAGS]?.at(-1);
    while (!taken.every(isThere)) await new Promise((done) => setTimeout(done, LOOK_MS));
  };
  await publish(5);
  await allHave();

  const pids = await workerPids(server);
  assert.equal(pids.length, WORKERS);
  const before = residentBytes(pids);
  let peak = 0;
  const look = setInterval(() => {
    peak = Math.max(peak, residentBytes(pids) ?? 0);
  }, LOOK_MS);
  for (let drop = 0; drop < 2; drop++) {
    const openedBefore = opened;
    assert.equal(sockets.size, CLIENTS);
    const publishing = publish(10);
    for (const socket of sockets) socket.terminate();
    await publishing;
    await allHave();
    while (sockets.size < CLIENTS) await new Promise((done) => setTimeout(done, LOOK_MS));
    assert.ok(opened - openedBefore >= CLIENTS, "somebody was not dropped");
  }
  clearInterval(look);
  for (const [number, ids] of taken.entries())
    assert.deepEqual(ids, published[number % TAGS], `client ${number}`);
  if (before !== undefined) {
    assert.ok(peak > 0);
    assert.ok(peak <= before * MEMORY_FACTOR_MAX, `${peak} bytes, and ${before} before`);
  }
  assert.equal(await server.metric("penstock_silent_skips_total"), 0);
  abort.abort();
  await Promise.all(following);
  t.diagnostic(`${before} bytes before, ${peak} at most`);
});
