import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { EventStream } from "./event-stream.ts";
import { FakeSocket, settled } from "./fake-socket.ts";
import type { PenstockOptions, StreamOptions, StreamStatus } from "./options.ts";
import { Penstock } from "./penstock.ts";
import { PenstockStreamError } from "./stream-error.ts";

interface Stage {
  readonly stream: EventStream;
  readonly sockets: FakeSocket[];
  readonly statuses: StreamStatus[];
  readonly notices: string[];
  /** Ids that the application was given. */
  readonly got: string[];
  /** How the iteration ended. */
  readonly end: () => "running" | "done" | unknown;
  /** The connection of the moment. */
  readonly socket: () => FakeSocket;
  /** Lets the clock go on, and what waited for it happen. */
  readonly tick: (ms: number) => Promise<void>;
}

/** A stream over fake sockets and a fake clock. @param reads whether an application iterates */
async function stage(
  t: TestContext,
  options: StreamOptions = {},
  more: Partial<PenstockOptions> = {},
  reads = true,
): Promise<Stage> {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sockets: FakeSocket[] = [];
  const statuses: StreamStatus[] = [];
  const notices: string[] = [];
  const got: string[] = [];
  let end: unknown = "running";
  const penstock = new Penstock({
    url: "http://server.test/base",
    webSocket: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket;
    },
    ...more,
  });
  const stream = penstock.stream("things", {
    backoff: { random: () => 1 },
    onStatus: (status) => statuses.push(status),
    onNotice: ({ code }) => notices.push(code),
    ...options,
  });
  const read = async (): Promise<void> => {
    try {
      for await (const event of stream) got.push(event.id);
      end = "done";
    } catch (caught) {
      end = caught;
    }
  };
  if (reads) void read();
  await settled();
  return {
    stream,
    sockets,
    statuses,
    notices,
    got,
    end: () => end,
    socket: () => sockets.at(-1) as FakeSocket,
    tick: async (ms) => {
      await settled();
      t.mock.timers.tick(ms);
      await settled();
    },
  };
}

test("the first frame says what is wanted, and events are given in order", async (t) => {
  const { socket, got, tick } = await stage(
    t,
    { filters: { a: ["b"] }, start: { ago: "10m" }, whenBehind: "wait", maxEventsPerSecond: 5 },
    { token: () => "secret" },
  );
  assert.equal(socket().url, "ws://server.test/base/stream/ws");
  await socket().subscribe("c0");
  assert.deepEqual(socket().sent, [
    {
      type: "subscribe",
      stream: "things",
      filters: { a: ["b"] },
      start: { ago: "10m" },
      when_behind: "wait",
      max_events_per_second: 5,
      api_key: "secret",
    },
  ]);
  socket().event(1);
  socket().event(2);
  await tick(0);
  assert.deepEqual(got, ["0:1", "0:2"]);
});

for (const code of [1001, 1005, 1006, 1011, 1012, 1013, 1014, 4000, 4001, 4099, 4300, 4399]) {
  test(`after ${code} it goes on at the last cursor, and gives nothing twice`, async (t) => {
    const { sockets, socket, got, tick, end } = await stage(t, { start: "earliest" });
    await socket().subscribe("c0");
    socket().event(1);
    socket().checkpoint("c1");
    socket().event(2);
    socket().event(7, {}, 1);
    socket().drop(code);
    await tick(499);
    assert.equal(sockets.length, 1);
    await tick(1);
    assert.equal(sockets.length, 2);
    await socket().subscribe("c1");
    assert.deepEqual(socket().sent[0]?.start, { cursor: "c1" });
    socket().event(2);
    socket().event(7, {}, 1);
    socket().event(3);
    await tick(0);
    assert.deepEqual(got, ["0:1", "0:2", "1:7", "0:3"]);
    assert.equal(end(), "running");
  });
}

