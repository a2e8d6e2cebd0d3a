/** `penstock serve` as a user runs it: how it starts, and what keeps it from starting. */
import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Command, User } from "./user.ts";

describe("penstock serve", { concurrency: 2 }, () => {
  let user: User;
  before(async () => {
    user = await User.create();
  });
  after(async () => await user?.[Symbol.asyncDispose]());

  describe("serve", () => {
    const serve = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
      user.start(["serve", "--port", "0", "--admin-port", "0", ...args], env);

    test("says where it is and what to try, serves, and stops by SIGTERM with 0", async () => {
      const command = serve(["--data-dir", "served", "--demo"]);
      await command.says(/Metrics: /);
      const url = /serves .* at (\S+)/.exec(command.out)?.[1] ?? "";
      assert.equal((await fetch(`${url}/readyz`)).status, 200);
      const env = { PENSTOCK_URL: url };
      for (const filter of ["hashtags=crypto", "lang=en"]) {
        const { code, out } = await user.run(["tail", "tweets", "--filter", filter, "--limit=1"], {
          env,
        });
        assert.deepEqual([code, out.split("\n").length], [0, 2]);
      }
      command.child.kill("SIGTERM");
      const { code, out, err } = await command.ended;
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out, /stopping: .*\nstopped\n$/);
    });

    for (const workers of ["0", "1"])
      test(`writes nothing but JSON lines to standard error (${workers} workers)`, async () => {
        const dataDir = `logged-${workers}`;
        const flags = ["--data-dir", dataDir, "--workers", workers, "--log-level", "debug"];
        const command = serve(flags);
        await command.says(/Metrics: /);
        const url = /serves .* at (\S+)/.exec(command.out)?.[1] ?? "";
        await (await fetch(`${url}/client.js`)).text();
        await command.says(/stripTypeScriptTypes/);
        command.child.kill("SIGTERM");
        const { err } = await command.ended;
        for (const line of err.trim().split("\n"))
          assert.equal(typeof (JSON.parse(line) as { msg: unknown }).msg, "string", line);
      });

    test("suggests what it serves, and its suggestions work", async () => {
      const yaml = [
        "streams:",
        "  orders: { topic: shop.orders, noun: order, fields: [status] }",
        "  refunds: { topic: shop.refunds, noun: refund }",
        "  posts: { domain: tweets }",
      ];
      const file = join(user.folder, "suggested.yaml");
      await writeFile(file, `${yaml.join("\n")}\n`);
      const command = serve(["--data-dir", "suggested", "--config", file]);
      await command.says(/Metrics: /);
      const url = /serves orders, refunds, posts at (\S+)/.exec(command.out)?.[1] ?? "";
      const curls = [...command.out.matchAll(/curl -N '([^']+)'/g)].map(([, address]) => address);
      assert.deepEqual(curls, [
        `${url}/v1/orders/live`,
        `${url}/v1/refunds/live`,
        `${url}/v1/posts/live?hashtags=crypto`,
      ]);
      for (const address of curls) {
        const abort = new AbortController();
        assert.equal((await fetch(String(address), { signal: abort.signal })).status, 200);
        abort.abort();
      }
      assert.match(command.out, /penstock tail orders\n/);
      assert.match(command.out, /penstock publish orders < /);
      assert.doesNotMatch(command.out, /tweets|chain-events/);
      command.child.kill("SIGTERM");
      assert.equal((await command.ended).code, 0);
    });

    test("reads its file, and starts with nothing that is wrong", async () => {
      const yaml = "streams:\n  orders:\n    topic: shop.orders\n    noun: order\n";
      const command = serve([
        "--data-dir",
        "orders",
        "--config",
        await user.file("orders.yaml", yaml),
      ]);
      await command.says(/serves orders at/);
      command.child.kill("SIGINT");
      assert.equal((await command.ended).code, 0);
      await user.refuses(
        ["serve", "--config", "nope.yaml"],
        /nope.yaml cannot be read: there is no such file/,
      );
      await user.refuses(["serve"], /PENSTOCK_PROT is no option; did you mean PENSTOCK_PORT/, {
        PENSTOCK_PROT: "1",
      });
      await user.refuses(["serve", "--host", "0.0.0.0"], /say --open if that is meant/);
      await user.refuses(
        ["serve", "--host", "nosuch.host.invalid"],
        /--host nosuch\.host\.invalid is no address of this machine/,
      );
      await user.refuses(["serve"], /cannot be read: it is a folder\. Name/, {
        PENSTOCK_CONFIG: user.folder,
      });
      const empty = await user.file("empty.yaml", "streams: {}\n");
      await user.refuses(
        ["serve", "--data-dir", "none", "--admin-port", "0", "--config", empty],
        /empty\.yaml: streams names none: write one below it, such as `tweets: \{ domain: tweets \}`/,
      );
    });

    test("says what is wrong with a domain", async () => {
      const wrong = async (members: string, message: RegExp): Promise<void> => {
        const domain = `{ name: "readings", topics: {}, event_types: {}, ${members} }`;
        const path = await user.file("wrong-domain.mjs", `export const wrong = ${domain};\n`);
        await user.refuses(["serve", "--data-dir", "unmade", "--domains", path], message);
        const { out } = await user.run(["doctor", "--domains", path]);
        assert.match(out, message);
        assert.match(out, /^bad {2}its streams cannot be served$/m);
      };
      await wrong("", /the domain readings: description must be a text; it is missing/);
      await wrong('name: "bad name!"', /wrong-domain\.mjs: name must be in lower case/);
    });

    test("says whose port or host cannot be had", async () => {
      const at = (...args: string[]) => ["serve", "--data-dir", "unserved", ...args];
      const port = String(user.server.port);
      const adminPort = new URL(user.server.adminUrl).port;
      await user.refuses(
        at("--port", port, "--admin-port", "0"),
        new RegExp(`^penstock: --port ${port} is in use`),
      );
      await user.refuses(
        at("--port", "0", "--admin-port", adminPort),
        /^penstock: --admin-port \d+ is in use/,
      );
      await user.refuses(
        at("--port", port, "--admin-port", adminPort),
        /--port \d+ is in use.*--admin-port \d+ is in use.*with --port and --admin-port;/,
      );
      await user.refuses(
        at("--port", "0", "--host", "203.0.113.7", "--open"),
        /--host 203\.0\.113\.7 is no address/,
      );
      await user.refuses(
        at("--port", "0", "--admin-host", "203.0.113.7"),
        /--admin-host 203\.0\.113\.7 is no address/,
      );
    });

    test("says what is wrong with its data directory", async () => {
      const at = (dataDir: string) => [
        "serve",
        "--port",
        "0",
        "--admin-port",
        "0",
        "--data-dir",
        dataDir,
      ];
      await user.refuses(
        at(user.server.dataDir),
        /is in use by another server \(process \d+\).*--data-dir/,
      );
      await user.refuses(
        at(await user.file("a-file", "")),
        /cannot be used: it is, or lies in, a file/,
      );
      const locked = join(user.folder, "locked");
      await mkdir(locked);
      await chmod(user.folder, 0o755);
      await chmod(locked, 0);
      // The superuser may read everything; somebody else may not.
      const uid = process.getuid?.() === 0 ? 65534 : undefined;
      const command = new Command(at(locked), {}, user.folder, uid);
      const { code, err } = await command.ended;
      assert.match(err, /cannot be used: permission is denied.*--data-dir/);
      assert.equal(code, 1);
    });

    test("goes on when nobody reads what it says", async () => {
      const command = serve(["--data-dir", "unheard"]);
      await command.says(/Metrics: /);
      const url = /serves .* at (\S+)/.exec(command.out)?.[1] ?? "";
      command.child.stdout?.destroy();
      command.child.stderr?.destroy();
      assert.equal((await fetch(`${url}/readyz`)).status, 200);
      command.child.kill("SIGTERM");
      assert.equal((await command.ended).code, 0);
    });
  });
});
