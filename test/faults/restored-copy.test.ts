/** A data directory is set back to a copy of itself: whoever read what is lost is told so. */
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ndjsonDriver } from "../transports/drivers.ts";
import { TestServer } from "../transports/test-server.ts";
import { eventsOf, ofType } from "../transports/transport-driver.ts";

/** The cursor behind all that there is. */
async function cursorOfAll(server: TestServer): Promise<string> {
  const stream = ndjsonDriver.connect(server.url, {
    live: "tweets",
    query: { since: "earliest", when_behind: "wait" },
  });
  const { cursor } = await stream.next(ofType("caught_up"));
  stream.destroy();
  return String(cursor);
}

const posts = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${name} ${at}`);

test("a cursor from before a restored copy holds, and one from the future that is lost is refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "penstock-restored-"));
  await using server = await TestServer.start({ "deliver-checkpoint-interval": "10ms" });
  const copy = join(folder, "copy");
  try {
    await server.publish(posts("kept", 5));
    const before = await cursorOfAll(server);
    await server.stop();
    await cp(server.dataDir, copy, { recursive: true });
    await server.start();
    await server.publish(posts("lost", 5));
    const lost = await cursorOfAll(server);
    const session = await server.subscribe({ stream: "tweets", start: { cursor: lost } });
    await server.stop();
    await rm(server.dataDir, { recursive: true });
    await cp(copy, server.dataDir, { recursive: true });
    await server.start();
    // Its offsets are there again, and mean other posts.
    const now = await server.publish(posts("now", 10));
    const refused = ndjsonDriver.connect(server.url, { live: "tweets", query: { cursor: lost } });
    await assert.rejects(refused.next(ofType("hello")), "a cursor that lies is taken");
    assert.match(refused.text, /^HTTP\/1\.1 409 /);
    assert.match(refused.text, /"code":"cursor_foreign"/);
    const recent = await server.request("GET", `/v1/tweets/recent?after=${lost}`);
    assert.deepEqual([recent.status, recent.body.code], [409, "cursor_foreign"]);
    assert.equal((await server.request("GET", `/v1/stream/subscribe/${session}`)).status, 404);
    const resumed = ndjsonDriver.connect(server.url, { live: "tweets", query: { cursor: before } });
    await resumed.next(({ id }) => id === now.at(-1));
    assert.deepEqual(
      eventsOf(resumed).map(({ id }) => id),
      now,
    );
    resumed.destroy();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
