import type { FilterIndex } from "../filter/index.ts";
import type { OptionValues } from "../option.ts";
import type { Stream } from "../streams/index.ts";
import type { ControlFrames } from "./control-frames.ts";
import type { Broadcast, Interest } from "./interest.ts";
import type { LagHistogram } from "./lag-histogram.ts";
import type { Movements } from "./movement.ts";
import type { deliverOptions } from "./options.ts";
import type { PlaceRef } from "./outlet.ts";
import type { Ring } from "./ring.ts";
import type { Tombstones } from "./tombstones.ts";

export type DeliverOptions = OptionValues<typeof deliverOptions>;

/** What the parts of one topic's engine share. */
export interface TopicState {
  readonly stream: Stream;
  readonly topic: string;
  readonly ring: Ring;
  readonly index: FilterIndex<Interest>;
  /** Broadcasts still in the ring, oldest first. */
  readonly broadcasts: Broadcast[];
  readonly tombstones: Tombstones;
  readonly control: ControlFrames;
  readonly movements: Movements;
  readonly lag: LagHistogram;
  readonly dropped: Map<string, number>;
  readonly options: DeliverOptions;
  readonly now: () => number;
}

/** The place of a ring's sequence, worked out when somebody asks, as long as the ring holds it. */
export class SeqRef implements PlaceRef {
  readonly #ring: Ring;
  readonly #seq: number;

  constructor(ring: Ring, seq: number) {
    this.#ring = ring;
    this.#seq = seq;
  }

  place() {
    return this.#ring.placeAt(this.#seq);
  }
}
