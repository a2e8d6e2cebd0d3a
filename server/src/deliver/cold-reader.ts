import { performance } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { PenstockError } from "@penstock-dev/contract";
import { ColdLane } from "./cold-lane.ts";
import { type Batch, ColdScan } from "./cold-scan.ts";
import { ColdSender } from "./cold-sender.ts";
import { covers, laterOf, offsetsBetween, type Place } from "./place.ts";
import type { ReadableLog } from "./readable-log.ts";
import { RegionCache } from "./region-cache.ts";
import type { Parking, Subscriber } from "./subscriber.ts";
import type { TopicState } from "./topic-state.ts";

/** Clients this many offsets apart are read for by one scan; farther ones get a scan of their own. */
const SCAN_SPAN_OFFSETS = 20_000;

/** Members of a cold lane: what is written to within one slice. */
const LANE_MEMBERS_MAX = 256;

/**
 * Whoever comes this soon behind the start of a scan from near the same place waits, in milliseconds,
 * and is read for by the next with all others: a thousand who come back within a second are read for
 * twice, and not by as many scans as there may be.
 */
const SCAN_SPACING_MS = 1000;

/** Scans that run at once: more would only take turns from each other. */
const SCANS_MAX = 8;

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

interface Joining {
  readonly subscriber: Subscriber;
  readonly place: Place;
  readonly bucket: ColdLane["bucket"];
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

