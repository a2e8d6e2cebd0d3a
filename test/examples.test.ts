/** Every file of examples/ does what it says, against a server as a newcomer starts it. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Penstock, type PenstockEvent } from "@penstock-dev/client";
import { parse } from "yaml";
import { loadStreams } from "../server/src/streams/index.ts";
import { ChainWorld } from "../simulator/src/chain-world.ts";
import { Random } from "../simulator/src/random.ts";
import { Command } from "./newcomer/command.ts";
import { PROGRAM, ROOT, Served } from "./newcomer/served.ts";

const shared = process.env.PENSTOCK_SHARED ?? join(import.meta.dirname, "../../shared");
const recording = (name: string): string => join(shared, "data", name);
const feed = recording("coinbase-exchange-feed-2021-04-17.jsonl.gz");
const posts = recording("tweets-2017-08-27.jsonl.gz");

const TESTED = [
  "coinbase-feed.yaml",
  "custom-domain.ts",
  "fold-chain.ts",
  "follow-hashtag.ts",
  // In a browser: test/live-page.test.ts.
  "live-page",
  "orders.yaml",
  "watch-wallet.ts",
];

test("each example is one of those that are executed", () => {
  assert.deepEqual(readdirSync(join(ROOT, "examples")).sort(), TESTED);
});

/** Runs an example against a server. */
function example(name: string, args: readonly string[], server: Served): Command {
  return Command.run(process.execPath, [join(ROOT, "examples", name), ...args], {
    PENSTOCK_URL: server.url,
  });
}

/** Everything that a filter gets, from the beginning to a cursor. */
async function replayed(
  url: string,
  stream: string,
  filters: Readonly<Record<string, string | readonly string[]>>,
  cursor: string,
): Promise<PenstockEvent[]> {
  const events: PenstockEvent[] = [];
  const options = { filters, start: "earliest", until: { cursor }, whenBehind: "wait" } as const;
  for await (const event of new Penstock({ url }).stream(stream, options)) events.push(event);
  return events;
}

describe("orders.yaml", () => {
  test("serves a topic as it lies, filtered, without what is left out", async () => {
    await using server = await Served.start("--config", "examples/orders.yaml");
    const order = (order_id: string, total: string, tags: readonly string[]) => ({
      order_id,
      customer: { id: "c1", email: "ada@example.com" },
      total,
      tags,
    });
    await server.publish("orders", [
      order("1", "9.99", ["gift"]),
      order("2", "10", ["gift", "big"]),
      order("3", "250.00", []),
    ]);
    const penstock = new Penstock({ url: server.url });
    const { cursor } = await penstock.recent("orders");
    const ids = async (filters: Record<string, string>) =>
      (await replayed(server.url, "orders", filters, cursor)).map(({ id }) => id).sort();
    assert.deepEqual(await ids({ min_amount: "10" }), ["2", "3"]);
    assert.deepEqual(await ids({ tags: "gift", max_amount: "9.990" }), ["1"]);
    const [first] = await replayed(server.url, "orders", { tags: "big" }, cursor);
    assert.deepEqual(first?.order, {
      ...order("2", "10", ["gift", "big"]),
      customer: { id: "c1" },
    });
  });
});

interface FeedLine {
  readonly recv_ts: number;
  readonly msg: {
    readonly type: string;
    readonly product_id?: string;
    readonly price?: string;
    readonly side?: string;
    readonly changes?: readonly (readonly string[])[];
  };
}

const between = (value: string | undefined, min: number, max: number): boolean =>
  value !== undefined && Number(value) >= min && Number(value) <= max;

