import assert from "node:assert/strict";
import { test } from "node:test";
import { chainEvents } from "@penstock-dev/domain-chain-events";
import { EvmFollower, type FollowerPort } from "./evm-follower.ts";
import type { EvmNode, FullBlock } from "./evm-node.ts";
import { ToldChain } from "./told-chain.ts";

/** What a follower publishes. */
interface Published {
  readonly block?: { readonly number: string };
  readonly head?: boolean;
  readonly start?: boolean;
}

/** The hash of a block; branches of a chain differ in all of theirs. */
function hashOf(number: number, branch = "00"): string {
  return `0x${branch}${number.toString(16).padStart(62, "0")}`;
}

function blockAt(number: number, parentHash = hashOf(number - 1), branch = "00"): FullBlock {
  const hash = hashOf(number, branch);
  const block = { number: `0x${number.toString(16)}`, hash, parentHash, transactions: [] };
  const rest = { timestamp: "0x66000000", gasUsed: "0x0", gasLimit: "0x1" };
  return { number, hash, parentHash, block: { ...block, ...rest }, receipts: [] };
}

/** A chain of blocks, of another branch above a number. */
function chainOf(first: number, last: number, branchAbove = last): FullBlock[] {
  return Array.from({ length: last - first + 1 }, (_, at) => {
    const number = first + at;
    const parentBranch = number - 1 > branchAbove ? "bb" : "00";
    const branch = number > branchAbove ? "bb" : "00";
    return blockAt(number, hashOf(number - 1, parentBranch), branch);
  });
}

/** A node that has some blocks, which may change. */
function nodeOf(blocks: readonly FullBlock[]): EvmNode {
  return {
    head: async () => blocks.at(-1),
    at: async (number: number) => blocks.find((block) => block.number === number),
    full: async (hash: string) => blocks.find((block) => block.hash === hash),
    finalized: async () => undefined,
  } as unknown as EvmNode;
}

function toldOf(blocks: readonly FullBlock[]): ToldChain {
  const told = new ToldChain();
  for (const block of blocks) told.tell(block, false);
  return told;
}

/** A follower, and the appends that it made. */
function followerOf(
  told: ToldChain,
  port: Partial<FollowerPort> = {},
  { from, appendBytesMax = 1_000_000 }: { from?: number; appendBytesMax?: number } = {},
) {
  const appends: (readonly Published[])[] = [];
  const follower = new EvmFollower({
    chain: "ETH",
    told,
    port: {
      accept: (record) => {
        const value = Buffer.from(JSON.stringify(record));
        return { id: "", key: "ETH", value, headers: {} };
      },
      publish: async (records) => {
        appends.push(records.map(({ value }) => JSON.parse(String(value)) as Published));
      },
      tell: () => undefined,
      now: () => 0,
      signal: new AbortController().signal,
      ...port,
    },
    from,
    appendBytesMax,
    rollbackAfterMs: 1000,
  });
  return { follower, appends };
}

/** What the domain makes of raw records, one after another. */
function eventsOf(records: Iterable<object>): { types: string[]; dead: string[] } {
  const state = chainEvents.process?.create();
  const types: string[] = [];
  const dead: string[] = [];
  let offset = 0;
  for (const record of records) {
    const outcome = chainEvents.process?.apply(record, state, offset++);
    types.push(...(outcome?.enriched ?? []).map(({ event_type }) => event_type));
    if (outcome?.dead !== undefined) dead.push(outcome.dead);
  }
  return { types, dead };
}

const rawOf = ({ block, receipts }: FullBlock): object => ({
  ...{ type: "block", chain: "ETH", block, receipts },
});

test("a block that does not connect to what was told is asked for again, and not told", async () => {
  const blocks = [blockAt(1)];
  const node = nodeOf(blocks);
  const { follower, appends } = followerOf(new ToldChain(), {}, { from: 1 });
  assert.equal(await follower.look(node), "even");
  for (const nonsense of [hashOf(2), hashOf(77)]) {
    blocks[1] = blockAt(2, nonsense);
    assert.equal(await follower.look(node), "changed");
  }
  assert.equal(appends.flat().length, 1);
  blocks[1] = blockAt(2);
  blocks[2] = blockAt(3);
  assert.equal(await follower.look(node), "even");
  assert.equal(appends.flat().length, 3);
});

for (const [what, chain] of [
  ["a backfill", chainOf(1, 120)],
  ["the search for where a branch leaves", chainOf(1, 100, 50)],
] as const) {
  test(`${what} ends between two blocks`, async () => {
    const stop = new AbortController();
    const node = nodeOf(chain);
    let asked = 0;
    const stopping = {
      ...node,
      at: (number: number) => {
        asked += 1;
        if (asked === 3) stop.abort(new Error("enough"));
        return node.at(number);
      },
    } as EvmNode;
    const { follower, appends } = followerOf(toldOf(chainOf(1, 100)), { signal: stop.signal });
    await assert.rejects(follower.look(stopping), /enough/);
    assert.deepEqual([asked, appends.length], [3, 0]);
  });
}