for (const [code, retry] of [
  [1000, "never"],
  [1002, "never"],
  [1008, "never"],
  [1009, "never"],
  [4200, "choose"],
  [4299, "choose"],
  [4400, "never"],
  [4499, "never"],
  [4999, "never"],
] as const) {
  test(`${code} ends the iteration with an error, behind what was received`, async (t) => {
    const { sockets, socket, got, end, tick } = await stage(t);
    await socket().subscribe("c0");
    socket().event(1);
    socket().drop(code, "why");
    await tick(100_000);
    assert.deepEqual(got, ["0:1"]);
    const error = end();
    assert.ok(error instanceof PenstockStreamError);
    assert.equal(error.closeCode, code);
    assert.equal(error.retry, retry);
    assert.match(error.message, /why/);
    assert.notEqual(error.advice, "");
    assert.equal(sockets.length, 1);
  });
}

test("a fatal error frame gives the error its code, message and members", async (t) => {
  const { socket, end, tick } = await stage(t);
  await socket().accept();
  const errors = [{ path: "/filters/hashtag", message: "is no field", did_you_mean: "hashtags" }];
  socket().frame({
    type: "error",
    code: "unknown_field",
    message: "no",
    fatal: true,
    retry: "never",
    errors,
  });
  socket().drop(4422, "unknown_field");
  await tick(0);
  const error = end();
  assert.ok(error instanceof PenstockStreamError);
  assert.deepEqual([error.code, error.message, error.errors], ["unknown_field", "no", errors]);
});

test("where the close frame was lost, the error before it says what to do", async (t) => {
  const { socket, end, tick } = await stage(t);
  await socket().accept();
  socket().frame({
    type: "error",
    code: "cursor_too_old",
    message: "old",
    fatal: true,
    retry: "choose",
  });
  socket().drop(1006);
  await tick(0);
  assert.equal((end() as PenstockStreamError).code, "cursor_too_old");
});

test("waits double up to their bound, with jitter, and begin anew after a steady connection", async (t) => {
  const { socket, statuses, tick } = await stage(t, {
    backoff: { baseMs: 100, maxMs: 1000, random: () => 0.5 },
  });
  for (let attempt = 0; attempt < 6; attempt++) {
    socket().drop(1006);
    await tick(1000);
  }
  await socket().subscribe("c0");
  socket().drop(1006);
  await tick(1000);
  await socket().subscribe("c0");
  await tick(5000);
  socket().drop(1006);
  const waits = statuses.flatMap((status) =>
    status.state === "waiting" ? [status.retryInMs] : [],
  );
  assert.deepEqual(waits, [50, 100, 200, 400, 500, 500, 500, 50]);
});

test("what the server asks to wait is waited, and jitter besides", async (t) => {
  const { sockets, socket, tick } = await stage(t);
  await socket().accept();
  socket().frame({
    type: "error",
    code: "overloaded",
    message: "",
    fatal: true,
    retry: "wait",
    retry_after_ms: 7000,
  });
  socket().drop(4301);
  await tick(7499);
  assert.equal(sockets.length, 1);
  await tick(1);
  assert.equal(sockets.length, 2);
});

test("a refused credential is asked for again, three times, and a fixed one not at all", async (t) => {
  let asked = 0;
  const renewing = await stage(t, {}, { token: async () => `token ${++asked}` });
  for (let attempt = 1; attempt <= 4; attempt++) {
    await renewing.socket().accept();
    assert.equal(renewing.socket().sent[0]?.api_key, `token ${attempt}`);
    renewing.socket().drop(4100);
    await renewing.tick(10_000);
  }
  assert.equal(renewing.sockets.length, 4);
  assert.equal((renewing.end() as PenstockStreamError).retry, "renew");
  t.mock.timers.reset();
  const fixed = await stage(t, {}, { token: "fixed" });
  await fixed.socket().accept();
  fixed.socket().drop(4100);
  await fixed.tick(10_000);
  assert.equal(fixed.sockets.length, 1);
  assert.equal((fixed.end() as PenstockStreamError).retry, "renew");
});

