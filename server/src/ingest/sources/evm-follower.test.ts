import assert from "node:assert/strict";
import { test } from "node:test";
import { EvmFollower } from "./evm-follower.ts";
import type { EvmNode, FullBlock } from "./evm-node.ts";
import { ToldChain } from "./told-chain.ts";

const hashOf = (number: number): string => `0x${number.toString(16).padStart(64, "0")}`;

function blockAt(number: number, parentHash = hashOf(number - 1)): FullBlock {
  return { number, hash: hashOf(number), parentHash, block: {}, receipts: [] };
}

test("a block that does not connect to what was told is asked for again, and not told", async () => {
  const blocks = [blockAt(1)];
  const node = {
    head: async () => blocks.at(-1),
    at: async (number: number) => blocks.find((block) => block.number === number),
    full: async (hash: string) => blocks.find((block) => block.hash === hash),
    finalized: async () => undefined,
  } as unknown as EvmNode;
  let published = 0;
  const follower = new EvmFollower({
    chain: "ETH",
    told: new ToldChain(),
    port: {
      publish: async (records) => {
        published += records.length;
      },
      tell: () => undefined,
      now: () => 0,
      signal: new AbortController().signal,
    },
    from: 1,
    rollbackAfterMs: 1000,
  });
  assert.equal(await follower.look(node), "even");
  for (const nonsense of [hashOf(2), hashOf(77)]) {
    blocks[1] = blockAt(2, nonsense);
    assert.equal(await follower.look(node), "changed");
  }
  assert.equal(published, 1);
  blocks[1] = blockAt(2);
  blocks[2] = blockAt(3);
  assert.equal(await follower.look(node), "even");
  assert.equal(published, 3);
});

for (const [what, branch] of [
  ["a backfill", ""],
  ["the search for where a branch leaves", "77"],
]) {
  test(`${what} ends between two blocks`, async () => {
    const stop = new AbortController();
    const told = new ToldChain();
    for (let number = 1; number <= 100; number++) told.tell(blockAt(number), false);
    const other = (number: number): FullBlock => ({
      ...blockAt(number),
      hash: `${hashOf(number).slice(0, -2)}${branch}`,
    });
    const asked: number[] = [];
    const node = {
      head: async () => (branch === "" ? blockAt(120) : other(100)),
      at: async (number: number) => {
        asked.push(number);
        if (asked.length === 3) stop.abort(new Error("enough"));
        return branch === "" ? blockAt(number) : other(number);
      },
      full: async (hash: string) => blockAt(Number(hash)),
      finalized: async () => undefined,
    } as unknown as EvmNode;
    const follower = new EvmFollower({
      chain: "ETH",
      told,
      port: {
        publish: async () => assert.fail("it published"),
        tell: () => undefined,
        now: () => 0,
        signal: stop.signal,
      },
      from: 1,
      rollbackAfterMs: 1000,
    });
    await assert.rejects(follower.look(node), /enough/);
    assert.equal(asked.length, 3);
  });
}
