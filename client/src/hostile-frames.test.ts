/** Frames that no server of ours sends: none may stop a stream, or surface as an exception. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import type { EventStream } from "./event-stream.ts";
import { FakeSocket, settled } from "./fake-socket.ts";
import { Penstock } from "./penstock.ts";

describe("frames that make no sense", () => {
  let socket: FakeSocket;
  let stream: EventStream;
  let notices: string[];
  let got: string[];
  let end: unknown;

  const open = async (): Promise<void> => {
    notices = [];
    got = [];
    end = undefined;
    stream = new Penstock({
      url: "http://server.test",
      webSocket: (url) => {
        socket = new FakeSocket(url);
        return socket;
      },
    }).stream("things", {
      fold: true,
      onNotice: ({ code }) => notices.push(code),
      onGap: () => {},
    });
    void (async () => {
      for await (const event of stream) got.push(event.id);
    })().catch((caught: unknown) => {
      end = caught;
    });
    await settled();
    await socket.subscribe("c1.start");
  };
  beforeEach(open);
  afterEach(() => stream.close());

  /** The stream goes on, and still gives what is right. */
  const goesOn = async (): Promise<void> => {
    const before = got.length;
    socket.event(1_000_000 + before);
    await settled();
    assert.equal(end, undefined);
    assert.equal(got.length, before + 1);
    assert.equal(socket.closedWith, undefined);
  };

  const WRONG: readonly object[] = [
    { event_type: "thing" },
    { event_type: "thing", id: "a", position: "nowhere" },
    { event_type: "thing", id: "a", position: 7 },
    { event_type: "thing", id: "a", position: "0:1:2" },
    { event_type: "thing", position: "0:1" },
    { event_type: null, position: "0:1", id: "a" },
    { type: "gap" },
    { type: "gap", from: null, to: null, count: 1, exact: true },
    { type: "gap", from: 5, to: "x" },
    { type: "checkpoint" },
    { type: "checkpoint", cursor: 7 },
    { type: "caught_up", cursor: null },
    { type: "subscribed" },
    { type: "error" },
    { type: "error", fatal: false, code: 5, message: {} },
    { type: "go_away" },
    { type: "go_away", url: 5, jitter_ms: "soon" },
    { type: "auth_expiring" },
    { type: "heartbeat", extra: [] },
    { type: "hello", heartbeat_interval_ms: null },
    { type: 5 },
    {},
    [],
    [{ type: "checkpoint" }],
  ];
  for (const frame of WRONG) {
    test(JSON.stringify(frame), async () => {
      socket.frame(frame);
      await settled();
      await goesOn();
      assert.ok(stream.cursor === undefined || typeof stream.cursor === "string");
    });
  }

  test("texts and bytes that are no frames", async () => {
    for (const data of ["", "{", "null", "5", '"text"', "undefined", new ArrayBuffer(4), undefined])
      socket.text(data);
    assert.equal(notices.length, 8);
    await goesOn();
  });

  test("any JSON at all", async () => {
    const names = fc.constantFrom(
      ...["event_type", "type", "position", "id", "cursor", "from", "to", "fatal", "code"],
      ...[
        "message",
        "retry",
        "retry_after_ms",
        "jitter_ms",
        "removed",
        "tags",
        "cancels",
        "errors",
      ],
    );
    const words = fc.constantFrom(
      ...["gap", "checkpoint", "caught_up", "subscribed", "hello", "heartbeat", "thing", "delete"],
      ...["0:1", "c1.x", "auth_expiring"],
    );
    const value = fc.oneof(words, fc.jsonValue({ maxDepth: 2 }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(names, value), { maxLength: 8 }), async (frames) => {
        stream.close();
        await open();
        for (const frame of frames) {
          // A fatal error announces the end, which then comes; here the connection goes on.
          socket.frame({ ...frame, ...("fatal" in frame && { fatal: false }) });
        }
        await settled();
        await goesOn();
      }),
      { numRuns: 300 },
    );
  });

  test("an end whose error says nothing is still an end with an error", async () => {
    socket.frame({ type: "error", fatal: true });
    socket.drop(4400);
    await settled();
    assert.match(String(end), /PenstockStreamError/);
    assert.equal((end as { code: string }).code, "closed");
  });
});

test("a wait that makes no sense neither spins nor lasts for ever", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const wait of ["soon", -5, 1e15, null, {}, Number.MAX_VALUE]) {
    const waits: number[] = [];
    const sockets: FakeSocket[] = [];
    const waiting = new Penstock({
      url: "http://server.test",
      webSocket: (url) => {
        sockets.push(new FakeSocket(url));
        return sockets.at(-1) as FakeSocket;
      },
    }).stream("things", {
      backoff: { random: () => 1 },
      onStatus: (status) => {
        if (status.state === "waiting") waits.push(status.retryInMs);
      },
    });
    await settled();
    const [first] = sockets;
    await first?.subscribe("c1.start");
    first?.frame({ type: "error", fatal: true, code: "overloaded", retry_after_ms: wait });
    first?.drop(4301);
    await settled();
    assert.ok((waits[0] ?? 0) >= 500 && (waits[0] ?? 0) < 2 ** 31, `${wait}: ${waits[0]}`);
    waiting.close();
  }
});
