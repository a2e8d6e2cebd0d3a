import { couldMatch, type FilterHandle, type FilterIndex, type Filters } from "../filter/index.ts";
import type { Lane } from "./lane.ts";
import { MainLanes, Stragglers } from "./lanes.ts";

const NO_SEQS: number[] = [];

/** A broadcast in the ring: it reaches whoever's rules could match its field's value. */
export interface Broadcast {
  readonly seq: number;
  readonly field: string;
  readonly value: string;
}

/**
 * One filter, however many clients hold it, with its posting list: the ring's sequences that
 * matched it since it was born, addressed by absolute, ever-growing indices and trimmed with the
 * ring. There may be a million of them: what most do not need is made when it is first needed.
 */
export class Interest {
  readonly filters: Filters;
  /** Entries of the ring before this sequence were not evaluated. */
  readonly bornSeq: number;
  readonly handle: FilterHandle;
  /** Lanes that stand where most of their flow stands, by the flow's key: what others rejoin. */
  readonly lanes = new MainLanes<Lane>();
  /** Lanes that a slow socket or a rate holds elsewhere. */
  readonly stragglers = new Stragglers<Lane>();
  /** Clients that hold it, hot or cold. */
  members = 0;
  /** Its lanes are about to be queued. */
  isWoken = false;
  /** The newest matched entry that cancels something: whether a gap holds one. */
  lastCancelSeq = -1;
  readonly #index: FilterIndex<Interest>;
  #first = 0;
  #seqs = NO_SEQS;
  #tags: (readonly string[] | undefined)[] | undefined;

  /** Stands in the index from now on. */
  constructor(filters: Filters, bornSeq: number, index: FilterIndex<Interest>) {
    this.filters = filters;
    this.bornSeq = bornSeq;
    this.#index = index;
    this.handle = index.add(filters, this);
  }

  /** The index that the next match gets. */
  get end(): number {
    return this.#first + this.#seqs.length;
  }

  /** The lowest index whose sequence is still known. */
  get first(): number {
    return this.#first;
  }

  post(seq: number, tags: readonly string[] | undefined, cancels: boolean): void {
    if (this.#seqs === NO_SEQS) {
      this.#seqs = [];
      if (this.filters.tagged) this.#tags = [];
    }
    this.#seqs.push(seq);
    this.#tags?.push(tags);
    if (cancels) this.lastCancelSeq = seq;
  }

  /** The sequence at an index; undefined where it was trimmed or has not come yet. */
  seqAt(index: number): number | undefined {
    return this.#seqs[index - this.#first];
  }

  tagsAt(index: number): readonly string[] | undefined {
    return this.#tags?.[index - this.#first];
  }

  /** The first index whose sequence is `seq` or later. */
  indexFrom(seq: number): number {
    let low = 0;
    let high = this.#seqs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#seqs[middle] ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return this.#first + low;
  }

  /** Forgets matches before `tail`, once they are half of all: each time moves the rest of the list. */
  trim(tail: number): void {
    const gone = this.indexFrom(tail) - this.#first;
    if (gone === 0 || gone * 2 < this.#seqs.length) return;
    this.#seqs = this.#seqs.slice(gone);
    if (this.#tags !== undefined) this.#tags = this.#tags.slice(gone);
    this.#first += gone;
  }

  /** Whether a broadcast goes to the holders of this filter. */
  reads(broadcast: Broadcast): boolean {
    const { field, value } = broadcast;
    const told = this.#index.couldMatch(this.handle, field, value);
    if (told !== undefined) return told;
    const reads = couldMatch(this.filters, field, value);
    this.filters.compact();
    return reads;
  }
}
