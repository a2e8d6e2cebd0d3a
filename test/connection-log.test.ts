/** The log of a server that clients come to, on each transport. */
import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { after, before, describe, test } from "node:test";
import { drivers } from "./transports/drivers.ts";
import { TestServer } from "./transports/test-server.ts";
import { ofType } from "./transports/transport-driver.ts";

type Line = Readonly<Record<string, unknown>>;

const logs = channel("penstock.log");

/** Resolves with the first line from now on that fits. */
function line(fits: (line: Line) => boolean): Promise<Line> {
  const { promise, resolve } = Promise.withResolvers<Line>();
  const take = (message: unknown): void => {
    if (!fits(message as Line)) return;
    logs.unsubscribe(take);
    resolve(message as Line);
  };
  logs.subscribe(take);
  return promise;
}

describe("the log tells who comes and goes", () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start();
  });
  after(async () => await server[Symbol.asyncDispose]());

  for (const driver of drivers) {
    test(`by ${driver.name}`, async () => {
      const session = await server.subscribe({ stream: "tweets", start: "earliest" });
      const own = ({ session_id }: Line): boolean => session_id === session;
      const connected = line(own);
      const stream = driver.connect(server.url, { session });
      await stream.next(ofType("caught_up"));
      const { transport, ...told } = await connected;
      assert.deepEqual(told, {
        level: "debug",
        msg: "a client connected",
        client_id: "open",
        session_id: session,
        stream: "tweets",
        resume: "none",
      });
      const published = await server.publish(["one", "two"]);
      for (const id of published) await stream.next((frame) => frame.id === id);
      const left = line(own);
      stream.destroy();
      const { duration_ms, delivered, ...end } = await left;
      assert.deepEqual(end, {
        level: "debug",
        msg: "a client left",
        client_id: "open",
        session_id: session,
        stream: "tweets",
        transport,
        code: 1006,
        reason: "lost",
      });
      assert.ok(Number(duration_ms) >= 0);
      assert.equal(delivered, await eventsOfTopic(server));
      const resumed = line(own);
      const again = driver.connect(server.url, { session });
      assert.equal((await resumed).msg, "a client resumed");
      const ended = line(own);
      await server.request("DELETE", `/v1/stream/subscribe/${session}`);
      const { level, msg, code, reason } = await ended;
      assert.deepEqual(
        [level, msg, code, reason],
        ["debug", "a client was sent away", 4410, "session_ended"],
      );
      await again.over;
    });
  }

  test("a refusal is told by default, with what was wrong", async () => {
    const refused = line(({ msg }) => msg === "a client was sent away");
    const [websocket] = drivers;
    const stream = websocket?.connect(server.url, { live: "tweets", query: { hashtag: "x" } });
    const { level, client_id, session_id, code, reason, detail } = await refused;
    assert.deepEqual(
      [level, client_id, session_id, code, reason],
      ["info", "open", undefined, 4422, "unknown_field"],
    );
    assert.match(String(detail), /^\/hashtag is not a field of tweets/);
    await stream?.over;
  });
});

/** How many posts there are: each client of the test reads them all. */
async function eventsOfTopic(server: TestServer): Promise<number> {
  const { body } = await server.request("GET", "/v1/tweets/recent?limit=1000");
  return (body.tweets as readonly unknown[]).length;
}