test("a credential that cannot be had is tried again", async (t) => {
  let asked = 0;
  const { sockets, socket, tick, end } = await stage(
    t,
    {},
    {
      token: () => {
        asked += 1;
        if (asked === 1) throw new Error("no network");
        return "later";
      },
    },
  );
  assert.equal(sockets.length, 0);
  await tick(499);
  assert.equal(asked, 1);
  await tick(1);
  await socket().accept();
  assert.equal(socket().sent[0]?.api_key, "later");
  assert.equal(end(), "running");
});

test("a credential that comes late is waited for without a socket, which a server would give up", async (t) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { sockets, socket, tick, end } = await stage(t, {}, { token: () => promise });
  await tick(60_000);
  assert.equal(sockets.length, 0);
  resolve("late");
  await tick(0);
  await socket().subscribe("c0");
  assert.equal(socket().sent[0]?.api_key, "late");
  assert.equal(sockets.length, 1);
  assert.equal(end(), "running");
});

for (const how of ["close", "abort"] as const) {
  for (const comes of ["comes", "fails"] as const) {
    test(`${how} while a credential is asked for ends the stream, and nothing is made of one that ${comes}`, async (t) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      let asked = 0;
      const token = (): Promise<string> => {
        asked += 1;
        return promise;
      };
      const abort = new AbortController();
      const waiting = await stage(t, { signal: abort.signal }, { token });
      if (how === "close") waiting.stream.close();
      else abort.abort();
      await waiting.tick(0);
      assert.equal(waiting.end(), "done");
      if (comes === "comes") resolve("late");
      else reject(new Error("no network"));
      await waiting.tick(100_000);
      assert.equal(waiting.sockets.length, 0);
      assert.equal(asked, 1);
      assert.equal(waiting.statuses.at(-1)?.state, "closed");
    });
  }
}

for (const [closes, code] of [
  ["4000", 4000],
  ["a close that was lost", 1006],
] as const) {
  test(`a server that got no subscription in time is asked again, after ${closes}`, async (t) => {
    const { sockets, socket, tick, end } = await stage(t);
    socket().frame({
      type: "error",
      code: "subscribe_timeout",
      message: "late",
      fatal: true,
      retry: "reconnect",
    });
    socket().drop(code, code === 4000 ? "subscribe_timeout" : "");
    await tick(500);
    assert.equal(sockets.length, 2);
    assert.equal(end(), "running");
  });
}

test("an expiring credential is replaced on the connection", async (t) => {
  let asked = 0;
  const { socket, tick } = await stage(t, {}, { token: () => `token ${++asked}` });
  await socket().subscribe("c0");
  socket().frame({ type: "auth_expiring", expires_in_ms: 60_000 });
  await tick(0);
  assert.deepEqual(socket().sent[1], { type: "auth", token: "token 2" });
});

test("silence ends a connection, at its greeting and later", async (t) => {
  const { sockets, socket, tick } = await stage(t);
  await tick(15_000);
  assert.equal(socket().closedWith, 1000);
  await tick(500);
  assert.equal(sockets.length, 2);
  await socket().accept(1000);
  for (let beat = 0; beat < 5; beat++) {
    await tick(2000);
    socket().frame({ type: "heartbeat" });
  }
  assert.equal(sockets.length, 2);
  await tick(2500);
  await tick(1000);
  assert.equal(sockets.length, 3);
});

test("a heartbeat interval that makes no sense does not spin", async (t) => {
  const { sockets, socket, tick } = await stage(t);
  for (const wrong of [-1, 0, Number.NaN, "x"]) {
    socket().frame({ type: "hello", heartbeat_interval_ms: wrong });
  }
  await tick(400);
  assert.equal(sockets.length, 1);
});

