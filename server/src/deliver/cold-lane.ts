import type { Entry } from "./entry.ts";
import type { Flow } from "./flow.ts";
import type { Interest } from "./interest.ts";
import { covers, type Place } from "./place.ts";
import type { Subscriber } from "./subscriber.ts";
import { TokenBucket } from "./token-bucket.ts";

/** One match of a cohort's batch. */
export interface ColdMatch {
  readonly entry: Entry;
  readonly tags: readonly string[] | undefined;
  /** Its index among the batch's entries. */
  readonly at: number;
}

/** Cold clients with one interest and one flow that the same scan serves from the same place on. */
export class ColdLane {
  readonly interest: Interest;
  readonly flow: Flow;
  readonly members = new Set<Subscriber>();
  /** Where its members began: what lies before it is not theirs. Undefined once the scan is past. */
  skip: Place | undefined;
  /** Reading ends here, where the client said so. */
  readonly until: Place | undefined;
  /** The scan that serves it, once one does. */
  scan: { readonly place: Place } | undefined;
  /** Where its members stand while a batch is being sent, some of which they got. */
  within: Place | undefined;
  readonly #start: Place;
  lastCheckpointMs: number;
  readonly bucket: TokenBucket | undefined;
  /** Whether its members have just come; else their sockets or their rate held them back. */
  readonly isNew: boolean;

  constructor(init: {
    readonly interest: Interest;
    readonly flow: Flow;
    readonly place: Place;
    readonly until: Place | undefined;
    readonly bucket: TokenBucket | undefined;
    readonly isNew: boolean;
    readonly nowMs: number;
  }) {
    this.interest = init.interest;
    this.flow = init.flow;
    this.skip = init.place;
    this.#start = init.place;
    this.until = init.until;
    this.isNew = init.isNew;
    this.lastCheckpointMs = init.nowMs;
    const rate = init.flow.maxEventsPerSecond;
    this.bucket = init.bucket ?? (rate === undefined ? undefined : new TokenBucket(rate));
  }

  /** Where its members stand, but for those who began ahead of it: see `skip`. */
  get place(): Place {
    return this.within ?? this.scan?.place ?? this.#start;
  }

  /** Whether an entry is for these clients: behind their start, before their end. */
  wants(entry: Entry): boolean {
    const { skip, until } = this;
    if (skip !== undefined && entry.offset < (skip.offsets[entry.partition] ?? 0)) return false;
    return until === undefined || entry.offset < (until.offsets[entry.partition] ?? 0);
  }

  /** Takes note that the scan stands at a place now. */
  passedBy(scan: Place): void {
    if (this.skip !== undefined && covers(scan, this.skip)) this.skip = undefined;
  }
}
