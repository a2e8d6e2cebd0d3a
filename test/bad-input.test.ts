import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { decodeCursor, encodeCursor } from "@penstock-dev/contract";
import fc from "fast-check";
import {
  clientFrame,
  clientText,
  ndjsonDriver,
  requestHead,
  sseDriver,
  UPGRADE,
  WebSocketReader,
  websocketDriver,
} from "./transports/drivers.ts";
import { RawConnection } from "./transports/raw-connection.ts";
import { TestServer } from "./transports/test-server.ts";
import { eventsOf, ofType, type TransportConnection } from "./transports/transport-driver.ts";

const HASH = `0x${"ab".repeat(32)}`;
const ADDRESS = `0x${"12".repeat(20)}`;
let server: TestServer;

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** Posts bytes as they are. */
async function post(path: string, body: string | Uint8Array, type = "application/json") {
  const init = { method: "POST", headers: { "content-type": type }, body: Buffer.from(body) };
  const response = await fetch(`${server.url}${path}`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

/** What a refusal must be: a problem with a code, and the path of what is wrong. */
function assertProblem(text: string, code: string, path: string | undefined): void {
  const problem = JSON.parse(text) as Problem;
  assert.equal(problem.code, code, text);
  assert.ok(problem.detail.length > 10, text);
  if (path === undefined) return;
  const told = problem.errors?.find((error) => error.path === path);
  assert.ok(told !== undefined && told.message.length > 5, `${path} is not named in ${text}`);
}

/** Bytes to a socket, and what comes back until it ends. */
async function exchange(write: (socket: Socket) => void): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  write(socket);
  let text = "";
  try {
    for await (const chunk of socket) text += String(chunk);
  } catch {
    // A reset ends it as well.
  }
  return text;
}

const openSocket = (path = "/v1/tweets/live", headers: Record<string, string> = {}) =>
  new RawConnection(
    server.url,
    requestHead(server.url, path, { ...UPGRADE, ...headers }),
    new WebSocketReader(),
    clientText,
    {},
  );

/** After whatever was sent, a post is still ingested, processed and delivered. */
const stillServes = async (): Promise<void> => {
  const [id] = await server.publish(["all is well #alive"]);
  assert.ok(id !== undefined);
};

describe("bad bodies are refused by name", () => {
  before(async () => {
    server = await TestServer.start();
  });
  after(async () => await server[Symbol.asyncDispose]());
  afterEach(stillServes);

  const subscriptions: readonly (readonly [string, string, string | undefined])[] = [
    ["{", "invalid_json", undefined],
    ["[1,2", "invalid_json", undefined],
    ["null]", "invalid_json", undefined],
    ["[]", "invalid_request", ""],
    ["5", "invalid_request", ""],
    ['{"streem":"tweets"}', "invalid_request", "/streem"],
    ['{"stream":5}', "invalid_request", "/stream"],
    ['{"stream":"tweets","start":"tomorrow"}', "invalid_request", "/start"],
    ['{"stream":"tweets","start":{"ago":"soon"}}', "invalid_request", "/start/ago"],
    ['{"stream":"tweets","clamp":"yes"}', "invalid_request", "/clamp"],
    ['{"stream":"tweets","max_events_per_second":0}', "invalid_request", "/max_events_per_second"],
    ['{"stream":"tweets","when_behind":"panic"}', "invalid_request", "/when_behind"],
    ['{"stream":"tweets","finality":"final"}', "invalid_request", "/finality"],
    ['{"stream":"tweets","__proto__":{"admin":true}}', "invalid_request", "/__proto__"],
    ['{"stream":"tweets","constructor":1}', "invalid_request", "/constructor"],
    ['{"stream":"tweets","filters":[]}', "invalid_request", "/filters"],
    ['{"stream":"tweets","filters":null}', "invalid_request", "/filters"],
    ['{"stream":"tweets","rules":{}}', "invalid_request", "/rules"],
    ['{"stream":"tweets","rules":[{"hashtags":["x"]},1,2]}', "invalid_request", "/rules/1"],
    ['{"stream":"tweets","rules":[[]]}', "invalid_request", "/rules/0"],
    ['{"stream":"tweets","rules":[]}', "invalid_filter", "/rules"],
    ['{"stream":"tweets","filters":{"hashtag":["x"]}}', "unknown_field", "/filters/hashtag"],
    ['{"stream":"tweets","filters":{"__proto__":["x"]}}', "unknown_field", "/filters/__proto__"],
    ['{"stream":"tweets","filters":{"toString":["x"]}}', "unknown_field", "/filters/toString"],
    ['{"stream":"tweets","filters":{"hashtags":[]}}', "invalid_filter", "/filters/hashtags"],
    ['{"stream":"tweets","filters":{"hashtags":[5]}}', "invalid_filter", "/filters/hashtags/0"],
    ['{"stream":"tweets","filters":{"hashtags":{}}}', "invalid_filter", "/filters/hashtags"],
    ['{"stream":"tweets","rules":[{"tag":5}]}', "invalid_filter", "/rules/0/tag"],
    [
      `{"stream":"chain-events","filters":{"address":["0x${"1".repeat(39)}"]}}`,
      "invalid_filter",
      "/filters/address/0",
    ],
    [
      '{"stream":"chain-events","filters":{"min_value":"much"}}',
      "invalid_filter",
      "/filters/min_value",
    ],
    [
      `{"stream":"tweets","filters":{"hashtags":[${Array.from({ length: 10_000 }, (_, n) => `"tag${n}"`).join()}]}}`,
      "filter_too_large",
      "/filters",
    ],
    [`${"[".repeat(200_000)}`, "invalid_json", undefined],
    [`{"stream":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "invalid_request", "/stream"],
    [
      `{"stream":"tweets","filters":{"hashtags":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`,
      "invalid_filter",
      undefined,
    ],
    [`{"stream":"nowhere"}`, "unknown_stream", undefined],
  ];
  test("subscriptions", async () => {
    for (const [body, code, path] of subscriptions) {
      const { status, headers, text } = await post("/v1/stream/subscribe", body);
      assert.ok(status >= 400 && status < 500, `${status} to ${body.slice(0, 100)}`);
      assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/);
      assertProblem(text, code, path);
    }
  });

  test("an unknown stream is told which there are", async () => {
    const answer = await server.request("GET", "/v1/nowhere/live");
    assert.equal(answer.status, 404);
    assert.match(String(answer.body.detail), /tweets, chain-events/);
  });

  test("bodies that are no JSON text", async () => {
    const bad = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]);
    assertProblem((await post("/v1/stream/subscribe", bad)).text, "invalid_json", undefined);
    const typed = await post("/v1/stream/subscribe", "stream=tweets", "text/plain");
    assert.equal(typed.status, 415);
    assertProblem(typed.text, "unsupported_media_type", undefined);
    const large = await post("/v1/stream/subscribe", Buffer.alloc(10 * 1024 * 1024, 0x20));
    assert.equal(large.status, 413);
    assertProblem(large.text, "payload_too_large", undefined);
  });

  test("an empty filter means everything", async () => {
    for (const filters of [{}, undefined]) {
      const answer = await server.request("POST", "/v1/stream/subscribe", {
        stream: "tweets",
        ...(filters === undefined ? {} : { filters }),
      });
      assert.equal(answer.status, 201);
    }
  });

  test("query parameters", async () => {
    const wrong: readonly (readonly [string, string, string | undefined])[] = [
      ["/v1/tweets/live?hashtag=x", "unknown_field", "/hashtag"],
      ["/v1/tweets/live?since=yesterday", "invalid_request", "/since"],
      ["/v1/tweets/live?since=2026-99-99T00:00:00Z", "invalid_request", "/since"],
      ["/v1/tweets/live?since=2026-02-31T00:00:00Z", "invalid_request", "/since"],
      ["/v1/tweets/live?since=2026-01-01T10:00:00", "invalid_request", "/since"],
      ["/v1/tweets/live?cursor=", "invalid_request", "/cursor"],
      ["/v1/tweets/live?max_events_per_second=fast", "invalid_request", "/max_events_per_second"],
      ["/v1/tweets/live?max_tweets_per_second=fast", "invalid_filter", "/max_tweets_per_second"],
      ["/v1/tweets/live?since=1m&since=2m", "invalid_request", "/since"],
      ["/v1/chain-events/live?max_tweets_per_second=5", "unknown_field", "/max_tweets_per_second"],
      ["/v1/tweets/live?__proto__=x", "unknown_field", "/__proto__"],
      ["/v1/tweets/live?hashtags=", "invalid_filter", "/hashtags/0"],
      ["/v1/tweets/recent?limit=0", "invalid_request", "/limit"],
      ["/v1/tweets/recent?hashtag=x", "unknown_field", "/hashtag"],
      ["/v1/tweets/recent?__proto__=x", "unknown_field", "/__proto__"],
      ["/v1/tweets/history?start_time=never", "invalid_request", "/start_time"],
      ["/v1/tweets/recent?after=c1.nonsense", "cursor_invalid", undefined],
      ["/v1/tweets/history?cursor=nonsense", "cursor_invalid", undefined],
    ];
    for (const [path, code, member] of wrong) {
      const answer = await server.request("GET", path);
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} to ${path}`);
      assertProblem(JSON.stringify(answer.body), code, member);
    }
  });

  test("a rate that is hardly one holds up nobody", async () => {
    await server.publish(["first #slow", "second #slow"]);
    for (const rate of [Number.MIN_VALUE, 1e-300, 1e-9]) {
      const session = await server.subscribe({
        stream: "tweets",
        filters: { hashtags: ["slow"] },
        start: "earliest",
        when_behind: "wait",
        max_events_per_second: rate,
      });
      const stream = ndjsonDriver.connect(server.url, { session });
      await stream.next((frame) => frame.event_type !== undefined);
      await stillServes();
      assert.equal(eventsOf(stream).length, 1);
      stream.destroy();
    }
  });

  test("methods that an address does not know, whatever their body", async () => {
    const { host } = new URL(server.url);
    for (const method of ["QUERY", "PROPFIND", "PUT"]) {
      for (const type of ["", "content-type: text/csv\r\n"]) {
        const head = `${method} /v1/stream/sessions HTTP/1.1\r\nhost: ${host}\r\n${type}`;
        const text = await exchange((socket) =>
          socket.write(`${head}content-length: 1\r\nconnection: close\r\n\r\nx`),
        );
        assert.match(text, /^HTTP\/1\.1 405 /, `${method} ${type}`);
        assert.match(text, /\r\nallow: GET, HEAD\r\n/);
        assert.match(text, /"code":"method_not_allowed"/);
      }
    }
  });

  test("parameters of calls that have none, or others", async () => {
    const session = await server.subscribe({ stream: "tweets" });
    for (const [method, path] of [
      ["GET", "/v1/streams"],
      ["GET", "/v1/stream/sessions"],
      ["POST", "/v1/stream/subscribe"],
      ["POST", "/v1/stream/preview"],
      ["POST", "/v1/ingest/tweets"],
      ["GET", `/v1/stream/subscribe/${session}`],
      ["PATCH", `/v1/stream/subscribe/${session}`],
      ["DELETE", `/v1/stream/subscribe/${session}`],
      ["GET", `/v1/stream/${session}/events`],
    ] as const) {
      const body = method === "POST" || method === "PATCH" ? { stream: "tweets" } : undefined;
      const answer = await server.request(method, `${path}?curser=c1.x`, body);
      assert.equal(answer.status, 400, `${method} ${path}`);
      assertProblem(JSON.stringify(answer.body), "invalid_request", "/curser");
    }
    assert.equal((await server.request("GET", `/v1/stream/subscribe/${session}`)).status, 200);
    for (const path of ["/healthz?probe=1", "/readyz?probe=1"])
      assert.equal((await server.request("GET", path)).status, 200);
  });

  test("a change of a session that is no object", async () => {
    const session = await server.subscribe({ stream: "tweets" });
    for (const body of [null, 7, "skip", []]) {
      const answer = await server.request("PATCH", `/v1/stream/subscribe/${session}`, body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assertProblem(JSON.stringify(answer.body), "invalid_request", undefined);
    }
  });

  test("sessions that do not exist, or are no sessions at all", async () => {
    for (const id of ["ses_AAAAAAAAAAAAAAAAAAAAAAAA", "x", "__proto__", "%00", "..%2f..%2fetc"]) {
      for (const [method, path] of [
        ["GET", `/v1/stream/subscribe/${id}`],
        ["DELETE", `/v1/stream/subscribe/${id}`],
        ["GET", `/v1/stream/${id}/events`],
      ] as const) {
        const answer = await server.request(method, path);
        assert.equal(answer.status, 404, `${method} ${path}`);
        assertProblem(JSON.stringify(answer.body), "session_not_found", undefined);
      }
    }
    const long = await server.request("GET", `/v1/stream/subscribe/${"x".repeat(3000)}`);
    assert.equal(long.status, 400);
    assertProblem(JSON.stringify(long.body), "invalid_request", undefined);
    const socket = openSocket(`/v1/stream/${"x".repeat(6000)}`);
    assert.equal((await socket.over).code, 4101);
    assert.equal(socket.frames.find(ofType("error"))?.code, "session_not_found");
  });

  test("an upgrade behind a request that is still being answered", async () => {
    const { host } = new URL(server.url);
    const { body } = await server.request("GET", "/v1/tweets/recent");
    const waits = `/v1/tweets/recent?after=${String(body.cursor)}&wait_ms=1000`;
    const text = await exchange((socket) =>
      socket.write(
        `GET ${waits} HTTP/1.1\r\nhost: ${host}\r\n\r\n${requestHead(server.url, "/v1/tweets/live", UPGRADE)}`,
      ),
    );
    assert.equal(text, "");
    await stillServes();
  });

  test("an address that is no text is refused as everything else is", async () => {
    const answer = await server.request("GET", "/v1/%E0%A4%A/recent");
    assert.equal(answer.status, 400);
    assertProblem(JSON.stringify(answer.body), "invalid_request", undefined);
  });

  test("addresses and requests that HTTP does not know", async () => {
    const { host } = new URL(server.url);
    for (const head of [
      "NONSENSE\r\n\r\n",
      "GET /healthz HTTP/1.1\r\n\r\n",
      `GET /v1/%zz/live HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
      `GET /${"x".repeat(20_000)} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
      `POST /v1/ingest/tweets HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`,
      `GET /healthz HTTP/1.1\r\nhost: ${host}\r\n${"x: y\r\n".repeat(5000)}\r\n`,
    ]) {
      const text = await exchange((socket) => socket.write(head));
      assert.match(text, /^HTTP\/1\.1 4\d\d /, head.slice(0, 60));
    }
  });
});

describe("bad records are refused by name, and good ones beside them are kept", () => {
  before(async () => {
    server = await TestServer.start();
  });
  after(async () => await server[Symbol.asyncDispose]());
  afterEach(stillServes);

  const block = (change: object, receipts: unknown = []) => ({
    type: "block",
    chain: "ETH",
    block: {
      number: "0x10",
      hash: HASH,
      parentHash: `0x${"00".repeat(32)}`,
      timestamp: "0x64",
      gasUsed: "0x0",
      gasLimit: "0x1",
      transactions: [],
      ...change,
    },
    receipts,
  });
  const tweets: readonly (readonly [unknown, string])[] = [
    [{ user_id: "a", text: "x".repeat(281) }, "/text"],
    [{ user_id: "a", text: "😀".repeat(281) }, "/text"],
    [{ user_id: "a", text: "" }, "/text"],
    [{ user_id: "a", text: "half \ud83d" }, "/text"],
    [{ user_id: "a", text: 5 }, "/text"],
    [{ text: "nobody's" }, "/user_id"],
    [{ user_id: "a", text: "x", txet: 1 }, "/txet"],
    [{ user_id: "a", text: "x", timestamp: "yesterday" }, "/timestamp"],
    [{ user_id: "a", text: "x", hashtags: ["not one"] }, "/hashtags/0"],
    [{ user_id: "x".repeat(129), text: "x" }, "/user_id"],
    [{ type: "delete", id: "1" }, "/user_id"],
    [[], ""],
    ["text", ""],
    [null, ""],
  ];
  const chain: readonly (readonly [unknown, string])[] = [
    [{ ...block({}), receipts: undefined }, "/receipts"],
    [block({ hash: "0x12" }), "/block/hash"],
    [block({ transactions: [HASH] }), "/block/transactions/0"],
    [block({ number: "sixteen" }), "/block/number"],
    [{ ...block({}), chain: "eth" }, "/chain"],
    [{ type: "blok" }, "/type"],
    [{ type: "tx", chain: "ETH", from: ADDRESS, value: "-1" }, "/value"],
  ];
  test("one by one", async () => {
    for (const [stream, records] of [
      ["tweets", tweets],
      ["chain-events", chain],
    ] as const) {
      for (const [record, path] of records) {
        const { status, text } = await post(`/v1/ingest/${stream}`, JSON.stringify(record));
        assert.equal(status, 422, text);
        assertProblem(text, "invalid_event", path);
      }
    }
    const hidden = await post("/v1/ingest/tweets", '{"user_id":"a","text":"x","__proto__":{}}');
    assertProblem(hidden.text, "invalid_event", "/__proto__");
    const fits = await post("/v1/ingest/tweets", `{"user_id":"a","text":"${"😀".repeat(280)}"}`);
    assert.equal(fits.status, 202);
  });

  test("bytes that are no record", async () => {
    for (const body of ["", "{", '{"text":"\\ud83"}', Buffer.from([0x22, 0xc3, 0x28, 0x22])]) {
      const { status, text } = await post("/v1/ingest/tweets", body);
      assert.equal(status, 400, text);
      assertProblem(text, "invalid_json", undefined);
    }
    const large = await post("/v1/ingest/tweets", Buffer.alloc(10 * 1024 * 1024, 0x20));
    assert.equal(large.status, 413);
    assertProblem(large.text, "payload_too_large", undefined);
    assert.equal((await post("/v1/ingest/tweets", "x", "text/csv")).status, 415);
    assert.equal((await post("/v1/ingest/nowhere", "{}")).status, 404);
  });

  test("in one body with good ones", async () => {
    const lines = [
      '{"user_id":"a","text":"the first #beside"}',
      "{",
      '{"user_id":"a","text":5}',
      "",
      '"\xff"',
      '{"user_id":"a","text":"the second #beside"}',
    ];
    const body = Buffer.from(lines.join("\n"), "latin1");
    const { status, text } = await post("/v1/ingest/tweets", body, "application/x-ndjson");
    assert.equal(status, 200);
    const answers = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { line: number; status: number; code?: string });
    assert.deepEqual(
      answers.map(({ line, status, code }) => [line, status, code]),
      [
        [1, 202, undefined],
        [2, 400, "invalid_json"],
        [3, 422, "invalid_event"],
        [5, 400, "invalid_json"],
        [6, 202, undefined],
      ],
    );
  });

  test("blocks that do not connect, or lack a receipt, do not stop the stream", async () => {
    const orphan = block({ number: "0x20", hash: `0x${"cd".repeat(32)}`, parentHash: HASH });
    const transaction = {
      hash: `0x${"ef".repeat(32)}`,
      from: ADDRESS,
      to: ADDRESS,
      value: "0x1",
      nonce: "0x0",
      input: "0x",
      transactionIndex: "0x0",
    };
    const lacking = block({ hash: `0x${"aa".repeat(32)}`, transactions: [transaction] });
    for (const record of [block({}), orphan, lacking]) {
      const { status, text } = await post("/v1/ingest/chain-events", JSON.stringify(record));
      assert.ok(status === 202 || status === 422, text);
    }
    const stream = ndjsonDriver.connect(server.url, { live: "chain-events" });
    await stream.next(ofType("caught_up"));
    const lone = { type: "tx", chain: "SOL", from: "someone", value: "1" };
    assert.equal((await post("/v1/ingest/chain-events", JSON.stringify(lone))).status, 202);
    await stream.next((frame) => frame.event_type !== undefined);
    stream.destroy();
  });
});

describe("F11: cursors that cannot be are refused, whatever they are", () => {
  let cursor: string;
  let chainCursor: string;
  let session: string;
  const REFUSALS = ["cursor_invalid", "cursor_foreign", "cursor_ahead", "cursor_too_old"];
  before(async () => {
    server = await TestServer.start({ "topics-partitions": "2" });
    await server.publish(["one #here", "two #here"]);
    cursor = await cursorOf("tweets");
    chainCursor = await cursorOf("chain-events");
    session = await server.subscribe({ stream: "tweets" });
  });
  after(async () => await server[Symbol.asyncDispose]());
  afterEach(stillServes);

  async function cursorOf(live: string): Promise<string> {
    const stream = ndjsonDriver.connect(server.url, { live });
    const frame = await stream.next(ofType("caught_up"));
    stream.destroy();
    return String(frame.cursor);
  }

  /** What each door says to a cursor; a stream that begins is an error of the test. */
  async function codesFor(text: string): Promise<readonly string[]> {
    const encoded = encodeURIComponent(text);
    const answers = [
      await server.request("POST", "/v1/stream/subscribe", {
        stream: "tweets",
        start: { cursor: text },
      }),
      await server.request("POST", "/v1/stream/subscribe", {
        stream: "tweets",
        until: { cursor: text },
      }),
      await refusal(`/v1/tweets/live?cursor=${encoded}`),
      await refusal(`/v1/stream/${session}/events?cursor=${encoded}`),
    ];
    return answers.map(({ status, body }) => {
      assert.ok(status >= 400 && status < 500, `${status} to ${text.slice(0, 100)}`);
      return String(body.code);
    });
  }

  async function refusal(path: string) {
    const response = await fetch(`${server.url}${path}`);
    if (response.status === 200) {
      await response.body?.cancel();
      return { status: 200, body: {} as Record<string, unknown> };
    }
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  test("each way of being wrong has its code", async () => {
    const good = decodeCursor(cursor);
    const moved = (by: number) =>
      encodeCursor({
        ...good,
        partitions: new Map(
          [...good.partitions].map(([partition, { offset }]) => [
            partition,
            { offset: offset + by },
          ]),
        ),
      });
    const cases: readonly (readonly [string, string])[] = [
      [cursor.slice(0, -1), "cursor_invalid"],
      [cursor.slice(0, 20), "cursor_invalid"],
      ["c1.", "cursor_invalid"],
      ["c2.AAAA", "cursor_invalid"],
      [`${cursor}A`, "cursor_invalid"],
      [`${cursor}=`, "cursor_invalid"],
      [chainCursor, "cursor_foreign"],
      [encodeCursor({ ...good, topic: "elsewhere" }), "cursor_foreign"],
      [encodeCursor({ ...good, logId: "another" }), "cursor_foreign"],
      [encodeCursor({ ...good, generation: good.generation + 1 }), "cursor_foreign"],
      [encodeCursor({ ...good, partitions: new Map([[9, { offset: 0 }]]) }), "cursor_foreign"],
      [moved(1), "cursor_ahead"],
      [moved(1_000_000), "cursor_ahead"],
      [moved(Number.MAX_SAFE_INTEGER - 100), "cursor_ahead"],
    ];
    for (const [text, code] of cases) {
      assert.deepEqual(await codesFor(text), [code, code, code, code], text);
    }
  });

  test("another server's cursor is foreign", async () => {
    const other = await TestServer.start();
    const stream = ndjsonDriver.connect(other.url, { live: "tweets" });
    const frame = await stream.next(ofType("caught_up"));
    stream.destroy();
    await other[Symbol.asyncDispose]();
    const codes = await codesFor(String(frame.cursor));
    assert.deepEqual(new Set(codes), new Set(["cursor_foreign"]));
  });

  test("altered in any one place", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const place = fc.nat({ max: cursor.length - 1 });
    const character = fc.constantFrom(...alphabet);
    await fc.assert(
      fc.asyncProperty(place, character, async (at, letter) => {
        fc.pre(cursor[at] !== letter);
        const text = cursor.slice(0, at) + letter + cursor.slice(at + 1);
        assert.deepEqual(new Set(await codesFor(text)), new Set(["cursor_invalid"]));
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  test("any text at all", async () => {
    const text = fc.oneof(
      fc.string({ minLength: 1, maxLength: 300 }),
      fc.string({ minLength: 1, unit: "binary" }),
      fc.base64String({ minLength: 1 }).map((body) => `c1.${body}`),
    );
    await fc.assert(
      fc.asyncProperty(text, async (given) => {
        fc.pre(given.isWellFormed());
        for (const code of await codesFor(given)) assert.equal(code, "cursor_invalid");
      }),
      { seed: 12, numRuns: 60 },
    );
  });

  test("well-formed, and of nothing that is", async () => {
    const good = decodeCursor(cursor);
    const made = fc.record({
      stream: fc.oneof(fc.constant(good.stream), fc.string()),
      topic: fc.oneof(fc.constant(good.topic), fc.string()),
      logId: fc.oneof(fc.constant(good.logId), fc.string()),
      generation: fc.oneof(fc.constant(good.generation), fc.maxSafeNat()),
      partitions: fc
        .array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1000, max: 2 ** 53 - 1 })), {
          minLength: 1,
        })
        .map((list) => new Map(list.map(([at, offset]) => [at, { offset }]))),
    });
    await fc.assert(
      fc.asyncProperty(made, async (given) => {
        for (const code of await codesFor(encodeCursor(given))) {
          assert.ok(REFUSALS.includes(code), code);
        }
      }),
      { seed: 13, numRuns: 60 },
    );
  });

  test("in an ack, nothing changes", async () => {
    const stream = websocketDriver.connect(server.url, { session });
    await stream.next(ofType("caught_up"));
    const good = decodeCursor(cursor);
    for (const text of [
      cursor.slice(0, -2),
      chainCursor,
      "c1.x",
      // Two streams may lie over one topic; the cursor of one resumes no session of the other.
      encodeCursor({ ...good, stream: "neighbour" }),
      encodeCursor({ ...good, generation: good.generation + 1 }),
    ]) {
      const at = stream.frames.length;
      stream.send({ type: "ack", cursor: text });
      const error = await stream.next(ofType("error"), at);
      assert.ok(REFUSALS.includes(String(error.code)));
      assert.equal(error.fatal, false);
    }
    stream.destroy();
  });
});

describe("WebSocket frames that nobody should send", () => {
  before(async () => {
    server = await TestServer.start({
      "deliver-subscribe-timeout": "200ms",
      "transports-frame-bytes-max": "64KiB",
      "transports-fragments-max": "64",
      "transports-compression": "false",
    });
  });
  after(async () => await server[Symbol.asyncDispose]());
  afterEach(stillServes);

  test("a first frame that never comes", async () => {
    const socket = openSocket("/stream/ws");
    assert.equal((await socket.over).code, 4000);
    assert.deepEqual(
      socket.frames.map(({ type, code }) => [type, code]),
      [
        ["hello", undefined],
        ["error", "subscribe_timeout"],
      ],
    );
  });

  test("a first frame that is not subscribe, or is a wrong one", async () => {
    const socket = openSocket("/stream/ws");
    socket.send({ type: "update_filters", filters: {} });
    assert.equal((await socket.next(ofType("error"))).code, "not_subscribed");
    socket.send({ type: "subscribe", stream: "tweets", filters: { hashtag: 1 } });
    assert.equal((await socket.over).code, 4422);
    assert.equal(socket.frames.at(-1)?.code, "unknown_field");
  });

  test("frames that are no frames are answered, and the stream goes on", async () => {
    const socket = openSocket();
    await socket.next(ofType("caught_up"));
    const wrong = [
      clientFrame(0x82, Buffer.from([1, 2, 3])),
      clientFrame(0x81, Buffer.from("{")),
      clientFrame(0x81, Buffer.from("null")),
      clientFrame(0x81, Buffer.from("[]")),
      clientFrame(0x81, Buffer.from("")),
      clientFrame(0x81, Buffer.from('{"type":5}')),
      clientFrame(0x81, Buffer.from('{"type":"toString"}')),
      clientFrame(0x81, Buffer.from(`{"type":${"[".repeat(20_000)}${"]".repeat(20_000)}}`)),
    ];
    for (const frame of wrong) {
      const at = socket.frames.length;
      socket.sendBytes(frame);
      const error = await socket.next(ofType("error"), at);
      assert.equal(error.code, "protocol_error");
      assert.equal(error.fatal, false);
    }
    for (const [body, path] of [
      ['{"type":"update_filters","filters":null}', undefined],
      ['{"type":"update_filters","filters":5}', undefined],
      ['{"type":"update_filters","rules":"x"}', undefined],
      ['{"type":"update_filters","rules":[null]}', undefined],
      ['{"type":"update_filters","__proto__":{}}', "/__proto__"],
      ['{"type":"ack","cursor":{}}', "/cursor"],
      ['{"type":"ack","cursor":"c1.x","offset":5}', "/offset"],
      ['{"type":"heartbeat","at":5}', "/at"],
      ['{"type":"auth"}', "/token"],
      ['{"type":"auth","token":"x","scope":"y"}', "/scope"],
    ] as const) {
      const at = socket.frames.length;
      socket.sendBytes(clientFrame(0x81, Buffer.from(body)));
      const error = await socket.next(ofType("error"), at);
      assert.match(String(error.code), /^invalid_(request|filter)$/, body);
      const [told] = error.errors as readonly { path: string }[];
      if (path !== undefined) assert.equal(told?.path, path);
    }
    const [id] = await server.publish(["still here"]);
    await socket.next((frame) => frame.id === id);
    socket.destroy();
  });

  const cut: readonly (readonly [string, readonly Buffer[], number])[] = [
    ["invalid UTF-8", [clientFrame(0x81, Buffer.from([0xc3, 0x28]))], 1007],
    ["a frame beyond the limit", [clientFrame(0x81, Buffer.alloc(64 * 1024 + 1, 0x20))], 1009],
    [
      "fragments without end",
      [
        clientFrame(0x01, Buffer.from("x")),
        ...Array.from({ length: 100 }, () => clientFrame(0x00, Buffer.from("x"))),
      ],
      1008,
    ],
    [
      "a compressed frame, though nothing was agreed on",
      [clientFrame(0xc1, Buffer.from("x"))],
      1002,
    ],
    ["a reserved opcode", [clientFrame(0x83, Buffer.from("x"))], 1002],
    ["a frame without a mask", [Buffer.from([0x81, 0x01, 0x78])], 1002],
    ["a ping that is too long", [clientFrame(0x89, Buffer.alloc(126))], 1002],
    ["a close code that nobody may send", [clientFrame(0x88, Buffer.from([0x03, 0xed]))], 1002],
    ["a continuation of nothing", [clientFrame(0x80, Buffer.from("x"))], 1002],
  ];
  for (const [name, frames, code] of cut) {
    test(`${name}: closed with ${code}`, async () => {
      const socket = openSocket("/v1/tweets/live", {
        "sec-websocket-extensions": "permessage-deflate",
      });
      await socket.next(ofType("caught_up"));
      assert.doesNotMatch(socket.text, /sec-websocket-extensions/i);
      socket.sendBytes(Buffer.concat(frames));
      assert.equal((await socket.over).code, code);
    });
  }

  test("floods of frames, of pings and of pongs are closed with 4300", async () => {
    for (const frame of [
      clientText({ type: "heartbeat" }),
      clientFrame(0x89, Buffer.from("x")),
      clientFrame(0x8a, Buffer.from("x")),
    ]) {
      const socket = openSocket();
      await socket.next(ofType("caught_up"));
      socket.sendBytes(Buffer.concat(Array.from({ length: 500 }, () => frame)));
      assert.equal((await socket.over).code, 4300);
      const error = socket.frames.at(-1);
      assert.equal(error?.code, "rate_limited");
      assert.equal(error?.retry_after_ms, 1000);
    }
  });

  test("a client that answers no close frame is cut", async () => {
    const session = await server.subscribe({ stream: "tweets" });
    const head = requestHead(server.url, `/v1/stream/${session}`, UPGRADE);
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(head);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await new Promise((resolve) => socket.once("data", resolve));
    socket.resume();
    await server.request("DELETE", `/v1/stream/subscribe/${session}`);
    await closed;
  });
});

describe("requests that are slow on purpose", () => {
  before(async () => {
    server = await TestServer.start({
      "api-headers-timeout": "300ms",
      "api-body-timeout": "300ms",
      "api-idle-timeout": "800ms",
    });
  });
  after(async () => await server[Symbol.asyncDispose]());
  afterEach(stillServes);

  test("a head that never ends is answered and cut", async () => {
    let timer: NodeJS.Timeout | undefined;
    const text = await exchange((socket) => {
      socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n");
      timer = setInterval(() => {
        if (socket.writable) socket.write("x: y\r\n");
      }, 50);
    });
    clearInterval(timer);
    assert.match(text, /^HTTP\/1\.1 408 /);
  });

  test("a body that never ends is answered and cut", async () => {
    for (const path of ["/v1/stream/subscribe", "/v1/ingest/tweets"]) {
      for (const length of ["content-length: 1000", "transfer-encoding: chunked"]) {
        let timer: NodeJS.Timeout | undefined;
        const text = await exchange((socket) => {
          const head = [`POST ${path} HTTP/1.1`, "host: x", "content-type: application/json"];
          socket.write(`${[...head, length].join("\r\n")}\r\n\r\n`);
          const piece = length.startsWith("content") ? " " : "1\r\n \r\n";
          timer = setInterval(() => {
            if (socket.writable) socket.write(piece);
          }, 50);
        });
        clearInterval(timer);
        assert.match(text, /^HTTP\/1\.1 408 /, `${path} ${length}`);
      }
    }
  });

  test("NDJSON that stops coming is cut, and what came whole is in the log", async () => {
    const text = await exchange((socket) => {
      const head = "POST /v1/ingest/tweets HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked";
      socket.write(`${head}\r\ncontent-type: application/x-ndjson\r\n\r\n`);
      const line = '{"user_id":"a","text":"whole"}\n{"user_id":"a","te';
      socket.write(`${line.length.toString(16)}\r\n${line}\r\n`);
    });
    assert.match(text, /"line":1,"status":202/);
    assert.doesNotMatch(text, /"line":2/);
  });

  test("a connection that says nothing is cut", async () => {
    assert.match(await exchange(() => undefined), /^(HTTP\/1\.1 408 |$)/);
  });
});

describe("clients that never read", () => {
  before(async () => {
    server = await TestServer.start({
      "deliver-heartbeat-interval": "300ms",
      "deliver-unread-timeout": "1s",
      "transports-unacked-bytes-min": "4KiB",
      "transports-unacked-bytes-max": "4KiB",
    });
  });
  after(async () => await server[Symbol.asyncDispose]());
  afterEach(stillServes);

  test("are closed, and nobody else is held up", async () => {
    const readers: TransportConnection[] = [];
    const stuck: RawConnection[] = [];
    const session = await server.subscribe({ stream: "tweets", when_behind: "wait" });
    for (const driver of [websocketDriver, sseDriver, ndjsonDriver]) {
      const query = { when_behind: "wait" };
      readers.push(driver.connect(server.url, { live: "tweets", query }));
      const target = driver === websocketDriver ? { session } : { live: "tweets", query };
      stuck.push(driver.connect(server.url, target) as RawConnection);
    }
    for (const connection of [...readers, ...stuck]) await connection.next(ofType("caught_up"));
    for (const { socket } of stuck) socket.pause();
    const closed = stuck.map(({ socket }) => {
      // A paused socket learns of the end only by what it writes.
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.once("close", resolve);
      return promise;
    });
    const hashtags = Array.from({ length: 50 }, (_, n) => `${"x".repeat(90)}${n}`);
    const line = `${JSON.stringify({ user_id: "a", text: "large", hashtags })}\n`;
    const ids: string[] = [];
    for (let batch = 0; batch < 10; batch++) {
      const { text } = await post("/v1/ingest/tweets", line.repeat(300), "application/x-ndjson");
      for (const answer of text.trim().split("\n")) {
        ids.push((JSON.parse(answer) as { id: string }).id);
      }
    }
    const disconnects = async (): Promise<number> => {
      const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
      return Number(/penstock_disconnects_total\{code="4001"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    while ((await disconnects()) < 3) await new Promise((resolve) => setTimeout(resolve, 50));
    for (const { socket } of stuck) socket.destroy();
    await Promise.all(closed);
    const told = await server.request("GET", `/v1/stream/subscribe/${session}`);
    assert.equal(told.body.disconnect_code, 4001);
    for (const reader of readers) {
      await reader.next((frame) => frame.id === ids.at(-1));
      assert.deepEqual(
        eventsOf(reader).map(({ id }) => id),
        ids,
      );
      reader.destroy();
    }
  });
});