test("what is not known is passed over: frames, members, text that is no JSON", async (t) => {
  const { socket, got, notices, tick, end } = await stage(t);
  await socket().subscribe("c0");
  socket().frame({ type: "fireworks", cursor: 5 });
  socket().frame([]);
  for (const text of ["null", "7", '"x"', "{", new ArrayBuffer(4)]) socket().text(text);
  socket().event(1, { surprise: true });
  await tick(0);
  assert.deepEqual(got, ["0:1"]);
  assert.deepEqual(notices, Array(6).fill("invalid_json"));
  assert.equal(end(), "running");
});

test("the cursor counts when the events before it were taken, not before", async (t) => {
  const { stream, socket } = await stage(t, {}, {}, false);
  await socket().subscribe("c0");
  socket().event(1);
  socket().checkpoint("c1");
  socket().event(2);
  socket().checkpoint("c2");
  assert.equal(stream.cursor, undefined);
  await stream.next();
  assert.equal(stream.cursor, "c0");
  await stream.next();
  assert.equal(stream.cursor, "c1");
  void stream.next();
  await settled();
  assert.equal(stream.cursor, "c2");
});

test("several calls of next are answered in their order", async (t) => {
  const { stream, socket } = await stage(t, {}, {}, false);
  const asked = [stream.next(), stream.next(), stream.next()];
  await socket().subscribe("c0");
  for (const offset of [1, 2, 3]) socket().event(offset);
  const answers = await Promise.all(asked);
  assert.deepEqual(
    answers.map(({ value }) => value?.id),
    ["0:1", "0:2", "0:3"],
  );
});

test("leaving the loop closes the socket; so do close, abort and the end of a scope", async (t) => {
  const { stream, socket } = await stage(t, {}, {}, false);
  await socket().subscribe("c0");
  socket().event(1);
  for await (const _ of stream) break;
  assert.equal(socket().closedWith, 1000);
  assert.equal((await stream.next()).done, true);

  for (const how of ["close", "abort", "dispose"] as const) {
    t.mock.timers.reset();
    const abort = new AbortController();
    const other = await stage(t, { signal: abort.signal });
    await other.socket().subscribe("c0");
    other.socket().event(1);
    await other.tick(0);
    if (how === "close") other.stream.close();
    else if (how === "abort") abort.abort();
    else await other.stream[Symbol.asyncDispose]();
    await other.tick(100_000);
    assert.equal(other.end(), "done");
    assert.equal(other.socket().closedWith, 1000);
    assert.equal(other.sockets.length, 1);
    assert.equal(other.statuses.at(-1)?.state, "closed");
  }
});

test("an aborted signal connects to nothing, and aborting ends a wait for the server", async (t) => {
  const before = await stage(t, { signal: AbortSignal.abort() });
  await before.tick(0);
  assert.equal(before.sockets.length, 0);
  assert.equal(before.end(), "done");
  t.mock.timers.reset();
  const abort = new AbortController();
  const waiting = await stage(t, { signal: abort.signal });
  waiting.socket().drop(1006);
  abort.abort();
  await waiting.tick(100_000);
  assert.equal(waiting.sockets.length, 1);
  assert.equal(waiting.end(), "done");
});

test("`until` ends the iteration behind the last event", async (t) => {
  const { socket, got, end, tick } = await stage(t, { until: { cursor: "c9" } });
  await socket().subscribe("c0");
  assert.deepEqual(socket().sent[0]?.until, { cursor: "c9" });
  socket().event(1);
  socket().checkpoint("c9");
  socket().drop(1000);
  await tick(0);
  assert.deepEqual(got, ["0:1"]);
  assert.equal(end(), "done");
});

