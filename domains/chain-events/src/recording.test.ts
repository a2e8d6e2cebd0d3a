import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRawChainRecord, type RawChainRecord } from "./raw-record.ts";
import { endOfChainRecording, fromChainRecording } from "./recording.ts";

const hash = (name: string): string => name.repeat(64);
const hash0x = (name: string): string => `0x${hash(name)}`;
const address = (name: string): string => `0x${name.repeat(40)}`;

/** What a recording stands for, by lines of JSON; each record is one that may be published. */
function read(lines: readonly string[]): (RawChainRecord | Error)[] {
  const memory = new Map<string, unknown>();
  const found = lines.flatMap((text) => {
    const records = fromChainRecording(JSON.parse(text), memory, text);
    assert.ok(records !== undefined, text);
    return records;
  });
  return [...found, ...endOfChainRecording(memory)].map((one) => {
    if (one instanceof Error) return one;
    const parsed = parseRawChainRecord(one);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    return parsed.value;
  });
}

const messages = (records: readonly (RawChainRecord | Error)[]): string[] =>
  records.flatMap((one) => (one instanceof Error ? one.message : []));
const marks = (records: readonly (RawChainRecord | Error)[]): (boolean | undefined)[] =>
  records.map((one) => (one instanceof Error || one.type !== "block" ? undefined : one.start));
const json = (values: readonly object[]): string[] => values.map((one) => JSON.stringify(one));

const evmBlock = (number: number, name: string, parent: string) => ({
  number: `0x${number.toString(16)}`,
  hash: hash0x(name),
  parentHash: hash0x(parent),
  timestamp: "0x1",
  gasUsed: "0x0",
  gasLimit: "0x1",
  transactions: [],
});

test("blocks with receipts: the first says that a recording starts, and so does one after a jump", () => {
  const line = (number: number, name: string, parent: string, lib_num: number) => ({
    lib_num,
    block: evmBlock(number, name, parent),
    receipts: [],
  });
  const records = read(
    json([line(7, "a", "9", 3), line(8, "b", "a", 7), line(9, "c", "b", 7), line(20, "d", "e", 7)]),
  );
  assert.deepEqual(
    records.map((one) => ("type" in one ? one.type : one.message)),
    ["block", "block", "final", "block", "block"],
  );
  assert.deepEqual(marks(records), [true, undefined, undefined, undefined, true]);
  assert.deepEqual(records[2], { type: "final", chain: "ETH", number: 7, hash: hash0x("a") });
});

test("raw records are taken as they are, and marked by their own chains", () => {
  const evm = (chain: string, block: object, more = {}) => ({
    type: "block",
    chain,
    block,
    receipts: [],
    ...more,
  });
  const utxo = { hash: hash("a"), height: 1, previousblockhash: hash("9"), time: 1, tx: [] };
  const records = read(
    json([
      evm("ETH", evmBlock(7, "a", "9")),
      { type: "block", chain: "BTC", block: utxo },
      evm("ETH", evmBlock(8, "b", "a")),
      evm("BASE", evmBlock(9, "c", "b")),
      // A branch beside the last block is no jump, and one that says more is left alone.
      evm("ETH", evmBlock(8, "d", "a")),
      evm("ETH", evmBlock(30, "e", "f"), { head: true }),
    ]),
  );
  assert.deepEqual(marks(records), [true, true, undefined, true, undefined, undefined]);
  const memory = new Map<string, unknown>();
  for (const other of [{ type: "tx", chain: "ETH" }, { text: "a post" }, 7, null, undefined])
    assert.equal(fromChainRecording(other, memory, ""), undefined);
});

test("a fork comes as its blocks may have arrived, and nothing is made up that is not recorded", () => {
  const fork = {
    fork_height: 101,
    common_ancestor: { height: 100, hash: hash("a") },
    stale_branch: [
      { height: 101, hash: hash("b"), previousblockhash: hash("a"), time: 1500000000 },
    ],
    canonical_branch: [
      { height: 101, hash: hash("c"), date: "2017-07-14" },
      { height: 102, hash: hash("d"), date: "2017-07-14" },
    ],
  };
  const block = (height: number, name: string, parent: string | undefined, more = {}) => ({
    type: "block",
    chain: "BTC",
    block: {
      hash: hash(name),
      height,
      ...(parent === undefined ? {} : { previousblockhash: hash(parent) }),
      ...more,
    },
  });
  assert.deepEqual(read(json([fork])), [
    { ...block(100, "a", undefined), start: true },
    block(101, "b", "a", { time: 1500000000 }),
    block(101, "c", "a"),
    block(102, "d", "c"),
  ]);
});

