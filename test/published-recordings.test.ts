/** Recordings of chains, published as a user does into a server whose demonstration world plays too. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openEmbeddedLog } from "../server/src/log/index.ts";
import { logOptions } from "../server/src/log/options.ts";
import { defaultsOf } from "../server/src/option.ts";
import { Command } from "./cli/user.ts";
import { serveHere } from "./serve-here.ts";

/** The domain stands behind a stream of another name. */
const YAML = "streams:\n  tweets: { domain: tweets }\n  coins: { domain: chain-events }\n";

const hash = (number: number, chain: string): string =>
  `0x${`${chain}${number}`.padStart(64, "0")}`;

/** Lines of `{lib_num, block, receipts}`. */
function lines(from: number, to: number, chain = ""): string {
  const one = (number: number) => ({
    lib_num: 0,
    block: {
      number: `0x${number.toString(16)}`,
      hash: hash(number, chain),
      parentHash: hash(number - 1, chain),
      timestamp: "0x64b03683",
      gasUsed: "0x0",
      gasLimit: "0x1",
      transactions: [],
    },
    receipts: [],
  });
  const numbers = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  return numbers.map((number) => JSON.stringify(one(number))).join("\n");
}

/** The numbers of the newest blocks that are served, the newest first, down to one. */
async function served(url: string, downTo: number): Promise<number[]> {
  for (;;) {
    const path = "/v1/coins/recent?chain=ETH&event_types=block&limit=200";
    const body = (await (await fetch(`${url}${path}`)).json()) as Record<string, unknown>;
    const list = Object.values(body).find(Array.isArray) as {
      readonly number?: number;
      readonly block?: { readonly number: number };
    }[];
    const numbers = list.map(({ number, block }) => Number(number ?? block?.number));
    const end = numbers.indexOf(downTo);
    if (end >= 0) return numbers.slice(0, end + 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** How many records are dead letters; asked where no server runs. */
async function deadLetters(dataDir: string): Promise<number> {
  await using log = await openEmbeddedLog({
    dataDir,
    options: defaultsOf(logOptions),
    now: Date.now,
  });
  return (await log.heads("chain-events.dead")).reduce((sum, head) => sum + head, 0);
}

const down = (from: number, to: number): number[] =>
  Array.from({ length: from - to + 1 }, (_, at) => from - at);

test("recordings are served beside the demonstration world, once each, across a restart", async () => {
  const folder = await mkdtemp(join(tmpdir(), "penstock-recordings-"));
  try {
    const dataDir = join(folder, "data");
    const file = async (name: string, text: string): Promise<string> => {
      const path = join(folder, name);
      await writeFile(path, gzipSync(text));
      return path;
    };
    const publish = async (url: string, path: string, out: string): Promise<void> => {
      const args = ["publish", "coins", "--file", path];
      const ended = await new Command(args, { PENSTOCK_URL: url }, folder).ended;
      assert.deepEqual([ended.out, ended.code], [out, 0], ended.err);
    };
    const part1 = await file("part1.jsonl.gz", lines(1000, 1004));
    const older = await file("older.jsonl.gz", lines(100, 102, "a"));
    const part2 = await file("part2.jsonl.gz", lines(1005, 1006));
    {
      await using server = await serveHere(dataDir, { demo: "true" }, YAML);
      const { url } = server;
      await publish(url, part1, "5 accepted, 0 refused\n");
      await publish(url, older, "3 accepted, 0 refused\n");
      await publish(url, part1, "5 accepted, 0 refused\n");
      await publish(url, part2, "2 accepted, 0 refused\n");
      await served(url, 1006);
      const all = await served(url, 1000);
      assert.deepEqual(
        all.filter((number) => number <= 1006),
        [...down(1006, 1005), ...down(102, 100), ...down(1004, 1000)],
      );
    }
    const older2 = await file("older2.jsonl", lines(103, 104, "a"));
    {
      // The same again, and more of one of them, by a source of the server that starts again.
      await using server = await serveHere(
        dataDir,
        { demo: "true", sources: `file=coins,${part1},max` },
        YAML,
      );
      await publish(server.url, older2, "2 accepted, 0 refused\n");
      await served(server.url, 104);
      assert.deepEqual(await served(server.url, 1005), [104, 103, 1006, 1005]);
    }
    assert.equal(await deadLetters(dataDir), 0);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
