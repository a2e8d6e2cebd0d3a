import type { Log, LogRecord } from "../../log/index.ts";
import { readBack } from "./read-back.ts";

/** A block that the raw topic tells of. */
interface ToldBlock {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
}

/** Blocks below the head that are remembered: deeper than any reorg that a chain has seen. */
const REMEMBERED_BLOCKS = 4096;
/** A tip and the 128 blocks below it: a reorg that goes deeper is no longer followed by the domain. */
const WANTED_BLOCKS = 129;

/**
 * The chain as the raw topic tells it so far: what a source compares its node with. It follows the
 * rule of the stream: a longer branch counts, or one whose block says that it is the head.
 */
export class ToldChain {
  readonly #blocks = new Map<string, ToldBlock>();
  /** The branch that counts, by number. */
  readonly #canonical = new Map<number, string>();
  #tip: ToldBlock | undefined;
  finalNumber = -1;

  get tip(): { readonly number: number; readonly hash: string } | undefined {
    return this.#tip;
  }

  /** The hash at a number of the branch that counts; undefined where it is not remembered. */
  hashAt(number: number): string | undefined {
    return this.#canonical.get(number);
  }

  tell(block: ToldBlock, isHead: boolean): void {
    this.#blocks.set(block.hash, block);
    const extends_ = block.parentHash === this.#tip?.hash;
    if (!extends_ && !isHead && this.#tip !== undefined && block.number <= this.#tip.number) return;
    this.#tip = block;
    for (let above = block.number + 1; this.#canonical.delete(above); ) above += 1;
    let at: ToldBlock | undefined = block;
    while (at !== undefined && this.#canonical.get(at.number) !== at.hash) {
      this.#canonical.set(at.number, at.hash);
      at = this.#blocks.get(at.parentHash);
    }
    if (this.#blocks.size > REMEMBERED_BLOCKS * 2) this.#forget(block.number - REMEMBERED_BLOCKS);
  }

  #forget(below: number): void {
    for (const [hash, { number }] of this.#blocks) if (number < below) this.#blocks.delete(hash);
    for (const number of this.#canonical.keys()) if (number < below) this.#canonical.delete(number);
  }
}

/** What a raw record says of a chain. */
interface ChainNews {
  readonly block?: ToldBlock;
  readonly isHead: boolean;
  /** The number up to which the chain is final. */
  readonly final?: number;
}

/**
 * Reads a partition back for what it tells of a chain: until enough of its blocks are found, or
 * there is no more. However many others came behind them, a chain goes on where it was.
 *
 * @throws the signal's reason, and what the log throws
 */
export async function readToldChain(
  log: Log,
  topic: string,
  partition: number,
  chain: string,
  signal: AbortSignal,
): Promise<ToldChain> {
  const steps: (readonly ChainNews[])[] = [];
  let blocks = 0;
  const find = (record: LogRecord): ChainNews | undefined => newsOf(record, chain);
  for await (const found of readBack(log, topic, partition, signal, find)) {
    steps.unshift(found);
    blocks += found.filter(({ block }) => block !== undefined).length;
    if (blocks >= WANTED_BLOCKS) break;
  }
  const told = new ToldChain();
  for (const { block, isHead, final = -1 } of steps.flat()) {
    told.finalNumber = Math.max(told.finalNumber, final);
    if (block !== undefined) told.tell(block, isHead);
  }
  return told;
}

function newsOf({ key, value }: LogRecord, chain: string): ChainNews | undefined {
  if (key !== chain) return undefined;
  let record: {
    readonly type?: string;
    readonly chain?: string;
    readonly head?: boolean;
    readonly number?: number;
    readonly block?: { number?: string; hash?: string; parentHash?: string };
  };
  try {
    record = JSON.parse(Buffer.from(value).toString()) as typeof record;
  } catch {
    return undefined;
  }
  if (record.chain !== chain) return undefined;
  const isHead = record.head === true;
  if (record.type === "final") return { isHead, final: record.number ?? -1 };
  const { number, hash, parentHash } = record.block ?? {};
  if (number === undefined || hash === undefined || parentHash === undefined) return undefined;
  const block = {
    number: Number(number),
    hash: hash.toLowerCase(),
    parentHash: parentHash.toLowerCase(),
  };
  return { isHead, block };
}
