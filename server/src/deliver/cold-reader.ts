import { performance } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { PenstockError } from "@penstock-dev/contract";
import {
  beganNear,
  comesPast,
  earlierOf,
  hasPassed,
  type Joining,
  lanesOf,
  putBack,
  SCAN_SPAN_OFFSETS,
  startFor,
} from "./cold-joining.ts";
import type { ColdLane } from "./cold-lane.ts";
import { type Batch, ColdScan } from "./cold-scan.ts";
import { ColdSender } from "./cold-sender.ts";
import { covers, laterOf, offsetsBetween, type Place } from "./place.ts";
import type { ReadableLog } from "./readable-log.ts";
import { RegionCache } from "./region-cache.ts";
import type { Parking, Subscriber } from "./subscriber.ts";
import type { TopicState } from "./topic-state.ts";
import { Turns } from "./turns.ts";

/**
 * Whoever comes this soon behind the start of a scan from near the same place, and cannot catch up
 * with it, waits, in milliseconds, and is read for by the next with all others.
 */
const SCAN_SPACING_MS = 1000;

/** Scans that have a batch in memory at once; the others take turns with them. */
const STEPPING_MAX = 8;

/** Scans that there are at once, each of clients who stand far from the others'. */
const SCANS_MAX = 256;

/** What the cold reader asks of the engine around it. */
export interface ColdReaderPort {
  /** The client stands at the ring's sequence `seq` now, everything before it is done. */
  meet(subscriber: Subscriber, seq: number, bucket: ColdLane["bucket"]): void;
  /** What lies between two places is gone; the client goes on at the second. */
  lost(subscriber: Subscriber, from: Place, to: Place): void;
  park(subscriber: Subscriber, parking: Parking): void;
  /** The client has all up to where it wanted to read. */
  reachedUntil(subscriber: Subscriber, place: Place): void;
  /** Resolves when the ring's head moved, or soon. */
  more(): Promise<void>;
  failed(subscriber: Subscriber, caught: unknown): void;
}

/**
 * Reads the log for the clients that are not at the head, in cohorts: those who stand near each
 * other are read for together, and meet the ring together.
 */
export class ColdReader {
  readonly #state: TopicState;
  readonly #port: ColdReaderPort;
  readonly #log: ReadableLog;
  readonly #regions: RegionCache;
  readonly #sender: ColdSender;
  readonly #turns = new Turns(STEPPING_MAX);
  readonly #scans = new Set<ColdScan>();
  readonly #scanOf = new Map<ColdLane, ColdScan>();
  readonly #joining = new Map<Subscriber, Joining>();
  /** Those who wait for the next scan from where they stand. */
  readonly #held = new Map<Subscriber, Joining>();
  #heldUntilMs = Number.POSITIVE_INFINITY;
  #gathering = false;
  #stopped = false;

