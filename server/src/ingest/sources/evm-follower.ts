import type { IngestRecord } from "../../streams/index.ts";
import type { EvmNode, NodeBlock } from "./evm-node.ts";
import type { Tell } from "./source.ts";
import type { ToldChain } from "./told-chain.ts";

/** What a follower asks of what is around it. */
export interface FollowerPort {
  /** A raw record as the log takes it. @throws RpcError where a block is not what one must be */
  readonly accept: (record: object) => IngestRecord;
  /** Resolves once the log has the records, in this order. */
  readonly publish: (records: readonly IngestRecord[]) => Promise<void>;
  readonly tell: Tell;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Ends a look between two blocks. */
  readonly signal: AbortSignal;
}

/** What one look at the node came to. */
export type Look =
  /** Everything that the node has is told. */
  | "even"
  /** There is more to tell. */
  | "more"
  /** The node has less than what was told. */
  | "behind"
  /** The node changed its mind in the middle: look again. */
  | "changed";

/** A stretch of the node's chain that is to be told, up to its head. */
interface Stretch {
  readonly from: number;
  readonly head: NodeBlock;
  /**
   * What a block of it says besides: the first, that a chain starts there, or the last that is told
   * at once, that it is the head: it counts even where the branch leaves deeper than is followed.
   */
  readonly mark?: "start" | "head" | undefined;
  /** The hash that it must connect to: a block that does not would be a dead letter, and told. */
  readonly parent?: string | undefined;
}

/** Blocks that one append has at most, and a look that fills in, so that it shows its progress. */
const APPEND_BLOCKS_MAX = 32;

/**
 * Brings the told chain to where a node's chain is, one look at a time: backfills what is missing,
 * and follows a reorg by the hashes of parents, never by what the node says of removed logs.
 */
export class EvmFollower {
  readonly #chain: string;
  readonly #told: ToldChain;
  readonly #port: FollowerPort;
  readonly #from: number | undefined;
  readonly #appendBytesMax: number;
  readonly #rollbackAfterMs: number;
  #behindSinceMs: number | undefined;

  constructor(init: {
    readonly chain: string;
    readonly told: ToldChain;
    readonly port: FollowerPort;
    /** Where to begin on an empty topic; undefined: at the node's head. */
    readonly from: number | undefined;
    /** Bytes of one append, where it has more than one block: they are in memory until the log has them. */
    readonly appendBytesMax: number;
    /** A node that stands below what was told for so long has rolled back; it does not just lag. */
    readonly rollbackAfterMs: number;
  }) {
    this.#chain = init.chain;
    this.#told = init.told;
    this.#port = init.port;
    this.#from = init.from;
    this.#appendBytesMax = init.appendBytesMax;
    this.#rollbackAfterMs = init.rollbackAfterMs;
  }