test("an application that reads slowly holds a bounded number of events, and loses none", async (t) => {
  const { stream, sockets, socket, statuses } = await stage(t, { bufferMax: 8 }, {}, false);
  const log = Array.from({ length: 100 }, (_, offset) => offset);
  /** Sends what is due, a checkpoint after every third, until the client goes. */
  const play = async (): Promise<void> => {
    const at = socket();
    await at.subscribe("c0");
    const start = at.sent[0]?.start as { cursor: string } | undefined;
    for (const offset of log.slice(Number(start?.cursor.slice(1) ?? 0))) {
      if (at.closedWith !== undefined) return;
      at.event(offset);
      if (offset % 3 === 2 && at.closedWith === undefined) at.checkpoint(`c${offset + 1}`);
    }
  };
  let playing = 0;
  const got: (string | undefined)[] = [];
  while (got.length < log.length) {
    if (playing < sockets.length) {
      playing = sockets.length;
      await play();
    }
    got.push((await stream.next()).value?.id);
    await settled();
  }
  assert.deepEqual(
    got,
    log.map((offset) => `0:${offset}`),
  );
  assert.ok(sockets.length > 10, `${sockets.length} connections`);
  assert.ok(statuses.some(({ state }) => state === "paused"));
});

test("a buffer that is full without a cursor still moves on", async (t) => {
  const { stream, sockets, socket } = await stage(t, { bufferMax: 4 }, {}, false);
  const got: (string | undefined)[] = [];
  for (let round = 0; got.length < 9; round++) {
    assert.ok(round < 20);
    const at = socket();
    await at.subscribe("c0");
    for (let offset = 0; offset < 9 && at.closedWith === undefined; offset++) at.event(offset);
    const connections = sockets.length;
    while (sockets.length === connections && got.length < 9) {
      got.push((await stream.next()).value?.id);
      await settled();
    }
  }
  assert.deepEqual(
    got,
    Array.from({ length: 9 }, (_, offset) => `0:${offset}`),
  );
});

for (const bufferMax of [1, 2, 3]) {
  test(`an application that keeps up stays on its connection, though only ${bufferMax} may wait`, async (t) => {
    const { sockets, socket, got, statuses, tick } = await stage(t, { bufferMax });
    await socket().subscribe("c0");
    await tick(0);
    for (let offset = 1; offset <= 9; offset++) {
      socket().event(offset);
      await tick(0);
      socket().checkpoint(`c${offset}`);
      await tick(0);
    }
    assert.equal(got.length, 9);
    assert.equal(sockets.length, 1);
    assert.ok(statuses.every(({ state }) => state !== "paused"));
  });
}

test("cursors do not count as what may wait, and fill nothing by themselves", async (t) => {
  const { stream, socket, statuses } = await stage(t, { bufferMax: 4 }, {}, false);
  await socket().subscribe("c0");
  socket().event(1);
  for (const cursor of ["c1", "c2"]) socket().checkpoint(cursor);
  assert.equal(socket().closedWith, undefined);
  socket().event(2);
  assert.equal(socket().closedWith, undefined);
  socket().checkpoint("c3");
  assert.equal(socket().closedWith, 1000);
  assert.equal(statuses.at(-1)?.state, "paused");
  await stream.next();
  assert.equal(statuses.at(-1)?.state, "paused");
  await stream.next();
  assert.equal(statuses.at(-1)?.state, "connecting");
});

for (const [state, bufferMax, frame] of [
  ["open", 8, { type: "subscribed", cursor: "c1", note: "changed" }],
  ["caught_up", 8, { type: "caught_up", cursor: "c1" }],
  ["paused", 2, { type: "subscribed", cursor: "c1", note: "changed" }],
] as const) {
  test(`a stream that is closed when it says that it is ${state} stays before what it did not give`, async (t) => {
    let isSubscribed = false;
    const { stream, socket, tick } = await stage(
      t,
      {
        bufferMax,
        onStatus: (status) => {
          if (isSubscribed && status.state === state) stream.close();
        },
      },
      {},
      false,
    );
    await socket().subscribe("c0");
    isSubscribed = true;
    socket().event(1);
    socket().frame(frame);
    await tick(0);
    assert.equal((await stream.next()).done, true);
    assert.equal(stream.cursor, undefined);
  });
}

