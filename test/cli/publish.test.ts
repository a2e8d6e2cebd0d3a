/** `penstock publish` as a user runs it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { posts, User } from "./user.ts";

describe("penstock publish", { concurrency: 2 }, () => {
  let user: User;
  before(async () => {
    user = await User.create();
  });
  after(async () => await user?.[Symbol.asyncDispose]());

  describe("publish", () => {
    /** An author's posts in their order, once there are so many. */
    const published = async (author: string, count: number): Promise<string[]> => {
      for (;;) {
        const path = `/v1/tweets/recent?user_ids=${author}&limit=1000`;
        const { body } = await user.server.request("GET", path);
        const texts = (body.tweets as { readonly text: string }[])
          .map(({ text }) => text)
          .reverse();
        if (texts.length >= count) return texts;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };

    test("one event", async () => {
      const text = JSON.stringify({ user_id: "one", text: "Loving #crypto" });
      const { code, out } = await user.run(["publish", "tweets", text]);
      assert.equal(code, 0);
      assert.match(out, /^published \S+ at \d+:\d+\n$/);
      await user.refuses(["publish", "tweets", "{"], /invalid_json/);
      await user.refuses(
        ["publish", "tweets", '{"user_id":"u","text":5}'],
        /\/text must be a text/,
      );
      await user.refuses(["publish", "nope", "{}"], /unknown_stream.*there are tweets/);
      await user.refuses(
        ["publish", "tweets", "{}", "--file", "x"],
        /one event or --file, not both/,
      );
    });

    test("NDJSON on standard input, each line that is refused by its number", async () => {
      const lines = `${posts(1, "lines")}\n{"user_id":"lines","text":5}\r\nnonsense\n${posts(1, "lines").trim()}`;
      const { code, out, err } = await user.run(["publish", "tweets"], { input: `\ufeff${lines}` });
      assert.equal(out, "2 accepted, 2 refused\n");
      assert.equal(code, 1);
      assert.match(err, /^line 3: invalid_event: \/text must be a text/m);
      assert.match(err, /^line 4: invalid_json/m);
    });

    test("bytes go through as they are: separators that JSON may hold, and what is no UTF-8", async () => {
      const odd = Buffer.concat([
        Buffer.from('{"user_id":"odd","text":"a\u2028b\u2029c\u0085d"}\n{"user_id":"odd","text":"'),
        Buffer.from([0xff]),
        Buffer.from('"}\n'),
      ]);
      const { out, err } = await user.run(["publish", "tweets"], { input: odd });
      assert.equal(out, "1 accepted, 1 refused\n");
      assert.match(err, /^line 2: .*UTF-8/m);
      assert.deepEqual(await published("odd", 1), ["a\u2028b\u2029c\u0085d"]);
    });

    test("files, packed or not whatever their names, and recordings of known shapes", async () => {
      const expected = Array.from({ length: 30 }, (_, at) => `number ${at}`);
      const plain = await user.file("posts.jsonl", posts(30, "plain"));
      const packed = await user.file("posts.txt", gzipSync(posts(30, "packed")));
      const recorded = Array.from({ length: 30 }, (_, at) =>
        JSON.stringify({
          id: 9000 + at,
          screen_name: "recorded",
          created_at: "2017-08-27 00:05:55",
          text: `number ${at}`,
        }),
      ).join("\n");
      const recording = await user.file("recording.jsonl.gz", gzipSync(recorded));
      for (const path of [plain, packed, recording]) {
        const { code, out } = await user.run(["publish", "tweets", "--file", path]);
        assert.deepEqual([code, out], [0, "30 accepted, 0 refused\n"]);
      }
      for (const author of ["plain", "packed", "recorded"])
        assert.deepEqual(await published(author, 30), expected);
      const stdin = await user.run(["publish", "tweets"], { input: gzipSync(posts(2, "stdin")) });
      assert.equal(stdin.out, "2 accepted, 0 refused\n");
    });

    test("files that are not there, or not whole, are told as such", async () => {
      await user.refuses(
        ["publish", "tweets", "--file", "nope"],
        /--file nope cannot be read: there is no such/,
      );
      await user.refuses(["publish", "tweets", "--file", user.folder], /is a folder; name a file/);
      const empty = await user.file("empty", "");
      await user.refuses(["publish", "tweets", "--file", empty], /nothing came from .*empty: one/);
      await user.refuses(
        ["publish", "tweets"],
        /nothing came from standard input: one event a line/,
      );
      const cut = gzipSync(posts(5000, "cut")).subarray(0, -500);
      const cutAnswer = await user.run([
        "publish",
        "tweets",
        "--file",
        await user.file("cut.gz", cut),
      ]);
      assert.match(cutAnswer.out, /^[1-9]\d* accepted, 0 refused\n$/);
      assert.match(cutAnswer.err, /cut\.gz could not be read to its end: its gzip is cut short/);
      assert.equal(cutAnswer.code, 1);
      const broken = Buffer.from([0x1f, 0x8b, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      const brokenAnswer = await user.run([
        "publish",
        "tweets",
        "--file",
        await user.file("bad.gz", broken),
      ]);
      assert.match(brokenAnswer.err, /could not be read to its end: its gzip is/);
      assert.equal(brokenAnswer.code, 1);
    });

    test("by a pace: so many a second, or as it was recorded", async () => {
      const timed = [0, 1, 2].map((at) => ({
        user_id: "paced",
        text: `number ${at}`,
        timestamp: new Date(Date.now() - 10_000 + at * 400).toISOString(),
      }));
      const path = await user.file(
        "paced.jsonl",
        timed.map((one) => JSON.stringify(one)).join("\n"),
      );
      for (const speed of ["realtime", "4x", "100", "100/s", "max"]) {
        const { out } = await user.run(["publish", "tweets", "--file", path, "--speed", speed]);
        assert.equal(out, "3 accepted, 0 refused\n", speed);
      }
      for (const speed of ["0", "0x", "-1", "fast", "1e3", ""]) {
        const args = ["publish", "tweets", "--file", path, `--speed=${speed}`];
        await user.refuses(args, /--speed is max, realtime, so many times that, such as 10x/);
      }
      const timeless = await user.file("timeless.jsonl", posts(30, "timeless"));
      const answer = await user.run([
        "publish",
        "tweets",
        "--file",
        timeless,
        "--speed",
        "realtime",
      ]);
      assert.equal(answer.code, 1);
      assert.match(answer.err, /needs the time of each record in .*timestamp.*--speed 100/);
    });

    test("to a server that goes away in the middle, says from which line on to publish again", async () => {
      const leaving = createServer((socket) => {
        socket.on("error", () => undefined);
        const answer = (line: number): string => {
          const text = `${JSON.stringify({ line, status: 202, id: "x", position: "0:1" })}\n`;
          return `${text.length.toString(16)}\r\n${text}\r\n`;
        };
        const head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        socket.once("data", () => {
          socket.write(`${head}${answer(1)}${answer(2)}`);
          setTimeout(() => socket.destroy(), 200);
        });
      });
      leaving.listen(0, "127.0.0.1");
      await once(leaving, "listening");
      const { port } = leaving.address() as { port: number };
      const path = await user.file("halved.jsonl", `\n${posts(5, "halved")}`);
      const env = { PENSTOCK_URL: `http://127.0.0.1:${port}` };
      const { code, out, err } = await user.run(["publish", "tweets", "--file", path], { env });
      leaving.close();
      assert.deepEqual([code, out], [1, "2 accepted, 0 refused\n"]);
      assert.match(
        err,
        /the server went away \(.+\); 3 records .* at line 4 of .*halved\.jsonl: publish again/,
      );
      assert.doesNotMatch(err, /^ +at /m);
    });

    test("ends at SIGINT with what was accepted", async () => {
      const path = await user.file("slow.jsonl", posts(1000, "slow"));
      const command = user.start(["publish", "tweets", "--file", path, "--speed", "50"]);
      await published("slow", 3);
      command.child.kill("SIGINT");
      const { code, out } = await command.ended;
      assert.equal(code, 130);
      const accepted = Number(/^(\d+) accepted, 0 refused\n$/.exec(out)?.[1]);
      assert.equal((await published("slow", accepted)).length, accepted);
    });
  });
});