/** What clients ask of the feed, and the same in plain words. */
const asked: readonly {
  readonly filters: Readonly<Record<string, string | readonly string[]>>;
  readonly holds: (line: FeedLine) => boolean;
}[] = [
  { filters: {}, holds: () => true },
  { filters: { product: "SKL-USD" }, holds: ({ msg }) => msg.product_id === "SKL-USD" },
  {
    filters: { product: ["BAND-GBP", "DASH-BTC"], min_price: "0.001" },
    holds: ({ msg }) =>
      ["BAND-GBP", "DASH-BTC"].includes(msg.product_id ?? "") &&
      between(msg.price, 0.001, Number.POSITIVE_INFINITY),
  },
  {
    filters: { min_price: "0.00001", max_price: "0.8", event_types: ["match"] },
    holds: ({ msg }) => msg.type === "match" && between(msg.price, 0.00001, 0.8),
  },
  {
    filters: { min_level: "10", max_level: "40" },
    holds: ({ msg }) => between(msg.changes?.[0]?.[1], 10, 40),
  },
  { filters: { side: "buy" }, holds: ({ msg }) => msg.side === "buy" },
  { filters: { product: "NO-SUCH" }, holds: () => false },
];

describe("coinbase-feed.yaml", { skip: existsSync(feed) ? false : `there is no ${feed}` }, () => {
  const lines = (): string[] => gunzipSync(readFileSync(feed)).toString().trim().split("\n");

  /** Records in the order in which they must come: that of their product. */
  const byProduct = (records: readonly FeedLine[]): Record<string, readonly FeedLine[]> => {
    const groups = Object.groupBy(records, ({ msg }) => msg.product_id ?? "none");
    // Those of no product have no key, and no order of theirs is promised.
    groups.none?.sort((one, other) => one.recv_ts - other.recv_ts);
    return groups as Record<string, readonly FeedLine[]>;
  };

  test("reaches clients of different filters exactly, live and replayed", async (t) => {
    await using server = await Served.start("--config", "examples/coinbase-feed.yaml");
    const penstock = new Penstock({ url: server.url });
    const expected = asked.map(({ holds }) =>
      lines()
        .map((line) => JSON.parse(line) as FeedLine)
        .filter(holds),
    );
    assert.equal(expected[0]?.length, 9946);
    for (const records of expected.slice(1, -1))
      assert.ok(records.length > 20, `${records.length} records`);

    await using readers = new AsyncDisposableStack();
    const live = asked.map(({ filters }) => {
      const options = { filters, start: "earliest", whenBehind: "wait" } as const;
      return readers.use(penstock.stream("coinbase-feed", options));
    });
    const received = live.map((): FeedLine[] => []);
    const reading = live.map(async (events, at) => {
      for await (const event of events) received[at]?.push(event.tick as FeedLine);
    });
    // Whatever fails first is what the test says.
    for (const one of reading) one.catch(() => undefined);
    await using publish = Command.run(
      process.execPath,
      [PROGRAM, "publish", "coinbase-feed", "--file", feed, "--speed", "max"],
      { PENSTOCK_URL: server.url },
    );
    assert.equal(await publish.ended(), 0, publish.told.join("\n"));
    assert.deepEqual(publish.lines, ["9946 accepted, 0 refused"]);

    const { cursor } = await penstock.recent("coinbase-feed", {}, 1);
    let deliveries = 0;
    for (const [at, { filters }] of asked.entries()) {
      const events = await replayed(server.url, "coinbase-feed", filters, cursor);
      const ticks = events.map((event) => event.tick as FeedLine);
      deliveries += ticks.length;
      assert.deepEqual(byProduct(ticks), byProduct(expected[at] ?? []), JSON.stringify(filters));
    }
    while (received.some((ticks, at) => ticks.length < (expected[at]?.length ?? 0))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const events of live) events.close();
    await Promise.all(reading);
    for (const [at, { filters }] of asked.entries()) {
      assert.deepEqual(
        byProduct(received[at] ?? []),
        byProduct(expected[at] ?? []),
        `live ${JSON.stringify(filters)}`,
      );
    }
    t.diagnostic(`${deliveries} deliveries to ${asked.length} filters, live and again`);
  });
});

