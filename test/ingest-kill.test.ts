import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { serverUnderTest } from "../simulator/src/server-under-test.ts";
import { ndjsonDriver } from "./transports/drivers.ts";

/** Kills, by the processes that serve the clients. */
const ROUNDS = new Map([
  ["0", 3],
  ["4", 1],
]);

interface Acknowledged {
  readonly id: string;
  readonly position: string;
}

/** Sends lines without end, and notes each that is acknowledged, until the connection breaks. */
function sendUntilCut(
  url: string,
  author: string,
  acknowledged: Acknowledged[],
): { readonly cut: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const body = request(`${url}/v1/ingest/tweets`, {
    method: "POST",
    agent: false,
    headers: { "content-type": "application/x-ndjson" },
  });
  let number = 0;
  const write = (): void => {
    if (body.destroyed) return;
    let open = true;
    for (let line = 0; line < 20 && open; line++) {
      number += 1;
      open = body.write(`${JSON.stringify({ user_id: author, text: `number ${number}` })}\n`);
    }
    if (open) setTimeout(write, 1);
    else body.once("drain", write);
  };
  body.on("error", () => resolve());
  body.on("close", () => resolve());
  body.on("response", (response) => {
    response.on("error", () => resolve());
    createInterface({ input: response })
      .on("line", (line) => {
        // A line that is cut off acknowledges nothing.
        if (!line.endsWith("}")) return;
        const { status, id, position } = JSON.parse(line) as Acknowledged & { status: number };
        assert.equal(status, 202);
        acknowledged.push({ id, position });
      })
      .on("error", () => undefined);
  });
  write();
  return { cut: promise };
}

/** Posts one event after another, and notes each that is acknowledged, until the connection breaks. */
async function postUntilCut(
  url: string,
  author: string,
  acknowledged: Acknowledged[],
): Promise<void> {
  for (let number = 1; ; number++) {
    try {
      const response = await fetch(`${url}/v1/ingest/tweets`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user_id: author, text: `single ${number}` }),
      });
      const answer = (await response.json()) as Acknowledged;
      assert.equal(response.status, 202);
      acknowledged.push(answer);
    } catch (caught) {
      if (caught instanceof assert.AssertionError) throw caught;
      return;
    }
  }
}

for (const [workers, rounds] of ROUNDS)
  test(`F18: every record acknowledged before kill -9 is delivered after a restart (${workers} workers)`, async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), "penstock-kill-"));
    const server = await serverUnderTest({ dataDir, flags: { workers }, ownProcess: true });
    const acknowledged: Acknowledged[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        await server.start();
        const senders = ["a", "b", "c"].map((author) =>
          sendUntilCut(server.url, `${author}${round}`, acknowledged),
        );
        const posters = ["d", "e"].map((author) =>
          postUntilCut(server.url, `${author}${round}`, acknowledged),
        );
        const target = acknowledged.length + 500 + round * 333;
        while (acknowledged.length < target) await new Promise((resolve) => setTimeout(resolve, 2));
        await server.kill("all");
        await Promise.all([...posters, ...senders.map(({ cut }) => cut)]);
      }
      await server.start();
      const missing = new Set(acknowledged.map(({ id }) => id));
      assert.equal(missing.size, acknowledged.length, "an id was given twice");
      const positions = new Set(acknowledged.map(({ position }) => position));
      assert.equal(positions.size, acknowledged.length, "a position was given twice");
      const seen = new Set<string>();
      const stream = ndjsonDriver.connect(server.url, {
        live: "tweets",
        query: { since: "earliest", when_behind: "wait" },
      });
      await stream.next(({ id }) => {
        if (id === undefined) return false;
        assert.ok(!seen.has(id), `${id} came twice`);
        seen.add(id);
        missing.delete(id);
        return missing.size === 0;
      });
      stream.destroy();
      t.diagnostic(`${acknowledged.length} records acknowledged over ${rounds} kills`);
    } finally {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
