import type { Log } from "../../log/index.ts";

/** A block that the raw topic tells of. */
interface ToldBlock {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
}

/** Blocks below the head that are remembered: deeper than any reorg that a chain has seen. */
const REMEMBERED_BLOCKS = 4096;
/** Raw records at the end of a partition in which a chain's blocks are looked for. */
const TAIL_RECORDS = 5000;
const READ_BYTES_MAX = 16 * 1024 * 1024;

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

/** Reads the end of a partition for what it tells of a chain. */
export async function readToldChain(
  log: Log,
  topic: string,
  partition: number,
  chain: string,
): Promise<ToldChain> {
  const told = new ToldChain();
  const head = (await log.heads(topic))[partition] ?? 0;
  const floor = (await log.floors(topic))[partition] ?? 0;
  let next = Math.max(floor, head - TAIL_RECORDS);
  while (next < head) {
    const limits = { recordsMax: 200, bytesMax: READ_BYTES_MAX };
    const read = await log.read(topic, partition, next, limits);
    for (const record of read.records) tellRecord(told, record.value, chain);
    if (read.next <= next) break;
    next = read.next;
  }
  return told;
}

function tellRecord(told: ToldChain, value: Uint8Array, chain: string): void {
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
    return;
  }
  if (record.chain !== chain) return;
  if (record.type === "final") told.finalNumber = Math.max(told.finalNumber, record.number ?? -1);
  const { number, hash, parentHash } = record.block ?? {};
  if (number === undefined || hash === undefined || parentHash === undefined) return;
  told.tell(
    {
      number: Number(number),
      hash: hash.toLowerCase(),
      parentHash: parentHash.toLowerCase(),
    },
    record.head === true,
  );
}