  /** @throws RpcError where the node cannot be used, the signal's reason, and whatever publishing throws */
  async look(node: EvmNode): Promise<Look> {
    const head = await node.head();
    const { tip } = this.#told;
    if (tip === undefined) return await this.#begin(node, head);
    if (head.hash === tip.hash) {
      this.#behindSinceMs = undefined;
      await this.#finalise(node);
      return "even";
    }
    // Of a block that is not remembered nothing says that it was replaced.
    const toldHash = this.#told.hashAt(head.number) ?? head.hash;
    if (head.number <= tip.number && toldHash === head.hash) return await this.#behind(node, head);
    this.#behindSinceMs = undefined;
    const base = await this.#commonAncestor(node, Math.min(head.number, tip.number));
    if (base === "changed") return "changed";
    if (base === undefined) {
      this.#port.tell("error", "a reorg went deeper than what is remembered: starting anew", {
        chain: this.#chain,
        number: head.number,
      });
      return await this.#publish(node, { from: head.number, head, mark: "head" });
    }
    const parent = this.#told.hashAt(base);
    const mark = base === tip.number ? undefined : "head";
    return await this.#publish(node, { from: base + 1, head, mark, parent });
  }

  /** The processor may still stand at a block that the raw topic has no more: this one says that it starts. */
  async #begin(node: EvmNode, head: NodeBlock): Promise<Look> {
    const from = Math.min(this.#from ?? head.number, head.number);
    this.#port.tell("info", "a chain begins", { chain: this.#chain, number: from });
    return await this.#publish(node, { from, head, mark: "start" });
  }

  /** A node that lags says nothing new; one that stays behind has taken its blocks back. */
  async #behind(node: EvmNode, head: NodeBlock): Promise<Look> {
    const nowMs = this.#port.now();
    if (this.#behindSinceMs === undefined) {
      this.#behindSinceMs = nowMs;
      this.#port.tell("warn", "the node stands behind what was told", {
        chain: this.#chain,
        node: head.number,
        told: this.#told.tip?.number,
      });
    }
    if (nowMs - this.#behindSinceMs < this.#rollbackAfterMs) return "behind";
    this.#port.tell("warn", "the node has rolled its chain back", {
      chain: this.#chain,
      number: head.number,
    });
    this.#behindSinceMs = undefined;
    return await this.#publish(node, { from: head.number, head, mark: "head" });
  }

  /** The highest number at which the node and the told chain agree. */
  async #commonAncestor(node: EvmNode, highest: number): Promise<number | undefined | "changed"> {
    for (let number = highest; ; number--) {
      this.#port.signal.throwIfAborted();
      const told = this.#told.hashAt(number);
      if (told === undefined) return undefined;
      const found = await node.at(number);
      if (found === undefined) return "changed";
      if (found.hash === told) return number;
    }
  }

  /**
   * Publishes a stretch of the node's chain, some blocks an append: so far that it is longer than what
   * was told, where it is, and at least as many blocks as an append has. Of a branch that does not
   * count yet, a part does no harm.
   */
  async #publish(node: EvmNode, { from, head, mark, parent }: Stretch): Promise<Look> {
    const toldNumber = this.#told.tip?.number ?? -1;
    const enough = Math.max(from + APPEND_BLOCKS_MAX - 1, toldNumber + 1);
    const last = Math.min(head.number, enough);
    let append = new Append();
    let before = parent;
    for (let number = from; number <= last; number++) {
      this.#port.signal.throwIfAborted();
      const header = await node.at(number);
      const block = header === undefined ? undefined : await node.full(header.hash);
      if (block === undefined) return "changed";
      if (before !== undefined && before !== block.parentHash) return "changed";
      before = block.hash;
      const isHead = mark === "head" && number === last;
      const record = this.#port.accept({
        ...{ type: "block", chain: this.#chain, block: block.block, receipts: block.receipts },
        ...(isHead ? { head: true } : {}),
        ...(mark === "start" && number === from ? { start: true } : {}),
      });
      if (append.isFullFor(record, this.#appendBytesMax)) {
        await this.#tell(append);
        append = new Append();
      }
      append.add(block, record, isHead);
    }
    await this.#tell(append);
    if (from <= toldNumber) {
      this.#port.tell("info", "the node reorganised its chain", {
        chain: this.#chain,
        from,
        to: last,
      });
    }
    if (last < head.number) return "more";
    await this.#finalise(node);
    return "even";
  }

  async #tell({ blocks, records }: Append): Promise<void> {
    await this.#port.publish(records);
    for (const { block, isHead } of blocks) this.#told.tell(block, isHead);
  }

  async #finalise(node: EvmNode): Promise<void> {
    const final = await node.finalized();
    if (final === undefined || final.number <= this.#told.finalNumber) return;
    if (this.#told.hashAt(final.number) !== final.hash) return;
    const { number, hash } = final;
    const record = this.#port.accept({ type: "final", chain: this.#chain, number, hash });
    await this.#port.publish([record]);
    this.#told.finalNumber = number;
  }
}

/** Blocks that the log gets together. */
class Append {
  readonly blocks: { readonly block: NodeBlock; readonly isHead: boolean }[] = [];
  readonly records: IngestRecord[] = [];
  #bytes = 0;

  /** Whether one more is too much; the first never is. */
  isFullFor({ value }: IngestRecord, bytesMax: number): boolean {
    if (this.records.length === 0) return false;
    return this.records.length === APPEND_BLOCKS_MAX || this.#bytes + value.length > bytesMax;
  }

  /** Keeps of a block only what names it: the record has the rest. */
  add({ number, hash, parentHash }: NodeBlock, record: IngestRecord, isHead: boolean): void {
    this.blocks.push({ block: { number, hash, parentHash }, isHead });
    this.records.push(record);
    this.#bytes += record.value.length;
  }
}
