/** F14: what was deleted is served by nothing, from the moment that anyone could know of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ndjsonDriver } from "./transports/drivers.ts";
import { TestServer } from "./transports/test-server.ts";
import { ofType } from "./transports/transport-driver.ts";

const POSTS = 120;
const SECRET = "never again";

/** All that the server says of tweets, as text. */
async function everything(server: TestServer, author: string): Promise<string> {
  const ask = async (path: string, body?: object): Promise<string> =>
    JSON.stringify((await server.request(body === undefined ? "GET" : "POST", path, body)).body);
  return (
    await Promise.all([
      ask(`/v1/tweets/recent?user_ids=${author}&limit=1000`),
      ask(`/v1/tweets/history?user_ids=${author}&limit=1000`),
      ask(`/v1/tweets/history?key=${author}`),
      ask("/v1/stream/preview", { stream: "tweets", filters: { user_ids: author } }),
    ])
  ).join("\n");
}

/** What a client that reads from the beginning gets. */
async function replay(server: TestServer, query: Record<string, string>): Promise<string> {
  const stream = ndjsonDriver.connect(server.url, {
    live: "tweets",
    query: { when_behind: "wait", ...query },
  });
  await stream.next(ofType("caught_up"));
  stream.destroy();
  return stream.text;
}

for (const workers of ["0", "4"])
  test(`F14: deleted content is served nowhere after its deletion, whoever asks and whatever restarts (${workers} workers)`, async () => {
    await using server = await TestServer.start({ workers });
    const send = async (lines: readonly object[]): Promise<void> => {
      const response = await fetch(`${server.url}/v1/ingest/tweets`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
      });
      const text = await response.text();
      for (const line of text.trim().split("\n")) assert.match(line, /"status":202/);
    };
    const author = (number: number): string => `author${number % 7}`;
    const id = (number: number): string => `secret${number}`;
    const all = Array.from({ length: POSTS }, (_, number) => number);

    // A client follows one author, and goes away with a cursor from before the deletions.
    const away = ndjsonDriver.connect(server.url, {
      live: "tweets",
      query: { user_ids: "author1", since: "earliest", when_behind: "wait" },
    });
    const { cursor } = await away.next(ofType("subscribed"));
    away.destroy();

    // Some deletions come before what they delete.
    await send([{ type: "delete", id: "early", user_id: "author1" }]);
    await send(
      all.map((number) => ({
        id: id(number),
        user_id: author(number),
        text: `${SECRET} ${number}`,
      })),
    );
    await send([{ id: "early", user_id: "author1", text: `${SECRET} early` }]);
    await send([{ id: "kept", user_id: "author1", text: "this one stays" }]);
    await server.visible(["kept"]);
    assert.match(await everything(server, "author1"), new RegExp(`${SECRET} 1"`));

    // The storm: whoever sees a deletion finds its post nowhere, at once.
    const seen: Promise<void>[] = [];
    const live = ndjsonDriver.connect(
      server.url,
      { live: "tweets" },
      {
        onFrame: (frame) => {
          const { event_type, tweet } = frame as {
            event_type?: string;
            tweet?: { id: string; user_id: string };
          };
          if (event_type !== "delete" || tweet === undefined || seen.length >= 40) return;
          seen.push(
            everything(server, tweet.user_id).then((text) => {
              const number = tweet.id.slice("secret".length);
              assert.ok(!text.includes(`${SECRET} ${number}"`), `${tweet.id} is still served`);
            }),
          );
        },
      },
    );
    await live.next(ofType("caught_up"));
    for (const number of all)
      await send([{ type: "delete", id: id(number), user_id: author(number) }]);
    await send([{ id: "last", user_id: "author1", text: "behind them all" }]);
    await live.next((frame) => (frame as { id?: string }).id === "last");
    assert.equal(seen.length, 40);
    await Promise.all(seen);
    live.destroy();

    const nowhere = async (): Promise<void> => {
      for (const number of [0, 1, 2, 3, 4, 5, 6])
        assert.ok(!(await everything(server, author(number))).includes(SECRET));
      for (const query of [
        { since: "earliest" },
        { cursor: String(cursor), user_ids: "author1" },
      ]) {
        const text = await replay(server, query);
        assert.ok(!text.includes(SECRET), "a replay serves what was deleted");
        assert.match(text, /this one stays/);
        // The deletions themselves are told.
        assert.match(text, /"event_type":"delete","position":"[^"]+","at":\d+,"id":"secret1"/);
      }
    };
    await nowhere();
    await server.stop();
    await server.start();
    await nowhere();
  });
