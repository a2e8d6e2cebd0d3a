import type { Random } from "./random.ts";

const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/** A block of the world, with the raw record that tells of it. */
interface WorldBlock {
  readonly number: number;
  readonly hash: string;
  readonly parent: WorldBlock | undefined;
  readonly transactions: readonly string[];
  readonly raw: object;
}

/** How often the world forks, repeats itself and reports finality. */
export interface ChainHabits {
  /** Depths of the reorgs that happen, drawn from these in turn. */
  readonly depths: readonly number[];
  readonly forkChance: number;
  readonly finality: boolean;
}

/**
 * One chain of an EVM or UTXO family with forks: the longest branch counts, the first of equals. A
 * reorg is scripted as a whole, so that the world knows its depth.
 */
export class ChainWorld {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly tokens: readonly string[];
  reorgs = 0;
  repeats = 0;
  readonly depthsSeen: number[] = [];
  readonly #family: "evm" | "utxo";
  readonly #random: Random;
  readonly #habits: ChainHabits;
  readonly #due: object[] = [];
  readonly #blocks: WorldBlock[] = [];
  #tip: WorldBlock;
  #finalNumber: number;
  #serial = 0;
  #drawn = 0;

  constructor(name: string, family: "evm" | "utxo", random: Random, habits: ChainHabits) {
    this.name = name;
    this.#family = family;
    this.#random = random;
    this.#habits = habits;
    this.addresses = Array.from({ length: 16 }, () =>
      family === "evm" ? random.hex(40) : `bc1q${random.hex(38).slice(2).replace(/[1b]/g, "z")}`,
    );
    this.tokens = [random.hex(40), random.hex(40)];
    this.#tip = this.#block(undefined, 1000);
    this.#finalNumber = this.#tip.number;
    this.#due.push(this.#tip.raw);
  }

  get reportsFinality(): boolean {
    return this.#family === "evm" && this.#habits.finality;
  }

  /** The canonical chain: the hashes of its blocks by number, with those of their transactions. */
  canonical(): ReadonlyMap<string, readonly string[]> {
    const chain: [string, readonly string[]][] = [];
    for (let at: WorldBlock | undefined = this.#tip; at !== undefined; at = at.parent) {
      chain.push([at.hash, at.transactions]);
    }
    return new Map(chain.reverse());
  }

