/** The program as a user runs it: what it prints, what it ends with, and what it says to mend. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { posts, User } from "./cli/user.ts";

/** Nobody listens there: the port is one that only the system may have. */
const NOWHERE = "http://127.0.0.1:9";

describe("the command line", { concurrency: 2 }, () => {
  let user: User;
  before(async () => {
    user = await User.create();
  });
  after(async () => await user?.[Symbol.asyncDispose]());

  describe("help", () => {
    test("of everything, with every option in its group", async () => {
      for (const command of [[], ["serve"], ["tail"], ["publish"], ["streams"], ["doctor"]]) {
        const { code, out } = await user.run([...command, "--help"]);
        assert.equal(code, 0);
        assert.match(out, /^Usage: penstock/);
      }
      const { out } = await user.run(["serve", "--help"]);
      assert.match(out, /\nDeliver:\n(.|\n)*--deliver-drain <duration>(.|\n)*\nTransports:/);
      assert.match(out, /--source <source>/);
      assert.match(
        out,
        /--log-level <text>\n {6}The least that is logged: debug, info, .*Default: info\./s,
      );
      for (const line of out.split("\n")) assert.ok(line.length <= 100, line);
      assert.doesNotMatch((await user.run(["tail", "--help"])).out, /\[\]/);
      assert.match(out, /PENSTOCK_LOG_RETENTION for --log-retention/);
      assert.match((await user.run(["--version"])).out, /^\d+\.\d+\.\d+\n$/);
    });

    test("of what is misspelt", async () => {
      await user.refuses(["tial"], /unknown command 'tial'\n\(Did you mean tail\?\)/);
      await user.refuses(
        ["serve", "--prot", "1"],
        /unknown option '--prot'\n\(Did you mean --port\?\)/,
      );
      await user.refuses(["serve", "more"], /too many arguments/);
      await user.refuses(["tail"], /missing required argument 'stream'/);
      await user.refuses(["publish"], /missing required argument 'stream'/);
    });
  });

  describe("tail", () => {
    test("prints what matches, one readable line or one object each, and ends at its limit", async () => {
      const plain = user.start(["tail", "tweets", "--filter", "hashtags=tailed", "--limit", "2"]);
      const json = user.start([
        ...["tail", "tweets", "--json", "--limit", "2", "--since", "1h"],
        ...["--filter", "hashtags=tailed,other", "--filter", "user_ids=tail-author"],
      ]);
      let isOver = false;
      void Promise.all([plain.ended, json.ended]).then(() => (isOver = true));
      while (!isOver)
        await user.server.ingest(
          ["not #this", "one #tailed", "two\n\u001b[8mtwo #tailed"],
          "tail-author",
        );
      assert.equal(
        (await plain.ended).err,
        `following tweets at ${user.server.url}, from now: hashtags=tailed\n`,
      );
      const lines = (await plain.ended).out.split("\n");
      assert.match(lines[0] ?? "", /^\d\d:\d\d:\d\d\.\d{3}Z new_tweet @tail-author one #tailed$/);
      assert.match(lines[1] ?? "", /new_tweet @tail-author two \[8mtwo #tailed$/);
      assert.equal(lines.length, 3);
      const { code, out, err } = await json.ended;
      assert.equal(code, 0);
      assert.equal(err, "");
      const events = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { event_type: string });
      assert.deepEqual(
        events.map(({ event_type }) => event_type),
        ["new_tweet", "new_tweet"],
      );
    });

    test("ends in peace by SIGINT, and when whoever reads has enough", async () => {
      const interrupted = user.start(["tail", "tweets", "--since", "earliest"]);
      const piped = user.start(["tail", "tweets", "--since", "earliest"]);
      await user.server.ingest(["for the tails"], "peace");
      await interrupted.says(/for the tails/);
      await piped.says(/for the tails/);
      interrupted.child.kill("SIGINT");
      assert.equal((await interrupted.ended).code, 0);
      piped.child.stdout?.destroy();
      let isOver = false;
      void piped.ended.then(() => (isOver = true));
      while (!isOver) await user.server.ingest(["nobody reads this"], "peace");
      const { code, err } = await piped.ended;
      assert.equal(code, 0);
      assert.match(err, /^following tweets at \S+, from earliest: everything\n$/);
    });

    test("says what is lost where the server comes back with other data, and to start again", async () => {
      const anew = await User.create();
      try {
        const tail = anew.start(["tail", "tweets"]);
        await tail.says(/following tweets/);
        await anew.server.ingest(["before the data went"], "lost");
        await tail.says(/before the data went/);
        await anew.server.stop();
        await rm(anew.server.dataDir, { recursive: true });
        await anew.server.start();
        const { code, err } = await tail.ended;
        assert.equal(code, 1);
        assert.match(err, /cursor_foreign: .* what it had behind \d{4}-\S+Z .*Start it again/);
      } finally {
        await anew[Symbol.asyncDispose]();
      }
    });

    test("refuses what cannot be followed, and says what can", async () => {
      await user.refuses(
        ["tail", "nope"],
        /unknown_stream: There is no stream "nope"; there are tweets/,
      );
      await user.refuses(["tail", "tweets", "--filter", "hashtag=x"], /Did you mean hashtags\?/);
      await user.refuses(
        ["tail", "tweets", "--filter", "x"],
        /--filter must be a field and its value/,
      );
      await user.refuses(
        ["tail", "tweets", "--since", "5"],
        /--since must be a duration such as 10m/,
      );
      await user.refuses(["tail", "tweets", "--since", "2026-13-01T00:00:00Z"], /--since must be/);
      await user.refuses(["tail", "tweets", "--cursor", "x"], /cursor_invalid/);
      await user.refuses(["tail", "tweets", "--since", "now", "--cursor", "x"], /not both/);
      for (const limit of ["0", "1.5", "-1", "x"])
        await user.refuses(
          ["tail", "tweets", `--limit=${limit}`],
          /--limit must be a whole number/,
        );
      await user.refuses(
        ["tail", "tweets", "--when-behind", "x"],
        /skip, wait, latest, disconnect/,
      );
      await user.refuses(["tail", "tweets", "--finality", "x"], /all, final/);
      await user.refuses(["tail", "tweets", "--finality", "final"], /no final form/);
    });
  });

  describe("streams", () => {
    test("lists what there is", async () => {
      const { code, out } = await user.run(["streams"]);
      assert.equal(code, 0);
      assert.match(out, /^tweets: .*\n {2}--filter user_ids=user123 +exact {2}The author\.\n/);
      // Each line is what can be typed.
      const filters = out.split(/^chain-events/m)[1]?.match(/(?<=--filter )\S+/g) ?? [];
      assert.ok(filters.some((filter) => /^min_value=/.test(filter)));
      const args = filters.flatMap((filter) => ["--filter", filter]);
      const tail = user.start(["tail", "chain-events", ...args]);
      await tail.says(/following chain-events/);
      tail.child.kill("SIGINT");
      assert.equal((await tail.ended).code, 0);
      assert.equal((await user.run(["streams", "list"])).out, out);
      const json = JSON.parse((await user.run(["streams", "list", "--json"])).out) as {
        streams: unknown[];
      };
      assert.equal(json.streams.length, 2);
    });

    test("infers a declaration from a topic, beside the server that writes it", async () => {
      await user.server.ingest(["for the inference"], "inferred");
      const args = ["streams", "infer", "tweets.enriched", "--data-dir", user.server.dataDir];
      assert.match((await user.run(args)).out, /streams:\n {2}\S+:\n {4}topic: tweets\.enriched/);
      const env = { PENSTOCK_DATA_DIR: user.server.dataDir };
      await user.refuses(
        ["streams", "infer", "nope"],
        /no topic "nope"; there are .*tweets.enriched/,
        env,
      );
      await user.refuses(
        ["streams", "infer", "x", "--data-dir", "nowhere"],
        /nowhere holds no log/,
      );
    });
  });

  test("keeps what it compiled in a folder of the user's own, and in none that others write to", {
    skip: process.platform === "win32",
  }, async () => {
    const cacheOf = async (name: string, mode?: number): Promise<string[]> => {
      const cache = join(user.folder, name);
      await mkdir(join(cache, ...(mode === undefined ? [] : ["penstock"])), { recursive: true });
      if (mode !== undefined) await chmod(join(cache, "penstock"), mode);
      const { code } = await user.run(["--version"], { env: { XDG_CACHE_HOME: cache } });
      assert.equal(code, 0);
      return await readdir(join(cache, "penstock"));
    };
    assert.notDeepEqual(await cacheOf("fresh"), []);
    assert.notDeepEqual(await cacheOf("own", 0o755), []);
    assert.deepEqual(await cacheOf("open", 0o777), []);
  });

  describe("where there is no server", () => {
    test("commands say so, and where to say where one is", async () => {
      const env = { PENSTOCK_URL: NOWHERE };
      const path = await user.file("unsent.jsonl", posts(3, "unsent"));
      for (const args of [
        ["publish", "tweets", "{}"],
        ["publish", "tweets", "--file", path],
        ["streams"],
      ])
        await user.refuses(
          args,
          /http:\/\/127\.0\.0\.1:9 cannot be reached \(.+\).*PENSTOCK_URL/,
          env,
        );
      const tail = user.start(["tail", "tweets"], env);
      await tail.says(
        /no server at http:\/\/127\.0\.0\.1:9 .*trying until there is one.*PENSTOCK_URL/,
      );
      tail.child.kill("SIGINT");
      assert.equal((await tail.ended).code, 0);
      for (const url of ["nourl", "ftp://127.0.0.1", ""]) {
        const message = /PENSTOCK_URL must be a server's address such as/;
        for (const args of [["tail", "tweets"], ["publish", "tweets", "{}"], ["streams"]])
          await user.refuses(args, message, { PENSTOCK_URL: url });
      }
    });

    test("a tail that is cut off says that it was, and goes on", async (t) => {
      const { hostname, port } = new URL(user.server.url);
      const cuts: (() => void)[] = [];
      const proxy = createServer((near) => {
        const far = connect(Number(port), hostname);
        for (const socket of [near, far]) socket.on("error", () => undefined);
        near.pipe(far).pipe(near);
        near.once("close", () => far.destroy());
        cuts.push(() => near.destroy());
      });
      t.after(() => {
        for (const cut of cuts) cut();
        proxy.close();
      });
      proxy.listen(0, "127.0.0.1");
      await once(proxy, "listening");
      const url = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
      const tail = user.start(["tail", "tweets"], { PENSTOCK_URL: url });
      t.after(() => tail.child.kill("SIGKILL"));
      await tail.says(/following tweets/);
      for (const cut of cuts) cut();
      await tail.says(new RegExp(`the connection to ${url} was lost .*connecting again`));
      await tail.says(/connected again/);
      tail.child.kill("SIGINT");
      assert.equal((await tail.ended).code, 0);
    });

    test("or something else that answers", async () => {
      const other = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.end(
          "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nnope\n",
        );
      });
      other.listen(0, "127.0.0.1");
      await once(other, "listening");
      const { port } = other.address() as { port: number };
      const env = { PENSTOCK_URL: `http://127.0.0.1:${port}` };
      await user.refuses(["streams"], /answers 404, and no Penstock answers so.*PENSTOCK_URL/, env);
      await user.refuses(["tail", "tweets"], /answers 404, and no Penstock answers so/, env);
      const admin = { PENSTOCK_URL: user.server.adminUrl };
      await user.refuses(["tail", "tweets"], /answers 404, and no Penstock answers so/, admin);
      const { code, out } = await user.run(["doctor", "--admin-port", "0"], { env });
      assert.equal(code, 1);
      assert.match(
        out,
        /bad {2}what answers at .* is no Penstock \(404 at \/readyz\)\n.*PENSTOCK_URL/,
      );
      other.close();
    });
  });

  describe("doctor", () => {
    test("finds nothing at a good configuration and a server that is well", async () => {
      const adminPort = new URL(user.server.adminUrl).port;
      const { code, out } = await user.run([
        "doctor",
        "--data-dir",
        user.server.dataDir,
        "--admin-port",
        adminPort,
      ]);
      assert.doesNotMatch(out, /^bad/m);
      assert.equal(code, 0, out);
      assert.match(out, new RegExp(`is used by the server of process ${process.pid}`));
      assert.match(out, /ok {3}a server is ready at/);
      assert.match(out, /ok {3}no position moved past an event in silence/);
    });

    test("says of each thing that is wrong what to mend", async () => {
      const check = async (args: readonly string[], message: RegExp): Promise<void> => {
        const { code, out } = await user.run(["doctor", ...args]);
        assert.match(out, message);
        assert.equal(code, 1, args.join(" "));
      };
      await check(
        ["--port", "x"],
        /bad {2}the configuration is wrong\n +--port must be a whole number/,
      );
      await check(["--host", "0.0.0.0"], /bad {2}the server may not listen there\n.*--open/);
      await check(["--domains", "./nope.ts"], /bad {2}its streams cannot be served\n.*nope\.ts/);
      await check(
        ["--host", "nosuch.host.invalid"],
        /--host nosuch\S+ is no address of this machine/,
      );
      await check(["--source", "x=1"], /bad {2}a source is wrong\n.*evm=ETH/);
      await check(
        ["--data-dir", await user.file("taken", "")],
        /taken cannot be written .*\n.*--data-dir/,
      );
      const wrong = await user.file("wrong.yaml", "streams: { orders: 5 }\n");
      await check(["--config", wrong], /wrong\.yaml: streams\.orders must be a mapping/);
      const other = await user.file("other.yaml", "streams: { posts: { domain: tweets } }\n");
      await check(["--config", other], /it does not serve posts\n +Start it anew/);
      await check(
        ["--config", "nope.yaml"],
        /nope\.yaml cannot be read: there is no such file.*--config/,
      );
    });

    test("tells where a server is that PENSTOCK_URL does not name, and calls nothing in its way", async () => {
      const own = ["--port", String(user.server.port), "--data-dir", user.server.dataDir];
      const { code, out } = await user.run(["doctor", ...own], { env: { PENSTOCK_URL: NOWHERE } });
      assert.equal(code, 1);
      assert.match(
        out,
        /bad {2}no server answers at http:\/\/127\.0\.0\.1:9 .*\n +There is one at http:\/\/127\.0\.0\.1:\d+: unset PENSTOCK_URL/,
      );
      assert.doesNotMatch(out, /cannot be had|Stop what holds it/);
    });

    test("leaves nothing behind", async () => {
      const { out } = await user.run(["doctor", "--data-dir", "unmade"]);
      assert.match(out, /unmade can be made/);
      await user.refuses(["streams", "infer", "x", "--data-dir", "unmade"], /holds no log/);
    });
  });
});