test("a chain of which the raw topic has nothing more begins anew, and is no dead letter", async () => {
  const { follower, appends } = followerOf(new ToldChain());
  const chain = chainOf(1, 60);
  assert.equal(await follower.look(nodeOf(chain)), "even");
  chain.push(...chainOf(61, 63));
  assert.equal(await follower.look(nodeOf(chain)), "even");
  const published = appends.flat();
  assert.deepEqual(
    published.map(({ start }) => start),
    [true, undefined, undefined, undefined],
  );
  // The processor remembers more of the chain than the topic has.
  const { types, dead } = eventsOf([...chainOf(10, 12).map(rawOf), ...published]);
  assert.deepEqual(dead, []);
  assert.deepEqual(types, Array(7).fill("block"));
});

test("a tip that was replaced while nobody looked holds no backfill together", async () => {
  const before = chainOf(1, 10);
  const node = nodeOf(chainOf(1, 100, 7));
  const { follower, appends } = followerOf(toldOf(before));
  const looks: string[] = [];
  while (looks.at(-1) !== "even") looks.push(await follower.look(node));
  assert.deepEqual(
    appends.map(({ length }) => length),
    [32, 32, 29],
  );
  assert.deepEqual(looks, ["more", "more", "even"]);
  const { types, dead } = eventsOf([...before.map(rawOf), ...appends.flat()]);
  assert.deepEqual(dead, []);
  // Three are undone, between those that were told and those of the longer branch.
  assert.deepEqual(types.slice(10), ["reorg", ...Array(3 + 93).fill("block")]);
});

test("a branch that is longer than a look is told up to where it counts", async () => {
  const before = chainOf(1, 90);
  const node = nodeOf(chainOf(1, 95, 7));
  const { follower, appends } = followerOf(toldOf(before));
  assert.equal(await follower.look(node), "more");
  assert.deepEqual(
    appends.map(({ length }) => length),
    [32, 32, 20],
  );
  assert.equal(await follower.look(node), "even");
  assert.equal(appends.flat().length, 88);
  assert.deepEqual(eventsOf([...before.map(rawOf), ...appends.flat()]).dead, []);
});

test("behind a branch that leaves deeper than a fork is followed, the chain goes on", async () => {
  const before = chainOf(1, 300);
  const node = nodeOf(chainOf(1, 340, 50));
  const { follower, appends } = followerOf(toldOf(before));
  assert.equal(await follower.look(node), "more");
  assert.equal(await follower.look(node), "more");
  assert.equal(await follower.look(node), "even");
  const { types, dead } = eventsOf([...before.map(rawOf), ...appends.flat()]);
  // The branch itself connects to nothing that the domain still has, up to where it counts.
  assert.equal(dead.length, 250);
  assert.deepEqual(types.slice(300), Array(40).fill("block"));
});

test("a branch that is no longer than what was told says where its head is", async () => {
  const before = chainOf(1, 50);
  const { follower, appends } = followerOf(toldOf(before));
  assert.equal(await follower.look(nodeOf(chainOf(1, 48, 7))), "even");
  assert.deepEqual(
    appends.map(({ length }) => length),
    [32, 9],
  );
  assert.deepEqual(
    appends.flat().map(({ head }) => head === true),
    [...Array(40).fill(false), true],
  );
  const { types, dead } = eventsOf([...before.map(rawOf), ...appends.flat()]);
  assert.deepEqual(dead, []);
  assert.deepEqual(types.slice(50), ["reorg", ...Array(43 + 41).fill("block")]);
});

test("an append is no larger than it may be, where a block alone is not", async () => {
  const sizeOf = (record: object): number => JSON.stringify(record).length;
  const appendBytesMax = 2 * sizeOf(rawOf(blockAt(1)));
  const chain = chainOf(1, 7);
  Object.assign(chain[3]?.block ?? {}, { extraData: "0".repeat(appendBytesMax) });
  const { follower, appends } = followerOf(toldOf([blockAt(1)]), {}, { appendBytesMax });
  assert.equal(await follower.look(nodeOf(chain)), "even");
  assert.deepEqual(
    appends.map((records) => records.map(({ block }) => Number(block?.number))),
    [[2, 3], [4], [5, 6], [7]],
  );
});

test("a node that stands below what is remembered lags, until it has for long", async () => {
  let nowMs = 0;
  const { follower, appends } = followerOf(toldOf(chainOf(500, 510)), { now: () => nowMs });
  const node = nodeOf(chainOf(1, 300));
  assert.equal(await follower.look(node), "behind");
  nowMs = 999;
  assert.equal(await follower.look(node), "behind");
  assert.equal(appends.length, 0);
  nowMs = 1000;
  assert.equal(await follower.look(node), "even");
  assert.deepEqual(
    appends.flat().map(({ block, head }) => [Number(block?.number), head]),
    [[300, true]],
  );
});