  /** Begins to read for a client from a place on. */
  join(subscriber: Subscriber, place: Place, bucket: ColdLane["bucket"]): void {
    this.#joining.set(subscriber, { subscriber, place, bucket });
    subscriber.standing = {
      kind: "parked",
      parking: { place, oldestMs: this.#state.now(), readyAtMs: undefined, bucket },
    };
    this.#gather();
  }

  leave(subscriber: Subscriber): void {
    this.#joining.delete(subscriber);
    this.#held.delete(subscriber);
    if (subscriber.standing.kind !== "cohort") return;
    const { lane } = subscriber.standing;
    lane.members.delete(subscriber);
    if (lane.members.size === 0) this.#removeLane(lane);
  }

  /** Whether the client is about to join a cohort: nothing needs to wake it. */
  isJoining(subscriber: Subscriber): boolean {
    return this.#joining.has(subscriber) || this.#held.has(subscriber);
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

  #place(): void {
    const lanes = this.#lanes().sort((a, b) => total(a.place) - total(b.place));
    for (const lane of lanes) {
      let scan = [...this.#scans].find((known) => near(known, lane.place));
      // A batch that is being sent was matched without whoever comes now.
      if (scan?.isSending === true || (scan === undefined && this.#scans.size >= SCANS_MAX)) {
        putBack(lane, this.#joining);
        continue;
      }
      if (scan === undefined) {
        const next = this.#nextStartMs(lane);
        if (next !== undefined) {
          putBack(lane, this.#held);
          this.#heldUntilMs = Math.min(this.#heldUntilMs, next);
          continue;
        }
        const start = startFor(lanes, lane);
        scan = new ColdScan(this.#state, this.#regions.reader(), start);
        this.#scans.add(scan);
        void this.#run(scan);
      }
      scan.add(lane);
      this.#scanOf.set(lane, scan);
      for (const member of lane.members) member.standing = { kind: "cohort", lane };
    }
  }

  /** When a scan may begin for a lane, where one has just begun near it and still runs. */
  #nextStartMs(lane: ColdLane): number | undefined {
    let next: number | undefined;
    for (const { start, startedMs } of this.#scans) {
      if (Math.abs(total(start) - total(lane.place)) > SCAN_SPAN_OFFSETS) continue;
      if (performance.now() - startedMs >= SCAN_SPACING_MS) continue;
      next = Math.max(next ?? 0, startedMs + SCAN_SPACING_MS);
    }
    return next;
  }

  /** Lets those go on who were held for a scan that has had its time, or has ended. */
  #release(): void {
    for (const [subscriber, joining] of this.#held) this.#joining.set(subscriber, joining);
    this.#held.clear();
    this.#heldUntilMs = Number.POSITIVE_INFINITY;
  }

  /** A lane for each group that joins with the same interest, flow and place. */
  #lanes(): ColdLane[] {
    const lanes: ColdLane[] = [];
    const groups = new Map<unknown, Map<string, ColdLane>>();
    const joining = [...this.#joining.values()];
    this.#joining.clear();
    for (const { subscriber, place, bucket } of joining) {
      const { interest, flow, until } = subscriber;
      const byFlow = groups.get(interest) ?? new Map<string, ColdLane>();
      groups.set(interest, byFlow);
      const key = `${flow.key} ${place.offsets.join(",")}`;
      let lane = until === undefined ? byFlow.get(key) : undefined;
      if (lane === undefined || lane.members.size >= LANE_MEMBERS_MAX) {
        const nowMs = this.#state.now();
        lane = new ColdLane({ interest, flow, place, until, bucket: bucket?.copy(), nowMs });
        lanes.push(lane);
        if (until === undefined) byFlow.set(key, lane);
      } else if (bucket !== undefined) {
        lane.bucket?.join(bucket);
      }
      lane.members.add(subscriber);
    }
    return lanes;
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
    while (!this.#stopped && !scan.isEmpty) {
      const batch = await scan.next(cut);
      if (batch === undefined) break;
      await this.#send(scan, batch);
      scan.advance(batch);
      this.#letJoin();
      this.#endThoseWhoAreDone(scan);
      await turn();
    }
    // Who was further ahead in another process meets the ring where this one has come as far.
    if (cutSeq >= ring.tail && covers(cut, scan.place)) await this.#meet(scan, cutSeq);
    this.#endThoseWhoAreDone(scan);
    // Who is left has been further ahead elsewhere, or reads to an end that has not come yet.
    if (!scan.isEmpty && ring.head === cutSeq) await this.#port.more();
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
    for (const lane of [...scan.lanes()]) {
      if (lane.until === undefined || !covers(scan.place, lane.until)) continue;
      for (const member of [...lane.members]) {
        this.leave(member);
        this.#port.reachedUntil(member, lane.until);
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
    scan.place = to;
    for (const lane of scan.lanes()) {
      lane.passedBy(to);
      lane.place = to;
    }
  }
}

function total(place: Place): number {
  let sum = 0;
  for (const offset of place.offsets) sum += offset;
  return sum;
}

/** The members of a lane wait to join, as they came. */
function putBack(lane: ColdLane, waiting: Map<Subscriber, Joining>): void {
  const { place, bucket } = lane;
  for (const subscriber of lane.members) waiting.set(subscriber, { subscriber, place, bucket });
}

function near(scan: ColdScan, place: Place): boolean {
  return scan.admits(place) && offsetsBetween(scan.place, place) <= SCAN_SPAN_OFFSETS;
}

/** Where a scan must begin to serve a lane, and the others near it that wait for one. */
function startFor(lanes: readonly ColdLane[], first: ColdLane): Place {
  let start = first.place;
  for (const lane of lanes) {
    if (Math.abs(total(lane.place) - total(first.place)) > SCAN_SPAN_OFFSETS) continue;
    if (lane.members.values().next().value?.standing.kind === "cohort") continue;
    start = earlierOf(start, lane.place);
  }
  return start;
}

/** The earlier of two places in each partition; a reader that starts there looks for the sources. */
function earlierOf(a: Place, b: Place): Place {
  const offsets = a.offsets.map((offset, partition) => Math.min(offset, b.offsets[partition] ?? 0));
  const sources = offsets.map((offset, partition) =>
    offset === a.offsets[partition] ? a.sources[partition] : b.sources[partition],
  );
  return { offsets, sources };
}
