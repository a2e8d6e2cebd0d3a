import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decodeCursor } from "@penstock-dev/contract";
import { TestServer } from "./test-server.ts";
import {
  eventsOf,
  type Frame,
  isEvent,
  ofType,
  placeOf,
  type Target,
  type TransportConnection,
  type TransportDriver,
} from "./transport-driver.ts";

let tags = 0;
/** A hashtag of a test's own, so that tests share a server. */
const newTag = (): string => {
  tags += 1;
  return `own${tags}x`;
};
const texts = (tag: string, count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, number) => `number ${from + number} #${tag}`);
const ids = (connection: TransportConnection): (string | undefined)[] =>
  eventsOf(connection).map(({ id }) => id);

/** Resolves when so many events came. */
async function events(connection: TransportConnection, count: number): Promise<void> {
  let seen = 0;
  await connection.next((frame) => {
    if (isEvent(frame)) seen += 1;
    return seen >= count;
  });
}

/** The first checkpoint behind an event. */
async function checkpointBehind(connection: TransportConnection, id: string): Promise<string> {
  await connection.next((frame) => frame.id === id);
  const at = connection.frames.findIndex((frame) => frame.id === id);
  const { cursor } = await connection.next(ofType("checkpoint"), at);
  return String(cursor);
}

/** An error with a code: in a frame, or in the answer that refuses the stream. */
function assertTold(connection: TransportConnection, code: string): void {
  const inFrame = connection.frames.some((frame) => frame.code === code);
  assert.ok(inFrame || connection.text.includes(`"code":"${code}"`), connection.text);
}

/** The last two frames before a close that has an error. */
function assertEnds(connection: TransportConnection, code: string): void {
  const [checkpoint, error] = connection.frames.slice(-2);
  assert.equal(checkpoint?.type, "checkpoint", JSON.stringify(connection.frames.slice(-3)));
  assert.equal(error?.type, "error");
  assert.equal(error?.code, code);
  assert.equal(error?.fatal, true);
}

/**
 * Everything that PROTOCOL.md promises of a stream, whatever carries it.
 *
 * @param driver the transport under test
 * @param others transports on which its sessions go on
 * @param workers processes that the server's clients are spread over; 0 for one that does all
 */