describe("a domain in one file", () => {
  test("checks, orders and filters what it takes", async () => {
    await using server = await Served.start("--domains", "./examples/custom-domain.ts");
    await server.publish("readings", [
      { sensor: "boiler-1", celsius: 61.5, time: "2026-01-01T00:00:00Z" },
      { sensor: "boiler-1", celsius: 80.25, time: "2026-01-01T00:01:00Z" },
      { sensor: "cellar", celsius: -2, time: "2026-01-01T00:00:30Z" },
    ]);
    const penstock = new Penstock({ url: server.url });
    const { cursor } = await penstock.recent("readings");
    const told = async (filters: Record<string, string>) =>
      (await replayed(server.url, "readings", filters, cursor)).map(
        ({ event_type, id }) => `${event_type} ${id}`,
      );
    assert.deepEqual(await told({ sensors: "boiler-1" }), [
      "reading boiler-1@2026-01-01T00:00:00Z",
      "alarm boiler-1@2026-01-01T00:01:00Z",
    ]);
    assert.deepEqual(await told({ max_celsius: "0" }), ["reading cellar@2026-01-01T00:00:30Z"]);
    assert.deepEqual(await told({ event_types: "alarm" }), ["alarm boiler-1@2026-01-01T00:01:00Z"]);
    const refused = penstock.publish("readings", { sensor: "cellar", celsius: "warm", unit: "K" });
    await assert.rejects(refused, (error: { status: number; errors: { path: string }[] }) => {
      assert.equal(error.status, 422);
      assert.deepEqual(error.errors.map(({ path }) => path).sort(), ["/celsius", "/unit"]);
      return true;
    });
  });
});

describe("follow-hashtag.ts", () => {
  test("prints the posts of a hashtag, and no others", async () => {
    await using server = await Served.start();
    await using following = example("follow-hashtag.ts", ["penstock"], server);
    await following.until(({ told }) => told.includes("caught_up"));
    await server.publish("tweets", [
      { user_id: "ann", text: "not this one #other" },
      { id: "t1", user_id: "bob", text: "this one #Penstock" },
    ]);
    await following.until(({ lines }) => lines.length >= 1);
    await server.publish("tweets", [
      { type: "delete", id: "t1", user_id: "bob" },
      { user_id: "bob", text: "and this #penstock" },
    ]);
    await following.until(({ lines }) => lines.length >= 3);
    assert.deepEqual(following.lines, [
      "@bob: this one #Penstock",
      "t1 was deleted",
      "@bob: and this #penstock",
    ]);
  });
});

describe("chains", () => {
  const wallet = `0x${"a1".repeat(20)}`;
  const other = `0x${"b2".repeat(20)}`;

  test("watch-wallet.ts prints what comes in and goes out of a wallet", async () => {
    await using server = await Served.start();
    await using watching = example(
      "watch-wallet.ts",
      ["ETH", wallet.toUpperCase().replace("0X", "0x")],
      server,
    );
    await server.publish("chain-events", [
      { type: "tx", chain: "ETH", from: other, to: wallet, value: "1.5" },
      { type: "tx", chain: "ETH", from: other, to: other, value: "7" },
      { type: "tx", chain: "BASE", from: other, to: wallet, value: "9" },
      { type: "tx", chain: "ETH", from: wallet, to: other, value: "0.25" },
    ]);
    await watching.until(({ lines }) => lines.length >= 2);
    assert.deepEqual(watching.lines, [`1.5 ETH in from ${other}`, `0.25 ETH out to ${other}`]);
  });

  test("watch-wallet.ts says what a reorganisation takes back", async () => {
    await using server = await Served.start();
    await using watching = example("watch-wallet.ts", ["ETH", wallet], server);
    await server.publish("chain-events", [
      block(1, "a", undefined, []),
      block(2, "b", "a", [[other, wallet]]),
      block(2, "c", "a", []),
      block(3, "d", "c", [[wallet, other]]),
    ]);
    await watching.until(({ lines }) => lines.length >= 4);
    assert.deepEqual(watching.lines, [
      `1 ETH in from ${other}`,
      "ETH was reorganised",
      `UNDONE 1 ETH in from ${other}`,
      `1 ETH out to ${other}`,
    ]);
  });

  test("fold-chain.ts ends where a chain with reorganisations stands", async () => {
    await using server = await Served.start();
    await using folding = example("fold-chain.ts", ["ETH"], server);
    const habits = { depths: [1, 2, 3, 5, 8], forkChance: 0.2, finality: true };
    const world = new ChainWorld("ETH", "evm", new Random(11), habits);
    const records = Array.from({ length: 150 }, () => world.next());
    await server.publish("chain-events", [...records, ...world.rest()]);
    assert.ok(world.reorgs > 5, `there were ${world.reorgs} reorganisations`);
    const chain = world.canonical();
    const head = [...chain.keys()].at(-1);
    const end = `${head}: ${chain.size} blocks hold`;
    await folding.until(({ lines }) => lines.at(-1)?.endsWith(end) === true);
    assert.ok(folding.lines.some((line) => line.startsWith("ETH takes back ")));
  });

  /** A block as a node gives it. @param moves one ether from the first to the second, each */
  function block(
    number: number,
    name: string,
    parent: string | undefined,
    moves: readonly (readonly [string, string])[],
  ): object {
    const hash = (text: string): string =>
      `0x${Buffer.from(text).toString("hex").padStart(64, "0")}`;
    const quantity = (value: number): string => `0x${value.toString(16)}`;
    const transactions = moves.map(([from, to], index) => ({
      hash: hash(`${name}${index}`),
      from,
      to,
      value: "0xde0b6b3a7640000",
      nonce: quantity(number),
      input: "0x",
      transactionIndex: quantity(index),
      gasPrice: "0x1",
    }));
    return {
      type: "block",
      chain: "ETH",
      block: {
        number: quantity(number),
        hash: hash(name),
        parentHash: hash(parent ?? "before"),
        timestamp: quantity(1_700_000_000 + number),
        gasUsed: "0x5208",
        gasLimit: "0x1c9c380",
        baseFeePerGas: "0x1",
        transactions,
      },
      receipts: transactions.map(({ hash: transactionHash, transactionIndex }) => ({
        transactionHash,
        transactionIndex,
        status: "0x1",
        gasUsed: "0x5208",
        contractAddress: null,
        logs: [],
      })),
    };
  }
});

