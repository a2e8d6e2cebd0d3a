/** What a client says before its stream is open, or as it leaves; and what it says too much of. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { clientFrame, clientText, compressedDriver, websocketDriver } from "./drivers.ts";
import type { RawConnection } from "./raw-connection.ts";
import { TestServer } from "./test-server.ts";
import { type Frame, isEvent, ofType, type Target } from "./transport-driver.ts";

describe("frames of a client", () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({ "transports-close-timeout": "20s" });
  });
  after(async () => await server[Symbol.asyncDispose]());

  /** Connects, and says something behind the handshake without waiting for its answer. */
  const connect = (target: Target, ...frames: readonly object[]): RawConnection => {
    const connection = websocketDriver.connect(server.url, target) as RawConnection;
    for (const frame of frames) connection.socket.write(clientText(frame));
    return connection;
  };
  const kinds = (frames: readonly Frame[]) =>
    frames.filter(({ type }) => type !== "heartbeat").map(({ type, code }) => code ?? type);

  test("that come while a stream is opened are taken behind it", async () => {
    const query = { hashtags: "early" };
    const stream = connect({ live: "tweets", query }, { type: "subscribe", stream: "tweets" });
    await stream.next(({ code }) => code === "already_subscribed");
    await server.publish(["once #early"]);
    await stream.next(isEvent);
    const told = kinds(stream.frames);
    assert.deepEqual(told.slice(0, 2), ["hello", "subscribed"]);
    assert.equal(told.filter((kind) => kind === "subscribed").length, 1);
    assert.equal(stream.frames.filter(isEvent).length, 1);
    stream.destroy();
  });

  test("that change filters right behind a resume change them", async () => {
    const first = connect({ live: "tweets", query: { hashtags: "before" } });
    const { session_id } = await first.next(ofType("hello"));
    first.destroy();
    const change = { type: "update_filters", filters: { hashtags: ["behind"] } };
    const again = connect({ session: String(session_id) }, change);
    await again.next(ofType("subscribed"));
    const { rules } = await again.next(ofType("subscribed"), again.frames.length);
    assert.deepEqual(rules, [{ hashtags: ["behind"] }]);
    again.destroy();
  });

  test("that change a session over HTTP while it is opened are answered as they are", async () => {
    const ask = async (method: string, path: string, body: object) => {
      const headers = { "content-type": "application/json" };
      const init = { method, headers, body: JSON.stringify(body) };
      const response = await fetch(`${server.url}/v1/stream/subscribe${path}`, init);
      return (await response.json()) as { session_id: string; rules: object[] };
    };
    for (let round = 0; round < 30; round++) {
      const filters = { hashtags: ["old"] };
      const { session_id } = await ask("POST", "", { stream: "tweets", filters });
      const opening = connect({ session: session_id });
      const wanted = { hashtags: [`round${round}`] };
      const { rules } = await ask("PATCH", `/${session_id}`, { filters: wanted });
      assert.deepEqual(rules, [wanted]);
      opening.destroy();
    }
  });

  test("that inflate to millions of rules cost the client its connection, and nobody else anything", async () => {
    const rules = `{"type":"update_filters","rules":[${"1,".repeat(500_000)}1]}`;
    const packed = deflateRawSync(rules, { finishFlush: 2 }).subarray(0, -4);
    assert.ok(packed.length < 2000);
    const hostile = compressedDriver.connect(server.url, {
      live: "tweets",
      query: { hashtags: "hostile" },
    }) as RawConnection;
    const frame = clientFrame(0xc1, packed);
    hostile.sendBytes(Buffer.concat(Array.from({ length: 100 }, () => frame)));
    await once(hostile.socket, "end");
    assert.match(hostile.text, /rate_limited|4429/);
  });

  test("of a client that leaves while it subscribes leave no session that stays connected", async () => {
    const subscribe = clientText({ type: "subscribe", stream: "tweets" });
    for (let round = 0; round < 30; round++) {
      const leaving = websocketDriver.connect(server.url, { session: "ws" }) as RawConnection;
      leaving.socket.write(subscribe, () => leaving.socket.resetAndDestroy());
      await leaving.over;
    }
    const connected = async (): Promise<number> => {
      const listed = await fetch(`${server.url}/v1/stream/sessions`);
      const { sessions } = (await listed.json()) as { sessions: { connected: boolean }[] };
      return sessions.filter((one) => one.connected).length;
    };
    while ((await connected()) > 1) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});