export function transportConformance(
  driver: TransportDriver,
  others: readonly TransportDriver[],
  workers = 0,
): void {
  const where = workers === 0 ? "" : `, whichever of ${workers} workers a connection reaches`;
  describe(`${driver.name} carries the protocol${where}`, () => {
    let server: TestServer;
    const open: TransportConnection[] = [];
    const connect: TransportDriver["connect"] = (url, target, options) => {
      const connection = driver.connect(url, target, options);
      open.push(connection);
      return connection;
    };
    const assertCode = async (connection: TransportConnection, code: number): Promise<void> => {
      const over = await connection.over;
      if (driver.closeCodes) assert.equal(over.code, code);
    };
    before(async () => {
      server = await TestServer.start({
        "deliver-heartbeat-interval": "300ms",
        "deliver-checkpoint-interval": "50ms",
        "deliver-session-save-interval": "100ms",
        "transports-unacked-bytes-min": "4KiB",
        workers: String(workers),
      });
    });
    after(async () => {
      for (const connection of open) connection.destroy();
      await server[Symbol.asyncDispose]();
    });

    test("hello, subscribed, history in order, caught_up, live, checkpoints", async () => {
      const tag = newTag();
      const past = await server.publish(texts(tag, 5));
      const stream = connect(server.url, {
        live: "tweets",
        query: { hashtags: tag, since: "earliest" },
      });
      await stream.next(ofType("caught_up"));
      const [hello, subscribed] = stream.frames;
      assert.equal(hello?.type, "hello");
      assert.equal(hello?.protocol, 1);
      assert.equal(hello?.heartbeat_interval_ms, 300);
      assert.match(String(hello?.session_id), /^ses_[\w-]{32}$/);
      assert.ok(hello?.oldest !== undefined && hello.newest !== undefined);
      assert.equal(subscribed?.type, "subscribed");
      assert.deepEqual(subscribed?.rules, [{ hashtags: [tag] }]);
      assert.equal(subscribed?.resume, "none");
      assert.equal(decodeCursor(String(subscribed?.cursor)).stream, "tweets");
      assert.deepEqual(ids(stream), past);
      const live = await server.publish([...texts(tag, 2), "not for you #else"]);
      await checkpointBehind(stream, live[1] ?? "");
      assert.deepEqual(ids(stream), [...past, ...live.slice(0, 2)]);
    });

    test("a silent stream has heartbeats, each with a checkpoint", async () => {
      const stream = connect(server.url, { live: "tweets", query: { hashtags: newTag() } });
      await stream.next(ofType("heartbeat"));
      const at = stream.frames.findIndex(ofType("heartbeat"));
      await stream.next(ofType("checkpoint"), at);
      assert.equal(stream.frames[at + 1]?.type, "checkpoint");
    });

    test("checkpoints move over what does not match", async () => {
      const stream = connect(server.url, { live: "tweets", query: { hashtags: newTag() } });
      const { cursor } = await stream.next(ofType("caught_up"));
      await server.publish(texts(newTag(), 3));
      const before = offsets(String(cursor));
      await stream.next(
        (frame) => frame.type === "checkpoint" && offsets(String(frame.cursor)) >= before + 3,
      );
    });

    test("a cursor resumes exactly, here and on every other transport", async () => {
      const tag = newTag();
      const first = await server.publish(texts(tag, 4));
      const query = { hashtags: tag, since: "earliest" };
      const stream = connect(server.url, { live: "tweets", query });
      const cursor = await checkpointBehind(stream, first[3] ?? "");
      stream.destroy();
      const missed = await server.publish(texts(tag, 3));
      const session = String(stream.frames[0]?.session_id);
      for (const other of [driver, ...others]) {
        const next = other.connect(server.url, { session, cursor });
        await events(next, 3);
        assert.equal(next.frames[1]?.resume, "full");
        assert.equal(next.frames[1]?.cursor, cursor);
        assert.deepEqual(ids(next), missed, other.name);
        next.destroy();
      }
      const anew = connect(server.url, { live: "tweets", query: { hashtags: tag, cursor } });
      await events(anew, 3);
      assert.deepEqual(ids(anew), missed);
    });

    test("a session resumes by its id alone, and nothing is lost", async () => {
      const tag = newTag();
      const published = await server.publish(texts(tag, 60));
      const session = await server.subscribe({
        stream: "tweets",
        filters: { hashtags: [tag] },
        start: "earliest",
      });
      const stream = connect(server.url, { session });
      await events(stream, 40);
      if (driver.duplex) {
        // Answers come in order: behind this one, the pongs before it were heard.
        stream.send({ type: "heartbeat" });
        await stream.next(ofType("heartbeat"));
      }
      stream.destroy();
      await stream.over;
      // A client that has read all of it is owed only what came since.
      published.push(...(await server.publish(texts(tag, 1, 60))));
      const next = connect(server.url, { session });
      await next.next((frame) => frame.id === published.at(-1));
      const again = ids(next);
      assert.deepEqual(again, published.slice(published.length - again.length));
      if (driver.acknowledges) assert.ok(again.length < 61, "what was acknowledged came again");
      else assert.equal(again.length, 61, "it goes on where the last connection began");
    });

    test("a cursor in Last-Event-ID beats since", async () => {
      const tag = newTag();
      const first = await server.publish(texts(tag, 2));
      const query = { hashtags: tag, since: "earliest" };
      const stream = connect(server.url, { live: "tweets", query });
      const cursor = await checkpointBehind(stream, first[1] ?? "");
      stream.destroy();
      const missed = await server.publish(texts(tag, 2));
      const headers = { "last-event-id": cursor };
      const next = connect(server.url, { live: "tweets", query }, { headers });
      await events(next, 2);
      assert.deepEqual(ids(next), missed);
      const session = String(stream.frames[0]?.session_id);
      const resumed = connect(server.url, { session }, { headers });
      await events(resumed, 2);
      assert.deepEqual(ids(resumed), missed);
    });

    test("a second connection takes a session over, and the first is told", async () => {
      const tag = newTag();
      const session = await server.subscribe({ stream: "tweets", filters: { hashtags: [tag] } });
      const first = connect(server.url, { session });
      await first.next(ofType("caught_up"));
      const second = connect(server.url, { session });
      await second.next(ofType("caught_up"));
      await assertCode(first, 4409);
      assertEnds(first, "taken_over");
      const [id] = await server.publish(texts(tag, 1));
      await second.next((frame) => frame.id === id);
      assert.deepEqual(ids(first), []);
    });

    test("DELETE ends the connection and the session", async () => {
      const session = await server.subscribe({ stream: "tweets" });
      const stream = connect(server.url, { session });
      await stream.next(ofType("caught_up"));
      assert.equal((await server.request("DELETE", `/v1/stream/subscribe/${session}`)).status, 204);
      await assertCode(stream, 4410);
      assertEnds(stream, "session_ended");
      const answer = await server.request("GET", `/v1/stream/subscribe/${session}`);
      assert.equal(answer.status, 404);
      assert.equal(answer.body.code, "session_not_found");
    });

    test("until ends with a checkpoint and 1000", async () => {
      const tag = newTag();
      const wanted = await server.publish(texts(tag, 3));
      const query = { hashtags: tag, since: "earliest" };
      const whole = connect(server.url, { live: "tweets", query });
      const cursor = await checkpointBehind(whole, wanted[2] ?? "");
      await server.publish(texts(tag, 3));
      const session = await server.subscribe({
        stream: "tweets",
        filters: { hashtags: [tag] },
        start: "earliest",
        until: { cursor },
      });
      const stream = connect(server.url, { session });
      await assertCode(stream, 1000);
      assert.deepEqual(ids(stream), wanted);
      assert.equal(stream.frames.at(-1)?.type, "checkpoint");
      assert.ok(offsets(String(stream.frames.at(-1)?.cursor)) >= offsets(cursor));
    });

    test("a session survives a restart of the server, by id and by cursor", async () => {
      const tag = newTag();
      const body = { stream: "tweets", filters: { hashtags: [tag] }, start: "now" };
      const session = await server.subscribe(body);
      const stream = connect(server.url, { session });
      await stream.next(ofType("caught_up"));
      const before = await server.publish(texts(tag, 3));
      const cursor = await checkpointBehind(stream, before[2] ?? "");
      const ending = stream.over;
      await server.stop();
      const over = await ending;
      if (driver.closeCodes) assert.equal(over.code, 1001);
      assert.equal(stream.frames.at(-1)?.type, "checkpoint");
      assert.ok(stream.frames.some(ofType("go_away")));
      await server.start();
      const afterwards = await server.publish(texts(tag, 2, 3));
      const byCursor = connect(server.url, { session, cursor });
      await events(byCursor, 2);
      assert.deepEqual(ids(byCursor), afterwards);
      byCursor.destroy();
      await byCursor.over;
      const last = await server.publish(texts(tag, 1, 5));
      const byId = connect(server.url, { session });
      await byId.next((frame) => frame.id === last[0]);
      assert.deepEqual(ids(byId), [...before, ...afterwards, ...last].slice(-ids(byId).length));
    });

    test("every form of start", async () => {
      const tag = newTag();
      const past = await server.publish(texts(tag, 2));
      const beginMs = Date.now();
      const starts: readonly [object | string, number][] = [
        ["earliest", 2],
        [{ ago: "1h" }, 2],
        [{ time: new Date(beginMs - 3_600_000).toISOString() }, 2],
        [{ time: new Date(beginMs + 3_600_000).toISOString() }, 0],
        ["now", 0],
      ];
      for (const [start, count] of starts) {
        const session = await server.subscribe({
          stream: "tweets",
          filters: { hashtags: [tag] },
          start,
        });
        const stream = connect(server.url, { session });
        await stream.next(ofType("caught_up"));
        assert.deepEqual(ids(stream), past.slice(0, count), JSON.stringify(start));
        stream.destroy();
      }
      for (const since of ["1h", new Date(beginMs - 3_600_000).toISOString(), "earliest"]) {
        const stream = connect(server.url, { live: "tweets", query: { hashtags: tag, since } });
        await stream.next(ofType("caught_up"));
        assert.deepEqual(ids(stream), past, since);
        stream.destroy();
      }
    });

    test("a start is fixed when the session is made", async () => {
      const tag = newTag();
      const session = await server.subscribe({ stream: "tweets", filters: { hashtags: [tag] } });
      const missed = await server.publish(texts(tag, 2));
      const stream = connect(server.url, { session });
      await events(stream, 2);
      assert.deepEqual(ids(stream), missed);
    });

    test("new filters are answered at their place in the stream", async () => {
      const [old, fresh] = [newTag(), newTag()];
      const session = await server.subscribe({ stream: "tweets", filters: { hashtags: [old] } });
      const stream = connect(server.url, { session });
      await stream.next(ofType("caught_up"));
      const [first] = await server.publish([`a #${old}`]);
      await stream.next((frame) => frame.id === first);
      const at = stream.frames.length;
      if (driver.duplex) {
        stream.send({ type: "update_filters", filters: { hashtags: [fresh] } });
      } else {
        const path = `/v1/stream/subscribe/${session}`;
        const answer = await server.request("PATCH", path, { filters: { hashtags: [fresh] } });
        assert.equal(answer.status, 200);
      }
      const subscribed = await stream.next(ofType("subscribed"), at);
      assert.deepEqual(subscribed.rules, [{ hashtags: [fresh] }]);
      assert.ok(subscribed.cursor !== undefined && subscribed.note !== undefined);
      const [, second] = await server.publish([`b #${old}`, `c #${fresh}`]);
      await stream.next((frame) => frame.id === second);
      assert.deepEqual(ids(stream), [first, second]);
      const resumed = connect(server.url, { session, cursor: String(subscribed.cursor) });
      await events(resumed, 1);
      assert.deepEqual(ids(resumed), [second]);
    });

    test("tags of the rules that matched are echoed", async () => {
      const [one, two] = [newTag(), newTag()];
      const session = await server.subscribe({
        stream: "tweets",
        rules: [
          { tag: "first", hashtags: [one] },
          { tag: "second", hashtags: [two] },
        ],
      });
      const stream = connect(server.url, { session });
      await stream.next(ofType("caught_up"));
      await server.publish([`a #${one}`, `b #${two}`, `c #${one} #${two}`]);
      await events(stream, 3);
      const told = eventsOf(stream).map((event) => event.tags);
      assert.deepEqual(told, [["first"], ["second"], ["first", "second"]]);
    });

    test("a session that does not exist, and a cursor that cannot be, are told with a code", async () => {
      const missing = connect(server.url, { session: "ses_AAAAAAAAAAAAAAAAAAAAAAAA" });
      await missing.over;
      assertTold(missing, "session_not_found");
      const session = await server.subscribe({ stream: "tweets" });
      const altered = connect(server.url, { session, cursor: "c1.altered" });
      await altered.over;
      assertTold(altered, "cursor_invalid");
      const stream = connect(server.url, { session });
      await stream.next(ofType("caught_up"));
    });

    test("a parameter that the call does not know, or that is wrong, is named as it was typed", async () => {
      const session = await server.subscribe({ stream: "tweets" });
      const wrong: readonly (readonly [Target, string, string])[] = [
        [{ session, query: { curser: "c1.x" } }, "invalid_request", "/curser"],
        [{ live: "tweets", query: { hashtag: "x" } }, "unknown_field", "/hashtag"],
        [{ live: "tweets", query: { lang: "" } }, "invalid_filter", "/lang/0"],
        [{ live: "tweets", query: { when_behind: "x" } }, "invalid_request", "/when_behind"],
        [{ live: "tweets", query: { since: "never" } }, "invalid_request", "/since"],
        [{ live: "chain-events", query: { chian: "ETH" } }, "unknown_field", "/chian"],
      ];
      for (const [target, code, path] of wrong) {
        const refused = connect(server.url, target);
        await refused.over;
        assertTold(refused, code);
        const told = `${refused.text}${JSON.stringify(refused.frames)}`;
        assert.ok(told.includes(`"path":"${path}"`), told);
      }
      const stream = connect(server.url, { session });
      await stream.next(ofType("caught_up"));
    });

    test("a rate stands in the query under either of its names", async () => {
      for (const name of ["max_events_per_second", "max_tweets_per_second"]) {
        const query = { hashtags: newTag(), [name]: "5" };
        const stream = connect(server.url, { live: "tweets", query });
        const subscribed = await stream.next(ofType("subscribed"));
        assert.equal(subscribed.max_events_per_second, 5);
        stream.destroy();
      }
    });

    test("each policy for falling behind is taken, where the stream has it", async () => {
      for (const policy of ["skip", "wait", "disconnect"]) {
        const query = { hashtags: newTag(), when_behind: policy };
        const stream = connect(server.url, { live: "tweets", query });
        const subscribed = await stream.next(ofType("subscribed"));
        assert.equal(subscribed.when_behind, policy);
        stream.destroy();
      }
    });

    test("a rate holds back what is beyond its burst, and loses nothing", async () => {
      const tag = newTag();
      const published = await server.publish(texts(tag, 25));
      const query = {
        hashtags: tag,
        since: "earliest",
        when_behind: "wait",
        max_events_per_second: "10",
      };
      const beginMs = performance.now();
      const stream = connect(server.url, { live: "tweets", query });
      await events(stream, 25);
      // A bucket of ten, refilled with ten a second: the last of 25 cannot come sooner.
      assert.ok(performance.now() - beginMs >= 1400);
      assert.equal(stream.frames[1]?.max_events_per_second, 10);
      assert.deepEqual(ids(stream), published);
    });

    test("positions rise within each partition, and none comes twice", async () => {
      const tag = newTag();
      const authors = ["a", "b", "c", "d", "e"];
      for (const author of authors) await server.publish(texts(tag, 10), author);
      const query = { hashtags: tag, since: "earliest" };
      const stream = connect(server.url, { live: "tweets", query });
      await events(stream, 50);
      assertRising(eventsOf(stream));
    });

    if (driver.duplex) duplexConformance(() => server, connect);
  });
}

