import type { EvmNode, FullBlock, NodeBlock } from "./evm-node.ts";
import type { Tell } from "./source.ts";
import type { ToldChain } from "./told-chain.ts";

/** What a follower asks of what is around it. */
export interface FollowerPort {
  /** Resolves once the log has the records, in this order. */
  readonly publish: (records: readonly object[]) => Promise<void>;
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
  /** How its first block stands to what was told. */
  readonly mark: "extends" | "starts" | "replaces";
  /** The hash that it must connect to: a block that does not would be a dead letter, and told. */
  readonly parent?: string | undefined;
}

/** Blocks that one look publishes at most, so that a backfill shows its progress. */
const BLOCKS_PER_LOOK = 32;

/**
 * Brings the told chain to where a node's chain is, one look at a time: backfills what is missing,
 * and follows a reorg by the hashes of parents, never by what the node says of removed logs.
 */
export class EvmFollower {
  readonly #chain: string;
  readonly #told: ToldChain;
  readonly #port: FollowerPort;
  readonly #from: number | undefined;
  readonly #rollbackAfterMs: number;
  #behindSinceMs: number | undefined;

  constructor(init: {
    readonly chain: string;
    readonly told: ToldChain;
    readonly port: FollowerPort;
    /** Where to begin on an empty topic; undefined: at the node's head. */
    readonly from: number | undefined;
    /** A node that stands below what was told for so long has rolled back; it does not just lag. */
    readonly rollbackAfterMs: number;
  }) {
    this.#chain = init.chain;
    this.#told = init.told;
    this.#port = init.port;
    this.#from = init.from;
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
    if (head.number <= tip.number && this.#told.hashAt(head.number) === head.hash) {
      return await this.#behind(node, head);
    }
    this.#behindSinceMs = undefined;
    const base = await this.#commonAncestor(node, Math.min(head.number, tip.number));
    if (base === "changed") return "changed";
    if (base === undefined) {
      this.#port.tell("error", "a reorg went deeper than what is remembered: starting anew", {
        chain: this.#chain,
        number: head.number,
      });
      return await this.#publish(node, { from: head.number, head, mark: "replaces" });
    }
    const mark = base === tip.number ? "extends" : "replaces";
    return await this.#publish(node, {
      ...{ from: base + 1, head, mark, parent: this.#told.hashAt(base) },
    });
  }

  /** The processor may still stand at a block that the raw topic has no more: this one says that it starts. */
  async #begin(node: EvmNode, head: NodeBlock): Promise<Look> {
    const from = Math.min(this.#from ?? head.number, head.number);
    this.#port.tell("info", "a chain begins", { chain: this.#chain, number: from });
    return await this.#publish(node, { from, head, mark: "starts" });
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
    return await this.#publish(node, { from: head.number, head, mark: "replaces" });
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

  /** Publishes a stretch of the node's chain; the last block of a reorg says that it is the head. */
  async #publish(node: EvmNode, { from, head, mark, parent }: Stretch): Promise<Look> {
    const isReorg = mark === "replaces";
    const last = isReorg ? head.number : Math.min(head.number, from + BLOCKS_PER_LOOK - 1);
    const blocks: FullBlock[] = [];
    for (let number = from; number <= last; number++) {
      this.#port.signal.throwIfAborted();
      const header = await node.at(number);
      const block = header === undefined ? undefined : await node.full(header.hash);
      if (block === undefined) return "changed";
      const before = blocks.at(-1)?.hash ?? parent;
      if (before !== undefined && before !== block.parentHash) return "changed";
      blocks.push(block);
    }
    if (isReorg) {
      this.#port.tell("info", "the node reorganised its chain", {
        chain: this.#chain,
        from,
        to: last,
      });
    }
    const records = blocks.map(({ block, receipts }, at) => ({
      type: "block",
      chain: this.#chain,
      block,
      receipts,
      ...(isReorg && at === blocks.length - 1 ? { head: true } : {}),
      ...(mark === "starts" && at === 0 ? { start: true } : {}),
    }));
    await this.#port.publish(records);
    for (const [at, block] of blocks.entries()) {
      this.#told.tell(block, isReorg && at === blocks.length - 1);
    }
    if (last < head.number) return "more";
    await this.#finalise(node);
    return "even";
  }

  async #finalise(node: EvmNode): Promise<void> {
    const final = await node.finalized();
    if (final === undefined || final.number <= this.#told.finalNumber) return;
    if (this.#told.hashAt(final.number) !== final.hash) return;
    const { number, hash } = final;
    await this.#port.publish([{ type: "final", chain: this.#chain, number, hash }]);
    this.#told.finalNumber = number;
  }
}
