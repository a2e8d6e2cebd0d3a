import type { DomainEvent, ProcessOutcome } from "@penstock-dev/contract";
import { Anchors } from "./anchors.ts";
import type { ChainSettings } from "./chains.ts";
import type { DecodedBlock } from "./decoded-block.ts";
import { Finality } from "./finality.ts";
import { finalEvent, reorgEvent, undo } from "./reorg-events.ts";

/** A branch that leaves the chain deeper than this below its head is no longer followed. */
export const FORK_DEPTH_MAX = 128;

/** Blocks that wait for finality at the most; older ones leave the window without it. */
const UNFINAL_BLOCKS_MAX = 1024;

/** A known block. */
interface Node {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string | undefined;
  readonly work: bigint | undefined;
  /** Its events, as JSON: a block's are many and rarely wanted again. */
  readonly events: string;
  isCanonical: boolean;
}

/** A place where the chain began to be seen: a parent known by number and hash alone. */
interface Root {
  readonly number: number;
  readonly hash: string;
}

/**
 * What a source says of a block besides: that it is the chain's `head`, whatever its length, or
 * that a recording begins with it, its `start`, which matters only where it connects to nothing.
 */
export type Mark = "head" | "start";

const NOTHING: ProcessOutcome = { enriched: [] };

/**
 * The blocks of one chain that connect: which of them are the chain, which stand beside it, and what must be told
 * when that changes. The state is a function of the raw records from `replayFrom` on: an anchor
 * twice as deep as any fork that is followed, and before the last word on finality, from which a
 * replay grows the same tree.
 */
export class ChainTree {
  readonly #chain: string;
  readonly #settings: ChainSettings;
  readonly #nodes = new Map<string, Node>();
  /** Canonical blocks that are held, lowest first. */
  #canonical: Node[] = [];
  readonly #anchors = new Anchors();
  /** Raw offset of the last block that came. */
  #blockOffset = -1;
  #root: Root | undefined;
  readonly #final = new Finality();

  constructor(chain: string, settings: ChainSettings) {
    this.#chain = chain;
    this.#settings = settings;
  }

  /** The highest raw offset, at most `offset`, at which a replay of this chain may begin. */
  replayFrom(offset: number): number {
    return this.#anchors.startAt(offset, this.#anchorMax);
  }

  /** No replay begins before a raw offset any more. */
  forgetBefore(offset: number): void {
    this.#anchors.drop(offset, this.#anchorMax);
  }

  /**
   * A block that says that it is a start connects here: a replay that knew less would take it for
   * one. So of what came before, only places that know what it connects to stay such at which a
   * replay may begin.
   *
   * @param replayFrom a place that is known to be good for the whole partition
   */
  connectStart({ hash, parentHash }: DecodedBlock, replayFrom: number): void {
    const node = this.#nodes.get(hash) ?? this.#nodes.get(parentHash ?? "");
    const forkFloor = (this.#head?.number ?? 0) - FORK_DEPTH_MAX;
    if (node?.isCanonical === true && node.number >= forkFloor) this.#anchors.cut(node.number);
    else this.#anchors.restart(replayFrom);
  }

  /**
   * Of what came before a raw offset, no place is one to begin a replay at.
   *
   * @param place but this one, which is known to be good for the whole partition
   */
  replayFromBefore(place: number, offset: number): void {
    this.#anchors.restart(place);
    this.#blockOffset = offset - 1;
  }

  get #anchorMax(): number {
    const deep = (this.#head?.number ?? 0) - 2 * FORK_DEPTH_MAX;
    return Math.min(deep, this.#final.replayMax);
  }

  get #head(): Node | undefined {
    return this.#canonical.at(-1);
  }

  knows(hash: string): boolean {
    return this.#nodes.has(hash);
  }

  /** Whether a block, or its parent, is known. */
  connects({ hash, parentHash }: DecodedBlock): boolean {
    return this.knows(hash) || this.#numberOf(parentHash) !== undefined;
  }

  /** Takes a block. One that is the start of a recording must connect, unless it is the first. */
  applyBlock(block: DecodedBlock, mark: Mark | undefined, offset: number): ProcessOutcome {
    const outcome = this.#takeBlock(block, mark === "head", offset);
    this.#blockOffset = offset;
    return outcome;
  }

  #takeBlock(block: DecodedBlock, isHead: boolean, offset: number): ProcessOutcome {
    const known = this.#nodes.get(block.hash);
    const head = this.#head;
    if (known !== undefined) {
      return isHead && known !== head ? this.#finish(this.#moveTo(known)) : NOTHING;
    }
    if (head === undefined) return this.#finish(this.#begin(block, offset));
    const parentNumber = this.#numberOf(block.parentHash);
    if (parentNumber === undefined) {
      if (isHead) return this.#finish(this.#begin(block, offset));
      return {
        enriched: [],
        dead: `/block/parentHash ${block.parentHash ?? "is missing, and"} is no known block: ${this.#chain} stands at ${head.number}`,
      };
    }
    if (block.number !== parentNumber + 1) {
      return {
        enriched: [],
        dead: `/block/number is ${block.number}, but its parent's is ${parentNumber}`,
      };
    }
    const node = this.#add(block);
    if (block.parentHash === head.hash)
      return this.#finish(this.#extend(node, block.events, offset));
    if (isHead || this.#isLonger(node, head)) return this.#finish(this.#moveTo(node));
    return NOTHING;
  }

  /** Takes the news that a block and all before it are final. */
  applyFinal(number: number, hash: string): ProcessOutcome {
    const node = this.#nodes.get(hash);
    if (this.#final.number !== undefined && number <= this.#final.number) return NOTHING;
    if (node === undefined || node.number !== number) {
      // Before the first block that was seen, finality is only noted.
      const lowest = this.#canonical[0];
      if (lowest !== undefined && number < lowest.number) {
        this.#final.note(number);
        return this.#pruned(NOTHING);
      }
      this.#final.refuse(number);
      return { enriched: [], dead: `/hash ${hash} is no known block ${number} of ${this.#chain}` };
    }
    const moved = node.isCanonical ? NOTHING : this.#moveTo(node);
    const outcome = this.#finalise(node);
    return this.#pruned({
      ...moved,
      ...outcome,
      enriched: [...moved.enriched, ...outcome.enriched],
    });
  }

