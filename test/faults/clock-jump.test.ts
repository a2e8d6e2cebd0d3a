/** F17: the machine's clock jumps, forward and backward, under a server that serves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ndjsonDriver } from "../transports/drivers.ts";
import { TestServer } from "../transports/test-server.ts";
import { type Frame, isEvent, placeOf } from "../transports/transport-driver.ts";

const HOUR_MS = 3_600_000;
/** Forward and backward, by less and by more than anything times out after. */
const JUMPS_MS = [0, HOUR_MS, -2 * HOUR_MS, 5000, -5000, 10 * HOUR_MS, -9 * HOUR_MS];

test("F17: whatever the clock says, all is delivered, in order, and times never go backwards", async () => {
  const { now } = Date;
  let shiftMs = 0;
  // Whatever takes the time takes it from here.
  Date.now = () => now() + shiftMs;
  try {
    await using server = await TestServer.start();
    const live = ndjsonDriver.connect(server.url, {
      live: "tweets",
      query: { since: "earliest", when_behind: "wait" },
    });
    const published: string[] = [];
    for (const [round, jumpMs] of JUMPS_MS.entries()) {
      shiftMs += jumpMs;
      const texts = Array.from({ length: 20 }, (_, at) => `round ${round} post ${at}`);
      published.push(...(await server.ingest(texts, `author ${round % 3}`)));
      await live.next(({ id }) => id === published.at(-1), 0);
    }
    const missing = new Set(published);
    await live.next(({ id = "" }) => {
      missing.delete(id);
      return missing.size === 0;
    });
    const events = live.frames.filter(isEvent);
    assert.equal(events.length, published.length, "an event came twice");
    const times = events.map(({ at }) => Number(at));
    assert.ok(Math.max(...times) - now() > HOUR_MS / 2, "the clock did not jump");
    const last = new Map<number, Frame>();
    for (const event of events) {
      const { partition, offset } = placeOf(event);
      const before = last.get(partition);
      if (before !== undefined) {
        assert.ok(offset > placeOf(before).offset, "a position went backwards");
        assert.ok(Number(event.at) >= Number(before.at), "a time went backwards");
      }
      last.set(partition, event);
    }
    // The log's times are ahead of the clock: what came last is found all the same.
    const recent = await server.request("GET", "/v1/tweets/recent?limit=1000");
    assert.equal(recent.status, 200);
    const ids = (recent.body.tweets as { readonly id: string }[]).map(({ id }) => id);
    assert.ok(ids.includes(published.at(-1) ?? ""), "the newest post is not recent");
    const resumed = ndjsonDriver.connect(server.url, {
      live: "tweets",
      query: { cursor: String(live.frames.findLast(({ cursor }) => cursor !== undefined)?.cursor) },
    });
    const [after = ""] = await server.ingest(["after all that"]);
    await resumed.next(({ id }) => id === after);
    assert.equal(await server.metric("penstock_silent_skips_total"), 0);
    live.destroy();
    resumed.destroy();
  } finally {
    Date.now = now;
  }
});
