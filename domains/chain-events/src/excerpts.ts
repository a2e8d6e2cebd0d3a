import type { ProcessOutcome } from "@penstock-dev/contract";
import { ChainTree, type Mark } from "./chain-tree.ts";
import type { ChainSettings } from "./chains.ts";
import type { DecodedBlock } from "./decoded-block.ts";

/** How long excerpts of one chain stand beside each other, in raw records of its partition. */
export interface ExcerptLimits {
  /** One that got no block for so long, while another did, is let go. */
  readonly idleRecordsMax: number;
  /** After so long only the one that got the last block stays. */
  readonly togetherRecordsMax: number;
}

/**
 * Twice what the longest recording with jumps at hand needs to be published again and change
 * nothing, and little to read again at a start.
 */
export const EXCERPT_LIMITS: ExcerptLimits = { idleRecordsMax: 2000, togetherRecordsMax: 20_000 };

/** A stretch of a chain, and the raw offset of the last block that belonged to it. */
interface Excerpt {
  readonly tree: ChainTree;
  touched: number;
}

/**
 * One chain, in one piece or in several that do not connect: a block that says that a recording
 * starts with it begins a piece of its own, where nothing that is known connects to it, and undoes
 * nothing. A block goes to the piece that knows it or its parent.
 *
 * A replay that begins in the middle of several pieces could not tell them apart. So while there
 * are several, it begins where it did before the second came, and what is left of them in the end
 * gives no place to begin at that is older than the end.
 */
export class Excerpts {
  readonly #chain: string;
  readonly #settings: ChainSettings;
  readonly #limits: ExcerptLimits;
  /** Oldest first; more than one only where `#together` is known. */
  #excerpts: Excerpt[] = [];
  /** Since when there are several, and where a replay has begun since before that. */
  #together: { readonly since: number; readonly replayFrom: number } | undefined;
  /** The newest raw record of the chain. */
  lastOffset = 0;

  constructor(chain: string, settings: ChainSettings, limits: ExcerptLimits) {
    this.#chain = chain;
    this.#settings = settings;
    this.#limits = limits;
  }

  /** The excerpt that the last block belonged to. */
  get #current(): Excerpt | undefined {
    return this.#excerpts.reduce<Excerpt | undefined>(
      (last, one) => (last === undefined || one.touched >= last.touched ? one : last),
      undefined,
    );
  }

  /** Takes a block. @param replayFrom where a replay of the partition begins, before this record */
  applyBlock(
    block: DecodedBlock,
    mark: Mark | undefined,
    offset: number,
    replayFrom: number,
  ): ProcessOutcome {
    const connected = this.#excerpts.find(({ tree }) => tree.connects(block));
    if (mark === "start") connected?.tree.connectStart(block, replayFrom);
    const excerpt =
      connected ??
      (mark === "start" ? undefined : this.#current) ??
      this.#begin(offset, replayFrom);
    const outcome = excerpt.tree.applyBlock(block, mark, offset);
    if (outcome.dead === undefined) excerpt.touched = offset;
    return outcome;
  }

  /** Takes the news that a block and all before it are final. */
  applyFinal(number: number, hash: string): ProcessOutcome {
    const excerpt = this.#excerpts.find(({ tree }) => tree.knows(hash)) ?? this.#current;
    return (
      excerpt?.tree.applyFinal(number, hash) ?? {
        enriched: [],
        dead: `/chain ${this.#chain} has no blocks yet`,
      }
    );
  }

  #begin(offset: number, replayFrom: number): Excerpt {
    const [only] = this.#excerpts;
    if (only !== undefined && this.#together === undefined) {
      this.#together = { since: offset, replayFrom };
      // What touched it before is not all seen by a replay.
      only.touched = offset - 1;
    }
    const excerpt = { tree: new ChainTree(this.#chain, this.#settings), touched: offset };
    this.#excerpts.push(excerpt);
    return excerpt;
  }

  /** Lets go of excerpts whose time is over. @param offset raw offset of the record that comes */
  letGo(offset: number): void {
    if (this.#together === undefined) return;
    const { since, replayFrom } = this.#together;
    const current = this.#current;
    const idleSince = offset - this.#limits.idleRecordsMax;
    const isOver = since < offset - this.#limits.togetherRecordsMax;
    this.#excerpts = this.#excerpts.filter(
      (one) => one === current || (!isOver && one.touched >= idleSince),
    );
    if (this.#excerpts.length > 1) return;
    this.#together = undefined;
    current?.tree.replayFromBefore(replayFrom, offset);
  }

  /** The highest raw offset, at most `offset`, at which a replay of this chain may begin. */
  replayFrom(offset: number): number {
    if (this.#together !== undefined) return Math.min(offset, this.#together.replayFrom);
    return this.#excerpts[0]?.tree.replayFrom(offset) ?? offset;
  }

  /** No replay begins before a raw offset any more. */
  forgetBefore(offset: number): void {
    if (this.#together === undefined) this.#excerpts[0]?.tree.forgetBefore(offset);
  }
}
