import assert from "node:assert/strict";
import { test } from "node:test";
import type { Log, NewRecord } from "../../log/index.ts";
import { temporaryLog } from "../../log/temporary-log.ts";
import { readToldChain } from "./told-chain.ts";

import { watchedLog } from "./watched-log.ts";

const TOPIC = "chains.raw";
const hashOf = (number: number): string => `0x${number.toString(16).padStart(64, "0")}`;
const never = new AbortController().signal;

function recordOf(raw: { readonly chain: string; readonly [member: string]: unknown }): NewRecord {
  return { key: raw.chain, value: Buffer.from(JSON.stringify(raw)) };
}

function blocks(chain: string, first: number, last: number): NewRecord[] {
  return Array.from({ length: last - first + 1 }, (_, at) => {
    const number = first + at;
    const block = { number: `0x${number.toString(16)}`, hash: hashOf(number) };
    return recordOf({
      ...{ type: "block", chain, receipts: [] },
      block: { ...block, parentHash: hashOf(number - 1) },
    });
  });
}

/** Records of the partition that are no blocks of ETH. */
function others(count: number): NewRecord[] {
  return Array.from({ length: count }, (_, at) =>
    recordOf({ type: "tx", chain: at % 2 === 0 ? "ETH" : "XRP", id: `${at}` }),
  );
}

async function withTopic(body: (log: Log) => Promise<void>): Promise<void> {
  await using made = await temporaryLog();
  await made.log.createTopic(TOPIC, { partitions: 1 });
  await body(made.log);
}

test("a chain is found behind however many other records", async () => {
  await withTopic(async (log) => {
    await log.append(TOPIC, 0, blocks("ETH", 1, 3));
    await log.append(TOPIC, 0, [recordOf({ type: "final", chain: "ETH", number: 2 })]);
    await log.append(TOPIC, 0, others(11_000));
    const { tip, finalNumber } = await readToldChain(log, TOPIC, 0, "ETH", never);
    assert.deepEqual([tip?.number, finalNumber], [3, 2]);
    assert.equal((await readToldChain(log, TOPIC, 0, "BASE", never)).tip, undefined);
  });
});

test("a chain of which few blocks are at the end is known as deep as a fork is followed", async () => {
  await withTopic(async (log) => {
    await log.append(TOPIC, 0, blocks("ETH", 1, 128));
    await log.append(TOPIC, 0, others(6000));
    await log.append(TOPIC, 0, blocks("ETH", 129, 129));
    const told = await readToldChain(log, TOPIC, 0, "ETH", never);
    assert.equal(told.tip?.number, 129);
    assert.equal(told.hashAt(1), hashOf(1));
  });
});

test("a chain is read no further back than it has to be, and others have their turns", async () => {
  await withTopic(async (log) => {
    await log.append(TOPIC, 0, others(20_000));
    await log.append(TOPIC, 0, blocks("ETH", 1, 200));
    await log.append(TOPIC, 0, others(6000));
    let turns = 0;
    let turning = setImmediate(function next() {
      turns += 1;
      turning = setImmediate(next);
    });
    const { log: watched, readFrom: asked } = watchedLog(log);
    await readToldChain(watched, TOPIC, 0, "ETH", never);
    clearImmediate(turning);
    assert.equal(Math.min(...asked), 16_200);
    assert.ok(turns >= asked.length - 1, `${turns} turns beside ${asked.length} reads`);
  });
});

test("a search for a chain ends with its signal", async () => {
  await withTopic(async (log) => {
    await log.append(TOPIC, 0, others(20_000));
    const stop = new AbortController();
    const reading = readToldChain(log, TOPIC, 0, "ETH", stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(reading, /enough/);
  });
});