/** What only holds where clients send frames. */
function duplexConformance(server: () => TestServer, connect: TransportDriver["connect"]): void {
  test("an ack moves where the session resumes by its id, and an older one does not", async () => {
    const tag = newTag();
    const published = await server().publish(texts(tag, 6));
    const body = { stream: "tweets", filters: { hashtags: [tag] }, start: "earliest" };
    const session = await server().subscribe(body);
    const stream = connect(server().url, { session });
    const early = String((await stream.next(ofType("subscribed"))).cursor);
    const cursor = await checkpointBehind(stream, published[5] ?? "");
    stream.send({ type: "ack", cursor });
    stream.send({ type: "ack", cursor: early });
    stream.send({ type: "heartbeat" });
    await stream.next(ofType("heartbeat"));
    const missed = await server().publish(texts(tag, 1));
    stream.destroy();
    await stream.over;
    const next = connect(server().url, { session });
    await events(next, 1);
    assert.deepEqual(ids(next), missed);
  });

  test("frames that cannot be done are answered, and change nothing", async () => {
    const tag = newTag();
    const session = await server().subscribe({ stream: "tweets", filters: { hashtags: [tag] } });
    const stream = connect(server().url, { session });
    await stream.next(ofType("caught_up"));
    const wrong: readonly [object, string][] = [
      [{ type: "subscribe", stream: "tweets" }, "already_subscribed"],
      [{ type: "unheard_of" }, "protocol_error"],
      [{ type: "update_filters", filters: { hashtag: ["x"] } }, "unknown_field"],
      [{ type: "update_filters", filter: {} }, "invalid_request"],
      [{ type: "ack", cursor: "c1.nonsense" }, "cursor_invalid"],
      [{ type: "ack" }, "invalid_request"],
      [[], "protocol_error"],
    ];
    for (const [frame, code] of wrong) {
      const at = stream.frames.length;
      stream.send(frame);
      const error = await stream.next(ofType("error"), at);
      assert.equal(error.code, code, JSON.stringify(frame));
      assert.equal(error.fatal, false);
    }
    const [id] = await server().publish(texts(tag, 1));
    await stream.next((frame) => frame.id === id);
  });
}

/** All offsets of a cursor together: how far it stands. */
function offsets(cursor: string): number {
  let sum = 0;
  for (const { offset } of decodeCursor(cursor).partitions.values()) sum += offset;
  return sum;
}

function assertRising(frames: readonly Frame[]): void {
  const last = new Map<number, number>();
  for (const frame of frames) {
    const { partition, offset } = placeOf(frame);
    assert.ok(offset > (last.get(partition) ?? -1), frame.position);
    last.set(partition, offset);
  }
}
