import type { DomainEvent } from "@penstock-dev/contract";
import { inMainUnit, toRaw } from "./amounts.ts";
import type { DecodedBlock } from "./decoded-block.ts";
import type { UtxoRecord } from "./raw-record.ts";

type Transaction = NonNullable<UtxoRecord["block"]["tx"]>[number];
type Output = Transaction["vout"][number];

/** What the first block of a chain names as its parent. */
const NO_PARENT = "0".repeat(64);

/**
 * The events of a UTXO block in the shape of `getblock` with verbosity 2, or what is wrong with it.
 * Of one of which less is known, that is left out: its time, its parent, its transactions.
 */
export function decodeUtxoBlock(
  record: UtxoRecord,
  decimals: number,
): DecodedBlock | { readonly wrong: string } {
  const { chain, block } = record;
  const hash = block.hash.toLowerCase();
  const time =
    block.time === undefined
      ? {}
      : { timestamp: new Date(block.time * 1000).toISOString().replace(".000Z", "Z") };
  const ref = { number: block.height, hash, ...time };
  const parentHash =
    block.previousblockhash?.toLowerCase() ?? (block.height === 0 ? NO_PARENT : undefined);
  const events: DomainEvent[] = [
    {
      event_type: "block",
      id: `${chain}:${hash}:block`,
      noun: "block",
      payload: {
        chain,
        number: block.height,
        hash,
        ...(parentHash === undefined ? {} : { parent_hash: parentHash }),
        ...time,
        ...(block.tx === undefined ? {} : { tx_count: block.tx.length }),
        ...(block.size === undefined ? {} : { size: block.size }),
        ...(block.weight === undefined ? {} : { weight: block.weight }),
      },
    },
  ];
  for (const [index, transaction] of (block.tx ?? []).entries()) {
    const payload = transactionPayload(transaction, decimals);
    if (payload === undefined)
      return { wrong: `/block/tx/${index} has an amount of more than ${decimals} decimals` };
    const id = `${chain}:${hash}:tx:${index}`;
    const head = { chain, hash: transaction.txid.toLowerCase(), index };
    events.push({ event_type: "tx", id, noun: "tx", payload: { ...head, ...payload, block: ref } });
  }
  const work = block.chainwork === undefined ? undefined : BigInt(`0x${block.chainwork}`);
  return { number: block.height, hash, parentHash, work, events };
}

function transactionPayload(transaction: Transaction, decimals: number) {
  const outputs = transaction.vout.map((output) => party(output, decimals));
  const spent = transaction.vin.filter(({ coinbase }) => coinbase === undefined);
  const inputs = spent.map(({ prevout }) =>
    prevout === undefined ? { address: null, raw: 0n } : party(prevout, decimals),
  );
  if (outputs.includes(undefined) || inputs.includes(undefined)) return undefined;
  const total = sum(outputs);
  const known = spent.every(({ prevout }) => prevout !== undefined);
  const told = transaction.fee === undefined ? undefined : toRaw(transaction.fee, decimals);
  const fee = told ?? (known && spent.length > 0 ? sum(inputs) - total : undefined);
  return {
    from: first(inputs),
    to: first(outputs),
    value: inMainUnit(total, decimals),
    value_raw: total.toString(),
    inputs: inputs.map((input, at) => ({
      address: input?.address ?? null,
      value: spent[at]?.prevout === undefined ? null : inMainUnit(input?.raw ?? 0n, decimals),
    })),
    outputs: outputs.map((output) => ({
      address: output?.address ?? null,
      value: inMainUnit(output?.raw ?? 0n, decimals),
    })),
    ...(fee === undefined ? {} : { fee: inMainUnit(fee, decimals) }),
  };
}

interface Party {
  readonly address: string | null;
  readonly raw: bigint;
}

function party(output: Output, decimals: number): Party | undefined {
  const raw = toRaw(output.value, decimals);
  const { address, addresses } = output.scriptPubKey;
  return raw === undefined ? undefined : { address: address ?? addresses?.[0] ?? null, raw };
}

function sum(parties: readonly (Party | undefined)[]): bigint {
  let total = 0n;
  for (const one of parties) total += one?.raw ?? 0n;
  return total;
}

function first(parties: readonly (Party | undefined)[]): string | null {
  return parties.find((one) => one !== undefined && one.address !== null)?.address ?? null;
}