test("a gap is told in its place, with what the fold drops; what came after it stays folded", async (t) => {
  const told: string[] = [];
  const { stream, socket } = await stage(
    t,
    {
      fold: true,
      onGap: (gap, dropped) => told.push(`${gap.reason} ${dropped.join()}`),
    },
    {},
    false,
  );
  await socket().subscribe("c0");
  socket().event(1, { id: "a" });
  socket().event(1, { id: "other" }, 1);
  const gap = { type: "gap", reason: "behind", from: { 0: 2 }, to: { 0: 5 }, count: 3 };
  socket().frame({ ...gap, exact: false, cancels: true });
  socket().event(6, { id: "b" });
  socket().event(7, { id: "a", removed: true });
  socket().event(8, { id: "b", removed: true });
  socket().frame({ ...gap, cancels: false });
  socket().event(9, { id: "c" });
  const got: string[] = [];
  for await (const event of stream) {
    got.push(`${event.id}${event.removed === true ? " removed" : ""}`);
    if (event.id === "other") assert.deepEqual(told, []);
    if (event.id === "c") break;
  }
  assert.deepEqual(got, ["a", "other", "b", "b removed", "c"]);
  assert.deepEqual(told, ["behind a", "behind "]);
});

test("changed filters hold from their answer on, also for a new connection; the fold begins anew", async (t) => {
  const told: unknown[] = [];
  const { stream, socket, got, tick } = await stage(t, {
    filters: { a: "1" },
    fold: true,
    onFilters: ({ cursor }, dropped) => told.push([cursor, dropped]),
  });
  const early = stream.updateFilters({ a: "2" });
  const next = stream.updateFilters([{ a: "3", tag: "three" }]);
  await socket().subscribe("c0");
  assert.deepEqual(socket().sent.slice(0, 2), [
    { type: "subscribe", stream: "things", filters: { a: "1" } },
    { type: "update_filters", filters: { a: "2" } },
  ]);
  socket().event(1);
  socket().frame({ type: "subscribed", cursor: "c1", note: "changed" });
  await early;
  assert.deepEqual(socket().sent[2], {
    type: "update_filters",
    rules: [{ a: "3", tag: "three" }],
  });
  socket().event(2, { id: "0:1", removed: true });
  socket().drop(1006);
  await tick(500);
  await socket().subscribe("c1");
  assert.deepEqual(socket().sent[0]?.filters, { a: "2" });
  assert.equal(socket().sent[1]?.type, "update_filters");
  socket().frame({ type: "subscribed", cursor: "c2", note: "changed" });
  await next;
  assert.deepEqual(got, ["0:1"]);
  await tick(0);
  assert.deepEqual(told, [
    ["c1", ["0:1"]],
    ["c2", []],
  ]);
});

test("an answer to changed filters that fills the buffer answers no change that was not sent", async (t) => {
  const told: unknown[] = [];
  const { stream, sockets, socket, statuses, tick } = await stage(
    t,
    { filters: { a: "1" }, bufferMax: 4, onFilters: ({ cursor }) => told.push(cursor) },
    {},
    false,
  );
  await socket().subscribe("c0");
  for (let offset = 1; offset <= 3; offset++) socket().event(offset);
  const first = stream.updateFilters({ a: "2" });
  socket().frame({ type: "subscribed", cursor: "c3", note: "changed" });
  await first;
  assert.equal(socket().closedWith, 1000);
  assert.equal(statuses.at(-1)?.state, "paused");
  let isTaken = false;
  const second = stream.updateFilters({ a: "3" }).then(() => {
    isTaken = true;
  });
  const got: string[] = [];
  void (async () => {
    for await (const { id } of stream) got.push(id);
  })();
  await tick(0);
  assert.equal(sockets.length, 2);
  await socket().subscribe("c3");
  await tick(0);
  assert.deepEqual(socket().sent, [
    { type: "subscribe", stream: "things", filters: { a: "2" }, start: { cursor: "c3" } },
    { type: "update_filters", filters: { a: "3" } },
  ]);
  assert.ok(!isTaken);
  socket().frame({ type: "subscribed", cursor: "c4", note: "changed" });
  await second;
  await tick(0);
  assert.deepEqual(told, ["c3", "c4"]);
  assert.deepEqual(got, ["0:1", "0:2", "0:3"]);
  assert.equal(stream.cursor, "c4");
});

