import { performance } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import type { Lane } from "./lane.ts";
import type { Offer, Subscriber } from "./subscriber.ts";
import type { TopicState } from "./topic-state.ts";

/** What every member of a lane gets, and where it stands behind it. */
export interface Delivery extends Offer {
  /** Moves a lane to behind what is delivered. */
  readonly land: (lane: Lane) => void;
  /** Counts the move of so many clients. */
  readonly count: (clients: number) => void;
}

/** What became of a lane. */
export interface Delivered {
  /** The lane that stands behind what was delivered; without members where nobody took it. */
  readonly lane: Lane;
  /** Lanes of those whose socket did not take it, at the old place. */
  readonly held: readonly Lane[];
}

/** Members that are written to without looking at the clock. */
const CHUNK_MEMBERS = 128;

/**
 * Writes the same bytes to all members of a lane. A lane that is too large for one slice is written
 * in several, with turns of the event loop between them: its members move, as they are written to,
 * into a lane that stands behind the delivery, so that each is in the lane whose place is its own
 * at any moment, whoever comes, leaves or asks meanwhile.
 */
export class LaneWriter {
  readonly #state: TopicState;
  readonly #made: (lane: Lane) => void;

  /** @param made told each lane that it makes, before the event loop has its next turn */
  constructor(state: TopicState, made: (lane: Lane) => void) {
    this.#state = state;
    this.#made = made;
  }

  /** A promise only where it takes several slices. */
  deliver(lane: Lane, delivery: Delivery, nowMs: number): Delivered | Promise<Delivered> {
    if (lane.members.length > CHUNK_MEMBERS) return this.#inSlices(lane, delivery, nowMs);
    const refused: Subscriber[] = [];
    for (const member of lane.members) {
      if (!member.offer(delivery, nowMs)) refused.push(member);
    }
    const held = refused.map((member) => {
      lane.remove(member);
      return this.#apart(lane, member);
    });
    delivery.land(lane);
    delivery.count(lane.members.length);
    return { lane, held };
  }

  async #inSlices(lane: Lane, delivery: Delivery, nowMs: number): Promise<Delivered> {
    const { interest, flow } = lane;
    const ahead = lane.split();
    delivery.land(ahead);
    this.#made(ahead);
    if (interest.lanes.get(flow.key) === lane) interest.lanes.set(flow.key, ahead);
    else interest.stragglers.add(ahead);
    interest.stragglers.add(lane);
    const held: Lane[] = [];
    let sliceStartMs = performance.now();
    while (lane.members.length > 0) {
      let moved = 0;
      for (let at = 0; at < CHUNK_MEMBERS; at++) {
        const member = lane.members.pop();
        if (member === undefined) break;
        if (member.offer(delivery, nowMs)) {
          ahead.add(member);
          moved += 1;
        } else {
          held.push(this.#apart(lane, member));
        }
      }
      delivery.count(moved);
      if (performance.now() - sliceStartMs > this.#state.options.sliceMs) {
        await turn();
        sliceStartMs = performance.now();
      }
    }
    return { lane: ahead, held };
  }

  /** A member that a socket holds back, and that has left the lane, goes on alone from where it stands. */
  #apart(lane: Lane, member: Subscriber): Lane {
    const own = lane.split();
    own.add(member);
    lane.interest.stragglers.add(own);
    this.#made(own);
    return own;
  }
}
