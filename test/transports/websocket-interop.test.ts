/** Our side of WebSocket with another's: the library ws as a client, and bytes that no library sends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { type ClientOptions, WebSocket } from "ws";
import {
  clientFrame,
  clientText,
  compressedDriver,
  DEFLATE_OFFER,
  requestHead,
  UPGRADE,
  WebSocketReader,
} from "./drivers.ts";
import { RawConnection } from "./raw-connection.ts";
import { TestServer } from "./test-server.ts";
import { ofType } from "./transport-driver.ts";

interface Told {
  readonly type?: string;
  readonly id?: string;
  readonly rules?: readonly object[];
}

describe("interoperation", () => {
  let server: TestServer;
  before(async () => {
    server = await TestServer.start({ "transports-frame-bytes-max": "64KiB" });
  });
  after(async () => await server[Symbol.asyncDispose]());

  const open = async (path: string, options: ClientOptions = {}, protocols: string[] = []) => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}`, protocols, options);
    const frames: Told[] = [];
    socket.on("message", (data) => frames.push(JSON.parse(String(data)) as Told));
    const until = async (fits: (frame: Told) => boolean): Promise<Told> => {
      for (;;) {
        const found = frames.find(fits);
        if (found !== undefined) return found;
        await once(socket, "message");
      }
    };
    await once(socket, "open");
    return { socket, until };
  };

  for (const [name, offer, agreed] of [
    ["that offers no compression", false, ""],
    ["that offers compression", true, "permessage-deflate"],
    ["that compresses everything", { threshold: 0 }, "permessage-deflate"],
    ["that bounds our window", { serverMaxWindowBits: 12 }, "permessage-deflate"],
    ["whose bound is too narrow", { serverMaxWindowBits: 9 }, ""],
  ] as const) {
    test(`a client ${name} subscribes, changes its filter and reads what it asked for`, async () => {
      const { socket, until } = await open("/stream/ws", { perMessageDeflate: offer });
      assert.equal(socket.extensions, agreed);
      const hashtags = Array.from({ length: 300 }, (_, number) => `filling${number}`);
      socket.send(JSON.stringify({ type: "subscribe", stream: "tweets", filters: { hashtags } }));
      await until(({ type }) => type === "caught_up");
      const change = JSON.stringify({ type: "update_filters", filters: { hashtags: ["interop"] } });
      socket.send(change.slice(0, 20), { fin: false });
      socket.send(change.slice(20), { fin: true });
      await until(({ type, rules }) => type === "subscribed" && JSON.stringify(rules).length < 50);
      const text = `ünïcode ${"again and ".repeat(20)} #interop`;
      const [, id] = await server.publish(["no #other", text]);
      await until((frame) => frame.id === id);
      socket.close(1000, "done");
      const [code] = (await once(socket, "close")) as [number];
      assert.equal(code, 1000);
    });
  }

  test("a subprotocol that a client names is chosen", async () => {
    const { socket } = await open("/v1/tweets/live", {}, ["penstock", "other"]);
    assert.equal(socket.protocol, "penstock");
    socket.terminate();
  });

  test("pings of any length are answered with what they hold", async () => {
    const { socket } = await open("/v1/tweets/live");
    for (const payload of ["", "a", "x".repeat(125)]) {
      socket.ping(payload);
      const [data] = (await once(socket, "pong")) as [Buffer];
      assert.equal(data.toString(), payload);
    }
    socket.close();
    const [code] = (await once(socket, "close")) as [number];
    assert.equal(code, 1005, "a close without a code is answered without one");
  });

  test("other versions are told which there is, and what is no handshake is refused", async () => {
    for (const [change, status, header] of [
      [{ "sec-websocket-version": "8" }, 426, /\r\nsec-websocket-version: 13\r\n/i],
      [{ "sec-websocket-key": "short" }, 400, /"code":"invalid_request"/],
    ] as const) {
      const socket = connect(server.port, "127.0.0.1");
      socket.write(requestHead(server.url, "/v1/tweets/live", { ...UPGRADE, ...change }));
      let text = "";
      for await (const chunk of socket) text += String(chunk);
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(text, header);
    }
  });

  test("a handshake and frames that come in single bytes", async () => {
    const head = requestHead(server.url, "/stream/ws", UPGRADE);
    const connection = new RawConnection(
      server.url,
      head.slice(0, 1),
      new WebSocketReader(),
      clientText,
      {},
    );
    for (const letter of head.slice(1)) {
      connection.socket.write(letter);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const byte of clientText({ type: "subscribe", stream: "tweets" })) {
      connection.sendBytes(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await connection.next(ofType("caught_up"));
    connection.destroy();
  });

  test("frames right behind the handshake, in the same bytes, are read", async () => {
    const head = requestHead(server.url, "/stream/ws", UPGRADE);
    const both = head + clientText({ type: "subscribe", stream: "tweets" }).toString("latin1");
    const socket = connect(server.port, "127.0.0.1");
    socket.write(both, "latin1");
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.includes('"caught_up"')) break;
    }
    assert.match(text, /"type":"hello".*"type":"subscribed"/s);
  });

  test("what is compressed gets there, and is shared", async () => {
    const query = { hashtags: "deflated" };
    const connection = compressedDriver.connect(server.url, { live: "tweets", query });
    await connection.next(ofType("caught_up"));
    const [id] = await server.publish([`${"over and over ".repeat(15)} #deflated`]);
    const event = await connection.next((frame) => frame.id === id);
    assert.match(JSON.stringify(event), /"over and over over and over/);
    connection.destroy();
    assert.doesNotMatch(connection.text, /over and over over and over/);
  });

  test("a message that inflates without end is closed with 1009, others go on", async () => {
    const connection = new RawConnection(
      server.url,
      requestHead(server.url, "/v1/tweets/live", { ...UPGRADE, ...DEFLATE_OFFER }),
      new WebSocketReader(true),
      clientText,
      {},
    );
    await connection.next(ofType("caught_up"));
    const bomb = deflateRawSync(Buffer.alloc(30_000_000), { finishFlush: constants.Z_SYNC_FLUSH });
    assert.ok(bomb.length < 60_000);
    connection.sendBytes(clientFrame(0xc1, bomb.subarray(0, -4)));
    assert.equal((await connection.over).code, 1009);
    await server.publish(["still #here"]);
  });
});