test("filters that are changed when the stream says that it is open are sent once", async (t) => {
  const { stream, socket } = await stage(t, {
    onStatus: ({ state }) => {
      if (state === "open") void stream.updateFilters({ a: "2" });
    },
  });
  await socket().subscribe("c0");
  const changes = socket().sent.filter(({ type }) => type === "update_filters");
  assert.deepEqual(changes, [{ type: "update_filters", filters: { a: "2" } }]);
});

test("refused filters are told, and the old ones stay", async (t) => {
  const { stream, socket, notices, end, tick } = await stage(t, { filters: { a: "1" } });
  await socket().subscribe("c0");
  const refused = stream.updateFilters({ wrong: "x" });
  const errors = [{ path: "/filters/wrong", message: "is no field" }];
  socket().frame({ type: "error", code: "unknown_field", message: "no", fatal: false, errors });
  await assert.rejects(refused, { code: "unknown_field", errors });
  assert.deepEqual(notices, ["unknown_field"]);
  socket().drop(1006);
  await tick(500);
  await socket().accept();
  assert.deepEqual(socket().sent[0]?.filters, { a: "1" });
  assert.equal(end(), "running");
  const pending = stream.updateFilters({ a: "5" });
  stream.close();
  await assert.rejects(pending, { code: "closed" });
  await assert.rejects(stream.updateFilters({ a: "6" }), { code: "closed" });
});

test("a server that sends its clients elsewhere is followed, after its jitter, but never out of encryption", async (t) => {
  const { sockets, socket, notices, tick } = await stage(t);
  await socket().subscribe("c0");
  socket().frame({ type: "go_away", deadline_ms: 10_000, jitter_ms: 4000 });
  await tick(10_000);
  assert.equal(sockets.length, 1);
  const url = "http://other.test/";
  socket().frame({ type: "go_away", deadline_ms: 10_000, jitter_ms: 4000, url });
  await tick(3999);
  assert.equal(sockets.length, 1);
  await tick(1);
  assert.equal(socket().url, "ws://other.test/stream/ws");
  assert.deepEqual(notices, ["go_away", "go_away"]);
  socket().drop(1006);
  await tick(500);
  assert.equal(socket().url, "ws://server.test/base/stream/ws");
  t.mock.timers.reset();
  const safe = await stage(t, {}, { url: "https://server.test" });
  await safe.socket().subscribe("c0");
  safe.socket().frame({ type: "go_away", deadline_ms: 10, jitter_ms: 0, url });
  await safe.tick(1);
  assert.equal(safe.socket().url, "wss://server.test/stream/ws");
});

test("an address that no WebSocket can have ends the stream at once", async (t) => {
  const { end, tick } = await stage(
    t,
    {},
    {
      webSocket: () => {
        throw new SyntaxError("bad address");
      },
    },
  );
  await tick(0);
  const error = end();
  assert.ok(error instanceof PenstockStreamError);
  assert.match(error.message, /bad address/);
});

test("what onGap throws ends the iteration, and the socket", async (t) => {
  const { socket, end, tick } = await stage(t, {
    onGap: () => {
      throw new Error("mine");
    },
  });
  await socket().subscribe("c0");
  socket().frame({ type: "gap", reason: "behind", from: {}, to: {}, count: 0, exact: true });
  await tick(0);
  assert.match(String(end()), /mine/);
  assert.equal(socket().closedWith, 1000);
});
