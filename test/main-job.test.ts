import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocket } from "ws";
import { serveHere } from "./serve-here.ts";

/** A server of its own on free ports, with its data, for one test. */
async function publish(url: string, post: object): Promise<string> {
  const response = await fetch(`${url}/v1/ingest/tweets`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(post),
  });
  assert.equal(response.status, 202);
  return ((await response.json()) as { id: string }).id;
}

interface Frame {
  readonly type?: string;
  readonly event_type?: string;
  readonly id?: string;
  readonly cursor?: string;
}

/** Reads frames until so many events came. */
async function read(address: string, events: number): Promise<{ ids: string[]; cursor: string }> {
  const socket = new WebSocket(address.replace(/^http/, "ws"));
  const ids: string[] = [];
  let cursor = "";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data)) as Frame;
    if (frame.event_type !== undefined) ids.push(frame.id ?? "");
    if (frame.cursor !== undefined) cursor = frame.cursor;
    if (ids.length >= events && frame.type === "checkpoint") resolve();
  });
  socket.on("error", reject);
  await promise;
  socket.terminate();
  return { ids, cursor };
}

test("what is published is delivered once to who asked for it, also across a restart", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-main-"));
  try {
    await using started = new AsyncDisposableStack();
    const expected: string[] = [];
    let server = started.use(await serveHere(dataDir));
    const reading = read(`${server.url}/v1/tweets/live?hashtags=wanted&since=earliest`, 6);
    for (let number = 0; number < 6; number++) {
      await publish(server.url, { user_id: `u${number}`, text: "not for you #other" });
      expected.push(
        await publish(server.url, { user_id: "author", text: `number ${number} #Wanted` }),
      );
      if (number === 2) await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    await publish(server.url, { user_id: "author", text: "one more for the checkpoint #wanted" });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await publish(server.url, { user_id: "author", text: "and its second #wanted" });
    const first = await reading;
    assert.deepEqual(first.ids.slice(0, 6), expected);
    assert.equal(new Set(first.ids).size, first.ids.length);
    await server[Symbol.asyncDispose]();

    server = started.use(await serveHere(dataDir));
    const next = read(`${server.url}/v1/tweets/live?hashtags=wanted&cursor=${first.cursor}`, 1);
    const later = await publish(server.url, {
      user_id: "author",
      text: "after the restart #wanted",
    });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await publish(server.url, { user_id: "author", text: "the last #wanted" });
    const second = await next;
    assert.ok(second.ids.includes(later));
    assert.deepEqual(
      second.ids.filter((id) => first.ids.includes(id)),
      [],
    );
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