  /** The next raw record. */
  next(): object {
    // A fork that would begin before the chain does is not planned.
    while (this.#due.length === 0) this.#plan();
    return this.#due.shift() as object;
  }

  /** What remains of the plan, so that the chain stands where `canonical` says. */
  rest(): object[] {
    return this.#due.splice(0);
  }

  /** A lone transaction that everybody can wait for. */
  sentinel(): { readonly id: string; readonly raw: object } {
    const hash = this.#random.hex(64);
    const [from, to] = this.addresses;
    const raw = { type: "tx", chain: this.name, from, to, value: "1.5", hash };
    return { id: `${this.name}:tx:${hash}`, raw };
  }

  #plan(): void {
    const random = this.#random;
    const { depths, forkChance, finality } = this.#habits;
    const length = this.#tip.number - 1000;
    const possible = depths.filter((depth) => depth <= length);
    const wanted = depths[this.#drawn % Math.max(1, depths.length)] ?? 1;
    if (possible.length > 0 && random.chance(forkChance)) {
      this.#reorg(possible.includes(wanted) ? wanted : random.pick(possible));
    } else if (this.#blocks.length > 3 && random.chance(0.05)) this.#repeat();
    else if (random.chance(0.06)) this.#orphan();
    else this.#extend();
    if (finality && this.#family === "evm" && random.chance(0.1)) this.#finalise();
  }

  #extend(): void {
    this.#tip = this.#block(this.#tip, this.#tip.number + 1);
    this.#due.push(this.#tip.raw);
  }

  /** A branch that overtakes the last blocks; now and then, they overtake it again. */
  #reorg(depth: number): void {
    this.#drawn += 1;
    let rival = this.#tip;
    for (;;) {
      let base: WorldBlock | undefined = rival;
      for (let step = 0; step < depth; step++) base = base?.parent;
      if (base === undefined) return;
      let branch = base;
      while (branch.number <= rival.number) {
        branch = this.#block(branch, branch.number + 1);
        this.#due.push(branch.raw);
      }
      this.reorgs += 1;
      this.depthsSeen.push(depth);
      this.#tip = branch;
      if (depth > 8 || !this.#random.chance(0.3)) return;
      // Back: the branch that lost grows past the one that won.
      let old = rival;
      while (old.number <= this.#tip.number) {
        old = this.#block(old, old.number + 1);
        this.#due.push(old.raw);
      }
      this.reorgs += 1;
      rival = old;
      this.#tip = old;
      if (this.#random.chance(0.7)) return;
    }
  }

  /** A block beside the tip that nothing follows. */
  #orphan(): void {
    const parent = this.#tip.parent;
    if (parent !== undefined) this.#due.push(this.#block(parent, this.#tip.number).raw);
  }

  #repeat(): void {
    this.repeats += 1;
    this.#due.push(this.#random.pick(this.#blocks.slice(-20)).raw);
  }

  /** Says that a block is final that no reorg of the script reaches. */
  #finalise(): void {
    const deepest = Math.max(8, ...this.#habits.depths) + 8;
    let at: WorldBlock | undefined = this.#tip;
    while (at !== undefined && at.number > this.#tip.number - deepest) at = at.parent;
    if (at === undefined || at.number <= this.#finalNumber) return;
    this.#finalNumber = at.number;
    this.#due.push({ type: "final", chain: this.name, number: at.number, hash: at.hash });
  }

  #block(parent: WorldBlock | undefined, number: number): WorldBlock {
    const made = this.#family === "evm" ? this.#evm(parent, number) : this.#utxo(parent, number);
    const block = { ...made, number, parent };
    this.#blocks.push(block);
    return block;
  }

  #evm(parent: WorldBlock | undefined, number: number) {
    const random = this.#random;
    const hash = random.hex(64);
    const transactions: { readonly hash: string }[] = [];
    const receipts: object[] = [];
    let logIndex = 0;
    const count = random.integer(0, 3);
    for (let index = 0; index < count; index++) {
      const tx = {
        hash: random.hex(64),
        from: random.pick(this.addresses),
        to: random.chance(0.9) ? random.pick(this.addresses) : null,
        value: `0x${(BigInt(random.integer(0, 4000)) * 10n ** 15n).toString(16)}`,
        nonce: `0x${(this.#serial++).toString(16)}`,
        input: random.chance(0.4) ? "0xa9059cbb00" : "0x",
        transactionIndex: `0x${index.toString(16)}`,
        gasPrice: "0x3b9aca00",
      };
      const logs = random.chance(0.5) ? [this.#transferLog(logIndex++)] : [];
      transactions.push(tx);
      receipts.push({
        transactionHash: tx.hash,
        transactionIndex: tx.transactionIndex,
        status: random.chance(0.9) ? "0x1" : "0x0",
        gasUsed: "0x5208",
        contractAddress: tx.to === null ? random.hex(40) : null,
        logs,
      });
    }
    const block = {
      number: `0x${number.toString(16)}`,
      hash,
      parentHash: parent?.hash ?? random.hex(64),
      timestamp: `0x${(1_700_000_000 + number * 12).toString(16)}`,
      gasUsed: "0x5208",
      gasLimit: "0x1c9c380",
      baseFeePerGas: "0x7",
      transactions,
    };
    return {
      hash,
      transactions: transactions.map((transaction) => transaction.hash),
      raw: { type: "block", chain: this.name, block, receipts },
    };
  }

  #transferLog(logIndex: number): object {
    const random = this.#random;
    const padded = (address: string): string => `0x${address.slice(2).padStart(64, "0")}`;
    return {
      address: random.pick(this.tokens),
      topics: [TRANSFER, padded(random.pick(this.addresses)), padded(random.pick(this.addresses))],
      data: `0x${random.integer(1, 1_000_000).toString(16).padStart(64, "0")}`,
      logIndex: `0x${logIndex.toString(16)}`,
    };
  }

  #utxo(parent: WorldBlock | undefined, number: number) {
    const random = this.#random;
    const bare = (): string => random.hex(64).slice(2);
    const hash = bare();
    const coins = (): object => ({
      value: random.integer(1, 500_000_000) / 100_000_000,
      scriptPubKey: { address: random.pick(this.addresses) },
    });
    const tx = Array.from({ length: random.integer(1, 3) }, (_, index) => ({
      txid: bare(),
      vin: index === 0 ? [{ coinbase: "00" }] : [{ prevout: coins() }],
      vout: Array.from({ length: random.integer(1, 2) }, coins),
    }));
    const block = {
      hash,
      height: number,
      previousblockhash: parent?.hash ?? bare(),
      time: 1_700_000_000 + number * 600,
      size: 1000,
      weight: 4000,
      tx,
    };
    return {
      hash,
      transactions: tx.map(({ txid }) => txid),
      raw: { type: "block", chain: this.name, block },
    };
  }
}