const flatBlock = (number: number, name: string, parent: string, transaction_count: number) => ({
  type: "block",
  number,
  hash: hash0x(name),
  parent_hash: hash0x(parent),
  timestamp: 1683029999,
  gas_limit: 30000000,
  gas_used: 21000,
  base_fee_per_gas: 7,
  transaction_count,
  item_id: `block_${name}`,
});
const flatTransaction = (block: string, index: number, more = {}) => ({
  type: "transaction",
  hash: hash0x(String(index)),
  nonce: 4,
  transaction_index: index,
  from_address: address("1"),
  to_address: address("2"),
  value: 0,
  gas_price: 8,
  input: "0x",
  block_hash: hash0x(block),
  receipt_gas_used: 21000,
  receipt_contract_address: null,
  receipt_status: 1,
  receipt_effective_gas_price: 8,
  ...more,
});
const flatLog = (block: string, transaction: number, log_index: number) => ({
  type: "log",
  log_index,
  transaction_hash: hash0x(String(transaction)),
  transaction_index: transaction,
  address: address("3"),
  data: "0x",
  topics: [hash0x("5")],
  block_hash: hash0x(block),
});

test("a flat stream becomes blocks with their receipts, and amounts keep all of their digits", () => {
  const [first = ""] = json([flatTransaction("a", 0)]);
  const records = read([
    ...json([flatBlock(7, "a", "9", 2), flatBlock(8, "b", "a", 0), flatTransaction("a", 1)]),
    first.replace('"value":0', '"value":7400000000000000001'),
    ...json([
      flatLog("a", 1, 1),
      flatLog("a", 0, 0),
      { type: "token_transfer", value: 1, block_hash: hash0x("a"), log_index: 0 },
      flatBlock(9, "c", "b", 0),
    ]),
  ]);
  assert.deepEqual(marks(records), [true, undefined, undefined]);
  const [block] = records;
  assert.ok(block !== undefined && "receipts" in block);
  assert.equal(block.block.baseFeePerGas, "0x7");
  assert.deepEqual(
    block.block.transactions.map(({ transactionIndex, value }) => [
      transactionIndex,
      BigInt(value).toString(),
    ]),
    [
      ["0x0", "7400000000000000001"],
      ["0x1", "0"],
    ],
  );
  assert.deepEqual(
    block.receipts.map(({ status, gasUsed, logs }) => [
      status,
      gasUsed,
      logs.map(({ logIndex }) => logIndex),
    ]),
    [
      ["0x1", "0x5208", ["0x0"]],
      ["0x1", "0x5208", ["0x1"]],
    ],
  );
});

test("of a flat stream that is not whole, each block that lacks something is told", () => {
  const records = read(
    json([
      flatBlock(7, "a", "9", 2),
      flatBlock(8, "b", "a", 1),
      flatBlock(9, "c", "b", 1),
      flatBlock(10, "d", "c", 1),
      flatBlock(11, "e", "d", 0),
      { ...flatBlock(12, "8", "e", 0), logs_bloom: "0x00010" },
      flatTransaction("a", 0),
      flatTransaction("b", 0),
      flatTransaction("c", 0, { receipt_gas_used: null }),
      flatTransaction("d", 0, { value: "a lot" }),
      flatTransaction("f", 0),
      flatLog("b", 0, 1),
    ]),
  );
  assert.deepEqual(messages(records), [
    "the block 7 has 2 transactions, and 1 of them came",
    "the block 8 lacks the log 0, though later ones came",
    `the block 9 has no receipts: the transaction ${hash0x("0")} does not say receipt_gas_used`,
    'the block 10 cannot be read: "a lot" is no whole number',
    "the block 12 has logs, by its logs_bloom, and none of them came",
    `1 lines are of the block ${hash0x("f")}, which is missing`,
  ]);
  assert.equal(records.length, 7);
});