describe("the programs, used wrongly or where they cannot follow", () => {
  const told = async (name: string, args: readonly string[], server: Served): Promise<string> => {
    await using program = example(name, args, server);
    assert.equal(await program.ended(), 1, name);
    assert.deepEqual(program.lines, []);
    const text = program.told.join("\n");
    assert.doesNotMatch(text, /^ +at /m, "a stack is nothing for a reader");
    return text;
  };

  test("say how they are used, or what is wrong, in a sentence", async () => {
    await using server = await Served.start();
    assert.match(
      await told("watch-wallet.ts", [], server),
      /npx node examples\/watch-wallet\.ts ETH/,
    );
    assert.match(await told("watch-wallet.ts", ["ETH"], server), /which address/);
    assert.match(await told("watch-wallet.ts", ["ETH", "0x12"], server), /0x and 40 hex digits/);
    assert.match(await told("follow-hashtag.ts", [""], server), /must have 1 to/);
    assert.match(await told("fold-chain.ts", [""], server), /chain.* must/);
  });
});

describe("penstock streams infer", () => {
  for (const [topic, path] of [
    ["coinbase.feed", feed],
    ["posts.v1", posts],
  ] as const) {
    const skip = existsSync(path) ? false : `there is no ${path}`;
    test(`prints of ${topic} what can be loaded and served`, { skip }, async () => {
      const folder = await mkdtemp(join(tmpdir(), "penstock-infer-"));
      try {
        const file = join(folder, "penstock.yaml");
        await writeFile(file, `streams: { recorded: { topic: ${topic} } }\n`);
        await using server = await Served.start("--config", file);
        const env = { PENSTOCK_URL: server.url };
        await using publish = Command.run(
          process.execPath,
          [PROGRAM, "publish", "recorded", "--file", path],
          env,
        );
        assert.equal(await publish.ended(), 0, publish.told.join("\n"));
        await using infer = Command.run(process.execPath, [
          ...[PROGRAM, "streams", "infer", topic, "--data-dir", server.dataDir],
        ]);
        assert.equal(await infer.ended(), 0, infer.told.join("\n"));
        const { streams } = parse(infer.lines.join("\n")) as { streams: object };
        const [stream] = loadStreams(streams, new Map(), 4).values();
        const expected =
          topic === "posts.v1" ? ["screen_name", "text"] : ["product_id", "price", "side"];
        for (const name of expected) assert.ok(stream?.fields.has(name), name);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});
