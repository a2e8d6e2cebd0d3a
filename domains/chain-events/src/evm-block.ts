import type { DomainEvent } from "@penstock-dev/contract";
import { count, inMainUnit, quantity } from "./amounts.ts";
import type { DecodedBlock } from "./decoded-block.ts";
import { transfersOf } from "./erc-transfer.ts";
import type { EvmRecord } from "./raw-record.ts";

type Transaction = EvmRecord["block"]["transactions"][number];
type Receipt = EvmRecord["receipts"][number];
type Log = Receipt["logs"][number];

interface BlockRef {
  readonly number: number;
  readonly hash: string;
  readonly timestamp: string;
}

/** The events of an EVM block with its receipts, or why they do not belong together. */
export function decodeEvmBlock(
  record: EvmRecord,
  decimals: number,
): DecodedBlock | { readonly wrong: string } {
  const { chain, block, receipts } = record;
  const hash = block.hash.toLowerCase();
  const number = count(block.number);
  const timestamp = new Date(count(block.timestamp) * 1000).toISOString().replace(".000Z", "Z");
  const ref: BlockRef = { number, hash, timestamp };
  const byHash = new Map(
    receipts.map((receipt) => [receipt.transactionHash.toLowerCase(), receipt]),
  );
  const events: DomainEvent[] = [
    {
      event_type: "block",
      id: `${chain}:${hash}:block`,
      noun: "block",
      payload: {
        chain,
        number,
        hash,
        parent_hash: block.parentHash.toLowerCase(),
        timestamp,
        tx_count: block.transactions.length,
        gas_used: quantity(block.gasUsed),
        gas_limit: quantity(block.gasLimit),
        ...(block.baseFeePerGas === undefined ? {} : { base_fee: quantity(block.baseFeePerGas) }),
      },
    },
  ];
  for (const transaction of block.transactions) {
    const receipt = byHash.get(transaction.hash.toLowerCase());
    if (receipt === undefined)
      return { wrong: `/receipts has none of the transaction ${transaction.hash}` };
    if (count(receipt.transactionIndex) !== count(transaction.transactionIndex)) {
      return { wrong: `/receipts has another index for the transaction ${transaction.hash}` };
    }
    events.push(transactionEvent(chain, ref, transaction, receipt, decimals));
    const logs = [...receipt.logs].sort((a, b) => count(a.logIndex) - count(b.logIndex));
    for (const log of logs) events.push(...logEvents(chain, ref, transaction, log));
  }
  if (byHash.size !== block.transactions.length || receipts.length !== byHash.size) {
    return { wrong: "/receipts has some that are of no transaction of the block" };
  }
  return { number, hash, parentHash: block.parentHash.toLowerCase(), work: undefined, events };
}

function transactionEvent(
  chain: string,
  block: BlockRef,
  transaction: Transaction,
  receipt: Receipt,
  decimals: number,
): DomainEvent {
  const index = count(transaction.transactionIndex);
  const value = BigInt(transaction.value);
  const price = receipt.effectiveGasPrice ?? transaction.gasPrice;
  const created = receipt.contractAddress;
  return {
    event_type: "tx",
    id: `${chain}:${block.hash}:tx:${index}`,
    noun: "tx",
    payload: {
      chain,
      hash: transaction.hash.toLowerCase(),
      index,
      from: transaction.from.toLowerCase(),
      to: transaction.to?.toLowerCase() ?? null,
      value: inMainUnit(value, decimals),
      value_raw: value.toString(),
      ...(receipt.status === undefined
        ? {}
        : { status: count(receipt.status) === 1 ? "success" : "failed" }),
      ...(price === undefined
        ? {}
        : { fee: inMainUnit(BigInt(price) * BigInt(receipt.gasUsed), decimals) }),
      nonce: count(transaction.nonce),
      ...(transaction.input.length >= 10
        ? { method: transaction.input.slice(0, 10).toLowerCase() }
        : {}),
      ...(created === undefined || created === null
        ? {}
        : { contract_created: created.toLowerCase() }),
      block,
    },
  };
}

/** A log, after the transfers that it stands for. */
function logEvents(
  chain: string,
  block: BlockRef,
  transaction: Transaction,
  log: Log,
): DomainEvent[] {
  const topics = log.topics.map((topic) => topic.toLowerCase());
  const data = log.data.toLowerCase();
  const contract = log.address.toLowerCase();
  const logIndex = count(log.logIndex);
  const where = { tx_hash: transaction.hash.toLowerCase(), log_index: logIndex };
  const transfers = transfersOf(topics, data);
  const events: DomainEvent[] = transfers.map(({ standard, from, to, amount, tokenId }, at) => ({
    event_type: "transfer",
    id: `${chain}:${block.hash}:transfer:${logIndex}${transfers.length > 1 ? `:${at}` : ""}`,
    noun: "transfer",
    payload: {
      chain,
      standard,
      token: contract,
      from,
      to,
      amount,
      ...(tokenId === undefined ? {} : { token_id: tokenId }),
      ...where,
      ...(transfers.length > 1 ? { batch_index: at } : {}),
      block,
    },
  }));
  events.push({
    event_type: "log",
    id: `${chain}:${block.hash}:log:${logIndex}`,
    noun: "log",
    payload: { chain, contract, topics, data, ...where, block },
  });
  return events;
}