  #numberOf(hash: string | undefined): number | undefined {
    if (hash === undefined) return undefined;
    return (
      this.#nodes.get(hash)?.number ?? (this.#root?.hash === hash ? this.#root.number : undefined)
    );
  }

  /**
   * The block below a known one. A block that says to be its own parent, or its child's, is taken
   * where nothing is known of that parent: a walk only goes down, so that it ends.
   */
  #parentOf(node: Node): Node | undefined {
    const parent = this.#nodes.get(node.parentHash ?? "");
    return parent !== undefined && parent.number < node.number ? parent : undefined;
  }

  #add(block: DecodedBlock): Node {
    const { number, hash, parentHash, work } = block;
    const events = JSON.stringify(block.events);
    const node = { number, hash, parentHash, work, events, isCanonical: false };
    this.#nodes.set(hash, node);
    return node;
  }

  #isLonger(node: Node, head: Node): boolean {
    if (this.#settings.family === "utxo" && node.work !== undefined && head.work !== undefined)
      return node.work > head.work;
    return node.number > head.number;
  }

  /** Starts at a block that connects to nothing: what stands at its number or above is undone. */
  #begin(block: DecodedBlock, offset: number): ProcessOutcome {
    const notice = this.#noticeBelowFinal(block.number - 1);
    const removed = this.#cut(block.number - 1);
    const { number, parentHash } = block;
    this.#root = parentHash === undefined ? undefined : { number: number - 1, hash: parentHash };
    const node = this.#add(block);
    const enriched = this.#retell(null, removed, [node]);
    this.#push(node);
    this.#anchor(node, offset);
    return { enriched, ...notice };
  }

  #extend(node: Node, events: readonly DomainEvent[], offset: number): ProcessOutcome {
    this.#push(node);
    this.#anchor(node, offset);
    return { enriched: events };
  }

  /** Makes a known block the head. */
  #moveTo(node: Node): ProcessOutcome {
    const added: Node[] = [];
    let at: Node | undefined = node;
    while (at !== undefined && !at.isCanonical) {
      added.unshift(at);
      at = this.#parentOf(at);
    }
    const ancestor: Root | undefined = at ?? this.#root;
    if (ancestor === undefined) return NOTHING;
    const notice = this.#noticeBelowFinal(ancestor.number);
    const removed = this.#cut(ancestor.number);
    const enriched = this.#retell({ number: ancestor.number, hash: ancestor.hash }, removed, added);
    for (const one of added) this.#push(one);
    return { enriched, ...notice };
  }

  /** What an operator is told where the chain above a number is replaced, though it was final. */
  #noticeBelowFinal(number: number): { readonly notice?: string } {
    const head = this.#head;
    if (this.#final.number === undefined || head === undefined) return {};
    if (number >= this.#final.number || head.number <= number) return {};
    return {
      notice: `${this.#chain} was reorganised below what was final, at ${number + 1}`,
    };
  }

  #retell(ancestor: Root | null, removed: readonly Node[], added: readonly Node[]): DomainEvent[] {
    const events: DomainEvent[] = [];
    if (removed.length > 0) {
      events.push(reorgEvent(this.#chain, ancestor, removed, added));
      for (const node of removed) events.push(...undo(eventsOf(node)));
    }
    for (const node of added) events.push(...eventsOf(node));
    return events;
  }

  /** Takes the canonical blocks above a number away, newest first. */
  #cut(number: number): Node[] {
    const removed: Node[] = [];
    for (let head = this.#head; head !== undefined && head.number > number; head = this.#head) {
      head.isCanonical = false;
      this.#canonical.pop();
      removed.push(head);
    }
    this.#anchors.cut(number);
    this.#final.cut(number);
    return removed;
  }

  #push(node: Node): void {
    node.isCanonical = true;
    this.#canonical.push(node);
  }

  #anchor({ number }: Node, offset: number): void {
    this.#anchors.push({ number, offset, after: this.#blockOffset });
  }

  /** What follows from a new head: blocks deep enough are final where the chain does not say so. */
  #finish(outcome: ProcessOutcome): ProcessOutcome {
    const { finalDepth } = this.#settings;
    const head = this.#head;
    if (finalDepth === undefined || head === undefined) return this.#pruned(outcome);
    const deep = this.#canonical.findLast(({ number }) => number <= head.number - finalDepth);
    if (
      deep === undefined ||
      (this.#final.number !== undefined && deep.number <= this.#final.number)
    )
      return this.#pruned(outcome);
    const final = this.#finalise(deep);
    return this.#pruned({
      ...outcome,
      ...final,
      enriched: [...outcome.enriched, ...final.enriched],
    });
  }

  #finalise(node: Node): ProcessOutcome {
    const from = this.#final.number ?? Number.NEGATIVE_INFINITY;
    const blocks = this.#canonical.filter(({ number }) => number > from && number <= node.number);
    this.#final.note(node.number);
    return { enriched: [finalEvent(this.#chain, node)], final: blocks.flatMap(eventsOf) };
  }

  /** Lets go of what no fork that is followed, and no finality, can ask for. */
  #pruned(outcome: ProcessOutcome): ProcessOutcome {
    const head = this.#head;
    if (head === undefined) return outcome;
    const forkFloor = head.number - FORK_DEPTH_MAX;
    const unfinalFloor = head.number - UNFINAL_BLOCKS_MAX;
    this.#final.forgetBelow(unfinalFloor);
    if (this.#root !== undefined && this.#root.number < forkFloor) this.#root = undefined;
    const reportsFinality =
      this.#settings.finalDepth !== undefined || this.#final.number !== undefined;
    const unfinal = reportsFinality
      ? (this.#final.number ?? Number.NEGATIVE_INFINITY)
      : Number.POSITIVE_INFINITY;
    const keepFrom = Math.max(Math.min(forkFloor, unfinal), unfinalFloor);
    let drop = 0;
    while (drop < this.#canonical.length && (this.#canonical[drop] as Node).number < keepFrom)
      drop += 1;
    for (const node of this.#canonical.splice(0, drop)) this.#nodes.delete(node.hash);
    for (const node of this.#nodes.values()) {
      if (!node.isCanonical && this.#forkNumber(node) < forkFloor) this.#nodes.delete(node.hash);
    }
    return outcome;
  }

  /** The number at which a block's branch leaves the chain. */
  #forkNumber(node: Node): number {
    let at: Node | undefined = node;
    let { number } = node;
    while (at !== undefined && !at.isCanonical) {
      number = at.number - 1;
      at = this.#parentOf(at);
    }
    if (at !== undefined) return number;
    return this.#root !== undefined && number === this.#root.number
      ? number
      : Number.NEGATIVE_INFINITY;
  }
}

function eventsOf(node: Node): DomainEvent[] {
  return JSON.parse(node.events) as DomainEvent[];
}
