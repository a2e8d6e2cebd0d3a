import type { DomainEvent, ProcessOutcome } from "@penstock-dev/contract";
import type { ChainSettings } from "./chains.ts";
import type { DecodedBlock } from "./decoded-block.ts";
import { finalEvent, reorgEvent, undo } from "./reorg-events.ts";

/** A branch that leaves the chain deeper than this below its head is no longer followed. */
export const FORK_DEPTH_MAX = 128;

/** Blocks that wait for finality at the most; older ones leave the window without it. */
const UNFINAL_BLOCKS_MAX = 1024;

/** A known block. */
interface Node {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly work: bigint | undefined;
  /** Raw offset at which it came. */
  readonly offset: number;
  /** Its events, as JSON: a block's are many and rarely wanted again. */
  readonly events: string;
  isCanonical: boolean;
}

/** A place where the chain began to be seen: a parent known by number and hash alone. */
interface Root {
  readonly number: number;
  readonly hash: string;
}

const NOTHING: ProcessOutcome = { enriched: [] };

/**
 * One chain's blocks: which of them are the chain, which stand beside it, and what must be told
 * when that changes. The state is a function of the raw records from `stateFrom` on: a canonical
 * block twice as deep as any fork that is followed, from which a replay grows the same tree.
 */
export class ChainTree {
  readonly #chain: string;
  readonly #settings: ChainSettings;
  readonly #nodes = new Map<string, Node>();
  /** Canonical blocks that are held, lowest first. */
  #canonical: Node[] = [];
  /** Offsets of canonical blocks, older ones than are held among them, lowest first. */
  #anchors: { readonly number: number; readonly offset: number }[] = [];
  #root: Root | undefined;
  #finalNumber: number | undefined;
  #finalOffset: number | undefined;
  /** The newest raw record of the chain. */
  lastOffset = 0;

  constructor(chain: string, settings: ChainSettings) {
    this.#chain = chain;
    this.#settings = settings;
  }

  /** The lowest raw offset that the state depends on. */
  get stateFrom(): number {
    return this.#anchors[0]?.offset ?? this.lastOffset;
  }