  constructor(state: TopicState, log: ReadableLog, port: ColdReaderPort) {
    this.#state = state;
    this.#port = port;
    this.#log = log;
    this.#regions = new RegionCache(log, state.options.regionCacheBytes);
    this.#sender = new ColdSender(state, (subscriber, parking) => {
      this.leave(subscriber);
      port.park(subscriber, parking);
    });
  }

  /**
   * Begins to read for a client from a place on.
   *
   * @param isNew whether it has just come; else its socket or its rate held it back
   */
  join(subscriber: Subscriber, place: Place, bucket: ColdLane["bucket"], isNew: boolean): void {
    this.#joining.set(subscriber, { subscriber, place, bucket, isNew });
    subscriber.standing = {
      kind: "parked",
      parking: { place, oldestMs: this.#state.now(), readyAtMs: undefined, bucket },
    };
    this.#gather();
  }

  leave(subscriber: Subscriber): void {
    this.#joining.delete(subscriber);
    this.#held.delete(subscriber);
    for (const { latecomers } of this.#scans) latecomers.delete(subscriber);
    if (subscriber.standing.kind !== "cohort") return;
    const { lane } = subscriber.standing;
    lane.members.delete(subscriber);
    if (lane.members.size === 0) this.#removeLane(lane);
  }

  /** Whether the client is about to join a cohort: nothing needs to wake it. */
  isJoining(subscriber: Subscriber): boolean {
    if (this.#joining.has(subscriber) || this.#held.has(subscriber)) return true;
    for (const { latecomers } of this.#scans) if (latecomers.has(subscriber)) return true;
    return false;
  }

  stop(): void {
    this.#stopped = true;
  }

  #removeLane(lane: ColdLane): void {
    this.#scanOf.get(lane)?.remove(lane);
    this.#scanOf.delete(lane);
  }

  /** Those who come within one turn of the event loop are placed together. */
  #gather(): void {
    if (this.#gathering || this.#stopped) return;
    this.#gathering = true;
    setImmediate(() => {
      this.#gathering = false;
      if (!this.#stopped) this.#place();
    });
  }

  /** @param released the scan whose latecomers are among those who join, and catch up with it */
  #place(released?: ColdScan): void {
    const lanes = lanesOf(this.#joining.values(), this.#state.now());
    this.#joining.clear();
    for (const lane of lanes) {
      const scan = [...this.#scans].find((known) => comesPast(known, lane.place));
      // A batch that is being sent was matched without whoever comes now.
      if (scan?.isSending === true || (scan === undefined && this.#scans.size >= SCANS_MAX)) {
        putBack(lane, this.#joining);
      } else if (scan !== undefined) {
        this.#add(lane, scan);
      } else {
        const leader = this.#leaderOf(lane);
        const follows = leader !== undefined && leader === released;
        const waiting = follows ? undefined : this.#waitingBehind(lane, leader);
        if (waiting !== undefined) putBack(lane, waiting);
        else this.#add(lane, this.#begin(startFor(lanes, lane), follows ? leader : undefined));
      }
    }
  }

  #add(lane: ColdLane, scan: ColdScan): void {
    scan.add(lane);
    this.#scanOf.set(lane, scan);
    for (const member of lane.members) member.standing = { kind: "cohort", lane };
  }

  #begin(start: Place, leader: ColdScan | undefined): ColdScan {
    const scan = new ColdScan(this.#state, this.#regions.reader(), start, leader);
    this.#scans.add(scan);
    leader?.latecomers.begins();
    void this.#run(scan);
    return scan;
  }

  /** The scan that has just passed where a lane stands, and has far to go. */
  #leaderOf(lane: ColdLane): ColdScan | undefined {
    if (!lane.isNew) return undefined;
    const { ring } = this.#state;
    const head = ring.placeAt(ring.head);
    if (head === undefined) return undefined;
    for (const scan of this.#scans) {
      if (scan.leader !== undefined || !hasPassed(scan, lane.place)) continue;
      if (offsetsBetween(scan.place, head) > SCAN_SPAN_OFFSETS) return scan;
    }
    return undefined;
  }

  /** Where a lane waits until it is read for; undefined where a scan may begin for it. */
  #waitingBehind(
    lane: ColdLane,
    leader: ColdScan | undefined,
  ): Map<Subscriber, Joining> | undefined {
    const waiting = leader?.latecomers.take();
    if (waiting !== undefined) return waiting;
    const next = this.#nextStartMs(lane);
    if (next === undefined) return undefined;
    this.#heldUntilMs = Math.min(this.#heldUntilMs, next);
    return this.#held;
  }

  /** When a scan may begin for a lane, where one has just begun near it and still runs. */
  #nextStartMs(lane: ColdLane): number | undefined {
    let next: number | undefined;
    for (const scan of this.#scans) {
      if (!beganNear(scan, lane.place)) continue;
      if (performance.now() - scan.startedMs >= SCAN_SPACING_MS) continue;
      next = Math.max(next ?? 0, scan.startedMs + SCAN_SPACING_MS);
    }
    return next;
  }

  /** Lets those go on who were held for a scan that has had its time, or has ended. */
  #release(): void {
    for (const [subscriber, joining] of this.#held) this.#joining.set(subscriber, joining);
    this.#held.clear();
    this.#heldUntilMs = Number.POSITIVE_INFINITY;
  }

  async #run(scan: ColdScan): Promise<void> {
    // Those who are placed in this turn join before the first batch.
    await turn();
    while (!this.#stopped && !scan.isEmpty) {
      try {
        await this.#step(scan);
      } catch (caught) {
        if (PenstockError.from(caught).code === "cursor_too_old") continue;
        for (const lane of [...scan.lanes()]) {
          for (const member of [...lane.members]) {
            this.leave(member);
            this.#port.failed(member, caught);
          }
        }
      }
    }
    this.#scans.delete(scan);
    scan.leader?.latecomers.ends();
    for (const joining of scan.latecomers.release()) this.#joining.set(joining.subscriber, joining);
    this.#release();
    if (this.#joining.size > 0) this.#gather();
  }

  /** Lets those join who wait for it, and may. */
  #letJoin(): void {
    if (performance.now() >= this.#heldUntilMs) this.#release();
    if (this.#joining.size > 0) this.#gather();
  }

  async #step(scan: ColdScan): Promise<void> {
    this.#letJoin();
    await this.#passFloor(scan);
    const { ring } = this.#state;
    const cutSeq = ring.head;
    const cut = ring.placeAt(cutSeq);
    if (cut === undefined) return;
    const leader = this.#leaderThatWaits(scan);
    const end = leader === undefined ? cut : earlierOf(cut, leader.place);
    while (!this.#stopped && !scan.isEmpty) {
      await this.#letCatchUp(scan);
      if (!(await this.#turns.take(() => this.#advance(scan, end)))) break;
      this.#letJoin();
      this.#endThoseWhoAreDone(scan);
      await turn();
    }
    if (leader !== undefined && covers(scan.place, leader.place)) {
      this.#merge(scan, leader);
      return;
    }
    // Who was further ahead in another process meets the ring where this one has come as far.
    if (cutSeq >= ring.tail && covers(cut, scan.place)) await this.#meet(scan, cutSeq);
    this.#endThoseWhoAreDone(scan);
    // Who is left has been further ahead elsewhere, or reads to an end that has not come yet.
    if (!scan.isEmpty && ring.head === cutSeq) await this.#port.more();
  }

  /** Reads and sends a batch; false where there is none any more. */
  async #advance(scan: ColdScan, end: Place): Promise<boolean> {
    const batch = await scan.next(end);
    if (batch === undefined) return false;
    await this.#send(scan, batch);
    scan.advance(batch.end);
    return true;
  }

  #leaderThatWaits({ leader }: ColdScan): ColdScan | undefined {
    return leader !== undefined && this.#scans.has(leader) ? leader : undefined;
  }

  /** A scan waits for those who came just behind it, and until they stand where it does. */
  async #letCatchUp(scan: ColdScan): Promise<void> {
    const { latecomers } = scan;
    while (!this.#stopped && !latecomers.isEmpty) {
      await latecomers.gathered();
      for (const joining of latecomers.release()) this.#joining.set(joining.subscriber, joining);
      this.#place(scan);
      await latecomers.caughtUp();
    }
  }

  /** Those who have caught up with the scan before them are read for by it from now on. */
  #merge(scan: ColdScan, leader: ColdScan): void {
    for (const lane of scan.lanes()) this.#scanOf.set(lane, leader);
    leader.takeOver(scan);
  }

  /** Hands a batch to the lanes that want it, in slices. */
  async #send(scan: ColdScan, batch: Batch): Promise<void> {
    const parts = scan.match(batch);
    scan.isSending = true;
    try {
      let sliceStartMs = performance.now();
      for (const { lane, matches } of parts) {
        this.#sender.send(lane, matches, batch);
        if (performance.now() - sliceStartMs < this.#state.options.sliceMs) continue;
        await turn();
        sliceStartMs = performance.now();
      }
    } finally {
      scan.isSending = false;
    }
  }

  /** Lets a cohort meet the ring, in slices, as long as the ring holds the place where it does. */
  async #meet(scan: ColdScan, cutSeq: number): Promise<void> {
    let sliceStartMs = performance.now();
    for (const lane of [...scan.lanes()]) {
      if (performance.now() - sliceStartMs > this.#state.options.sliceMs) {
        await turn();
        if (cutSeq < this.#state.ring.tail || this.#stopped) return;
        sliceStartMs = performance.now();
      }
      if (lane.skip !== undefined || lane.until !== undefined) continue;
      if (lane.interest.bornSeq > cutSeq) continue;
      const members = [...lane.members];
      lane.members.clear();
      this.#removeLane(lane);
      for (const member of members) this.#port.meet(member, cutSeq, lane.bucket);
    }
  }

  #endThoseWhoAreDone(scan: ColdScan): void {
    for (const { members, until } of scan.done) {
      for (const member of [...members]) {
        this.leave(member);
        if (until !== undefined) this.#port.reachedUntil(member, until);
      }
    }
  }

  /** Says what was lost where the log no longer holds what a scan should read. */
  async #passFloor(scan: ColdScan): Promise<void> {
    const floors = await this.#log.floors();
    const floor: Place = { offsets: floors, sources: [] };
    if (covers(scan.place, floor)) return;
    const to = laterOf(scan.place, floor);
    for (const lane of scan.lanes()) {
      const from = lane.skip === undefined ? scan.place : laterOf(scan.place, lane.skip);
      if (covers(from, floor)) continue;
      const next = laterOf(from, floor);
      for (const member of lane.members) this.#port.lost(member, from, next);
    }
    scan.advance(to);
  }
}
