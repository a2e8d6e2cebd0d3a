import type { DemoRecord } from "@penstock-dev/contract";
import type { RawChainRecord } from "./raw-record.ts";

const USDT = "0xdac17f958d2ee523a2206206994597c13d831ec7";
const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const WALLETS = 60;
const ETH_BLOCK_MS = 2000;
const BTC_BLOCK_MS = 10_000;
/** ETH-like blocks below the head that the world's node reports as final. */
const FINAL_DISTANCE = 12;

interface Tip {
  readonly number: number;
  readonly hash: string;
}

/** Seeded pieces of a world: numbers, hex digits, choices. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 747796405) + 2891336453) | 0 || 1;
  }

  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  hex(digits: number): string {
    let text = "";
    while (text.length < digits)
      text += Math.floor(this.next() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    return text.slice(0, digits);
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
}

const wallet = (number: number): string =>
  `0x${(number + 1).toString(16).padStart(4, "0").repeat(10)}`;
const quantity = (value: number | bigint): string => `0x${value.toString(16)}`;
const word = (hex: string): string => hex.padStart(64, "0");

/** An endless, seeded pair of chains, ETH and BTC in shape, which are reorganised now and then. */
export function* demoChains(seed: number, startMs: number): Iterable<DemoRecord<RawChainRecord>> {
  const dice = new Dice(seed ^ Math.floor(startMs / 1000));
  const base = Math.floor(startMs / ETH_BLOCK_MS);
  const eth: Tip[] = [{ number: base, hash: `0x${dice.hex(64)}` }];
  const btc: Tip[] = [{ number: Math.floor(startMs / BTC_BLOCK_MS), hash: dice.hex(64) }];
  let isFirst = { eth: true, btc: true };
  let timeMs = startMs;
  let sinceBtcMs = 0;
  for (;;) {
    let afterMs = ETH_BLOCK_MS;
    for (const raw of nextEth(dice, eth, timeMs, isFirst.eth)) {
      yield { afterMs, raw };
      afterMs = 0;
    }
    isFirst = { ...isFirst, eth: false };
    timeMs += ETH_BLOCK_MS;
    sinceBtcMs += ETH_BLOCK_MS;
    if (sinceBtcMs < BTC_BLOCK_MS) continue;
    sinceBtcMs = 0;
    for (const raw of nextBtc(dice, btc, timeMs, isFirst.btc)) yield { afterMs: 0, raw };
    isFirst = { ...isFirst, btc: false };
  }
}

/** The next block of the ETH-like chain; sometimes a longer branch from one to three blocks below. */
function* nextEth(
  dice: Dice,
  chain: Tip[],
  timeMs: number,
  isFirst: boolean,
): Iterable<RawChainRecord> {
  const depth = chain.length > 6 && dice.next() < 0.06 ? 1 + dice.below(3) : 0;
  chain.length -= depth;
  for (let block = 0; block <= depth; block++) {
    const parent = chain.at(-1) as Tip;
    const tip = { number: parent.number + 1, hash: `0x${dice.hex(64)}` };
    chain.push(tip);
    yield ethBlock(dice, parent, tip, timeMs, isFirst);
  }
  if (chain.length > 40) chain.splice(0, chain.length - 40);
  const final = chain.at(-1 - FINAL_DISTANCE);
  if (final !== undefined && dice.next() < 0.3 && chain.indexOf(final) > 0) {
    yield { type: "final", chain: "ETH", number: final.number, hash: final.hash };
  }
}

function ethBlock(
  dice: Dice,
  parent: Tip,
  tip: Tip,
  timeMs: number,
  isFirst: boolean,
): RawChainRecord {
  const transactions = Array.from({ length: 3 + dice.below(6) }, (_, index) =>
    ethTransaction(dice, tip, index),
  );
  let logIndex = 0;
  const receipts = transactions.map((transaction, index) => {
    const isTransfer = transaction.to === USDT;
    const failed = dice.next() < 0.04;
    const amount = BigInt(1 + dice.below(5_000_000)) * 1000n;
    const topics = [
      TRANSFER,
      `0x${word(transaction.from.slice(2))}`,
      `0x${word(wallet(dice.below(WALLETS)).slice(2))}`,
    ];
    const logs =
      isTransfer && !failed
        ? [
            {
              address: USDT,
              topics,
              data: `0x${word(amount.toString(16))}`,
              logIndex: quantity(logIndex++),
            },
          ]
        : [];
    return {
      transactionHash: transaction.hash,
      transactionIndex: quantity(index),
      status: failed ? "0x0" : "0x1",
      gasUsed: isTransfer ? "0xfde8" : "0x5208",
      effectiveGasPrice: quantity(20_000_000_000),
      contractAddress: null,
      logs,
    };
  });
  const block = {
    number: quantity(tip.number),
    hash: tip.hash,
    parentHash: parent.hash,
    timestamp: quantity(Math.floor(timeMs / 1000)),
    gasUsed: quantity(21_000 * transactions.length),
    gasLimit: quantity(30_000_000),
    baseFeePerGas: quantity(15_000_000_000),
    transactions,
  };
  return {
    type: "block",
    chain: "ETH",
    block,
    receipts,
    ...(isFirst ? { start: true as const } : {}),
  };
}

function ethTransaction(dice: Dice, tip: Tip, index: number) {
  const isTransfer = dice.next() < 0.6;
  return {
    hash: `0x${dice.hex(64)}`,
    from: wallet(dice.below(WALLETS)),
    to: isTransfer ? USDT : wallet(dice.below(WALLETS)),
    value: isTransfer ? "0x0" : quantity(BigInt(1 + dice.below(400)) * 10n ** 16n),
    nonce: quantity(tip.number % 1000),
    input: isTransfer ? `0xa9059cbb${"0".repeat(128)}` : "0x",
    transactionIndex: quantity(index),
    gasPrice: quantity(20_000_000_000),
  };
}

/** The next block of the BTC-like chain; sometimes two in place of the last. */
function* nextBtc(
  dice: Dice,
  chain: Tip[],
  timeMs: number,
  isFirst: boolean,
): Iterable<RawChainRecord> {
  const depth = chain.length > 3 && dice.next() < 0.05 ? 1 : 0;
  chain.length -= depth;
  for (let block = 0; block <= depth; block++) {
    const parent = chain.at(-1) as Tip;
    const tip = { number: parent.number + 1, hash: dice.hex(64) };
    chain.push(tip);
    const tx = Array.from({ length: 1 + dice.below(4) }, (_, index) => btcTransaction(dice, index));
    const raw = {
      hash: tip.hash,
      height: tip.number,
      previousblockhash: parent.hash,
      time: Math.floor(timeMs / 1000),
      size: 250 * tx.length,
      weight: 1000 * tx.length,
      chainwork: BigInt(tip.number).toString(16).padStart(64, "0"),
      tx,
    };
    yield { type: "block", chain: "BTC", block: raw, ...(isFirst ? { start: true as const } : {}) };
  }
  if (chain.length > 20) chain.splice(0, chain.length - 20);
}

function btcTransaction(dice: Dice, index: number) {
  const address = (): string => `bc1q${dice.hex(38).replaceAll("1", "x").replaceAll("b", "z")}`;
  const vin =
    index === 0
      ? [{ coinbase: "03" }]
      : [{ prevout: { value: 1.5, scriptPubKey: { address: address() } } }];
  const value = index === 0 ? 3.125 : Math.round(dice.next() * 1e8) / 1e8;
  return { txid: dice.hex(64), vin, vout: [{ value, scriptPubKey: { address: address() } }] };
}