  get #head(): Node | undefined {
    return this.#canonical.at(-1);
  }

  /** Takes a block. @param isHead the source says that it is the chain's head */
  applyBlock(block: DecodedBlock, isHead: boolean, offset: number): ProcessOutcome {
    const known = this.#nodes.get(block.hash);
    const head = this.#head;
    if (known !== undefined) {
      return isHead && known !== head ? this.#finish(this.#moveTo(known), offset) : NOTHING;
    }
    if (head === undefined) return this.#finish(this.#begin(block, offset), offset);
    const parentNumber = this.#numberOf(block.parentHash);
    if (parentNumber === undefined) {
      if (isHead) return this.#finish(this.#begin(block, offset), offset);
      return {
        enriched: [],
        dead: `/block/parentHash ${block.parentHash} is no known block: ${this.#chain} stands at ${head.number}`,
      };
    }
    if (block.number !== parentNumber + 1) {
      return {
        enriched: [],
        dead: `/block/number is ${block.number}, but its parent's is ${parentNumber}`,
      };
    }
    const node = this.#add(block, offset);
    if (block.parentHash === head.hash)
      return this.#finish(this.#extend(node, block.events), offset);
    if (isHead || this.#isLonger(node, head)) return this.#finish(this.#moveTo(node), offset);
    return NOTHING;
  }

  /** Takes the news that a block and all before it are final. */
  applyFinal(number: number, hash: string, offset: number): ProcessOutcome {
    const node = this.#nodes.get(hash);
    if (this.#finalNumber !== undefined && number <= this.#finalNumber) return NOTHING;
    if (node === undefined || node.number !== number) {
      // Before the first block that was seen, finality is only noted.
      const lowest = this.#canonical[0];
      if (lowest !== undefined && number < lowest.number) {
        this.#noteFinal(number, offset);
        return NOTHING;
      }
      return { enriched: [], dead: `/hash ${hash} is no known block ${number} of ${this.#chain}` };
    }
    const moved = node.isCanonical ? [] : this.#moveTo(node).enriched;
    const outcome = this.#finalise(node, offset);
    return this.#pruned({ ...outcome, enriched: [...moved, ...outcome.enriched] });
  }

  #numberOf(hash: string): number | undefined {
    return (
      this.#nodes.get(hash)?.number ?? (this.#root?.hash === hash ? this.#root.number : undefined)
    );
  }

  #add(block: DecodedBlock, offset: number): Node {
    const { number, hash, parentHash } = block;
    const parentWork = this.#nodes.get(parentHash)?.work;
    const work = block.work ?? (parentWork === undefined ? undefined : parentWork + 1n);
    const node = {
      number,
      hash,
      parentHash,
      work,
      offset,
      events: JSON.stringify(block.events),
      isCanonical: false,
    };
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
    const removed = this.#cut(block.number - 1);
    this.#root = { number: block.number - 1, hash: block.parentHash };
    const node = this.#add(block, offset);
    const enriched = this.#retell(null, removed, [node]);
    this.#push(node);
    return { enriched };
  }

  #extend(node: Node, events: readonly DomainEvent[]): ProcessOutcome {
    this.#push(node);
    return { enriched: events };
  }

  /** Makes a known block the head. */
  #moveTo(node: Node): ProcessOutcome {
    const added: Node[] = [];
    let at: Node | undefined = node;
    while (at !== undefined && !at.isCanonical) {
      added.unshift(at);
      at = this.#nodes.get(at.parentHash);
    }
    const ancestor: Root | undefined = at ?? this.#root;
    if (ancestor === undefined) return NOTHING;
    const head = this.#head;
    const final = this.#finalNumber;
    const removed = this.#cut(ancestor.number);
    const enriched = this.#retell({ number: ancestor.number, hash: ancestor.hash }, removed, added);
    for (const one of added) this.#push(one);
    const below = final !== undefined && ancestor.number < final && head !== undefined;
    return below
      ? {
          enriched,
          notice: `${this.#chain} was reorganised below what was final, at ${ancestor.number + 1}`,
        }
      : { enriched };
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
    while ((this.#anchors.at(-1)?.number ?? -1) > number) this.#anchors.pop();
    return removed;
  }

  #push(node: Node): void {
    node.isCanonical = true;
    this.#canonical.push(node);
    this.#anchors.push({ number: node.number, offset: node.offset });
  }

  /** What follows from a new head: blocks deep enough are final where the chain does not say so. */
  #finish(outcome: ProcessOutcome, offset: number): ProcessOutcome {
    const { finalDepth } = this.#settings;
    const head = this.#head;
    if (finalDepth === undefined || head === undefined) return this.#pruned(outcome);
    const deep = this.#canonical.findLast(({ number }) => number <= head.number - finalDepth);
    if (deep === undefined || (this.#finalNumber !== undefined && deep.number <= this.#finalNumber))
      return this.#pruned(outcome);
    const final = this.#finalise(deep, offset);
    return this.#pruned({
      ...outcome,
      ...final,
      enriched: [...outcome.enriched, ...final.enriched],
    });
  }

  #finalise(node: Node, offset: number): ProcessOutcome {
    const from = this.#finalNumber ?? Number.NEGATIVE_INFINITY;
    const blocks = this.#canonical.filter(({ number }) => number > from && number <= node.number);
    this.#noteFinal(node.number, offset);
    return { enriched: [finalEvent(this.#chain, node)], final: blocks.flatMap(eventsOf) };
  }

  #noteFinal(number: number, offset: number): void {
    this.#finalNumber = number;
    this.#finalOffset = offset;
  }

  /** Lets go of what no fork that is followed, and no finality, can ask for. */
  #pruned(outcome: ProcessOutcome): ProcessOutcome {
    const head = this.#head;
    if (head === undefined) return outcome;
    const forkFloor = head.number - FORK_DEPTH_MAX;
    const reportsFinality =
      this.#settings.finalDepth !== undefined || this.#finalNumber !== undefined;
    const unfinal = reportsFinality
      ? (this.#finalNumber ?? Number.NEGATIVE_INFINITY)
      : Number.POSITIVE_INFINITY;
    const keepFrom = Math.max(Math.min(forkFloor, unfinal), head.number - UNFINAL_BLOCKS_MAX);
    let drop = 0;
    while (drop < this.#canonical.length && (this.#canonical[drop] as Node).number < keepFrom)
      drop += 1;
    for (const node of this.#canonical.splice(0, drop)) this.#nodes.delete(node.hash);
    for (const node of this.#nodes.values()) {
      if (!node.isCanonical && this.#forkNumber(node) < forkFloor) this.#nodes.delete(node.hash);
    }
    this.#dropAnchors(head.number);
    return outcome;
  }

  /** The number at which a block's branch leaves the chain. */
  #forkNumber(node: Node): number {
    let at: Node | undefined = node;
    let { number } = node;
    while (at !== undefined && !at.isCanonical) {
      number = at.number - 1;
      at = this.#nodes.get(at.parentHash);
    }
    if (at !== undefined) return number;
    return this.#root !== undefined && number === this.#root.number
      ? number
      : Number.NEGATIVE_INFINITY;
  }

  /** Keeps one anchor that is deep enough, and before the last word on finality. */
  #dropAnchors(headNumber: number): void {
    const deep = headNumber - 2 * FORK_DEPTH_MAX;
    const isEnough = (
      anchor: { readonly number: number; readonly offset: number } | undefined,
    ): boolean =>
      anchor !== undefined &&
      anchor.number <= deep &&
      (this.#finalOffset === undefined || anchor.offset < this.#finalOffset);
    let drop = 0;
    while (isEnough(this.#anchors[drop + 1])) drop += 1;
    if (drop > 0) this.#anchors.splice(0, drop);
  }
}

function eventsOf(node: Node): DomainEvent[] {
  return JSON.parse(node.events) as DomainEvent[];
}
