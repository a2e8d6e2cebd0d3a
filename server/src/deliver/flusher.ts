import { setImmediate as turn } from "node:timers/promises";
import { gapFrame } from "./gap.ts";
import type { Interest } from "./interest.ts";
import type { Lane, Stretch } from "./lane.ts";
import type { Place } from "./place.ts";
import type { Subscriber } from "./subscriber.ts";
import { SeqRef, type TopicState } from "./topic-state.ts";

/** What the flusher asks of the engine around it. */
export interface FlusherPort {
  /** A hot client whose backlog left memory goes on from the log. */
  park(subscriber: Subscriber, place: Place, oldestMs: number): void;
  end(subscriber: Subscriber, error: "behind", detail: string): void;
}

/**
 * Moves hot lanes towards the head. While one flush runs the next batch gathers; the end of every
 * list is fixed when the flush begins, so that all who stand together get the same buffer; it runs
 * in slices with a turn of the event loop between them.
 */
export class Flusher {
  readonly #state: TopicState;
  readonly #port: FlusherPort;
  /** Lanes that have something to do, in the order in which they came. */
  #queue: Lane[] = [];
  /** Interests whose lanes come into the queue when the next flush begins. */
  #woken: Interest[] = [];
  /** Lanes that have not arrived at the end, queued or held: what eviction has to look at. */
  readonly #lagging = new Set<Lane>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  #flushedSeq = 0;
  #endSeq = 0;
  #stopped = false;

  constructor(state: TopicState, port: FlusherPort) {
    this.#state = state;
    this.#port = port;
  }

  /** Entries before it were offered to every lane. */
  get flushedSeq(): number {
    return this.#flushedSeq;
  }

  /** An interest has something new: its lanes come into the queue, once for all of a batch. */
  wake(interest: Interest): void {
    if (interest.isWoken || this.#stopped) return;
    interest.isWoken = true;
    this.#woken.push(interest);
    this.#running ??= this.#run();
  }

  queue(lane: Lane): void {
    if (lane.queued || this.#stopped) return;
    lane.queued = true;
    this.#lagging.add(lane);
    this.#queue.push(lane);
    this.#running ??= this.#run();
  }

  /** Resolves when the flush that runs is done. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Tells that the ring got entries, whether or not anybody wants them. */
  advance(): void {
    if (this.#running === undefined) {
      this.#flushedSeq = this.#state.ring.head;
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    // The reader's batch is pushed within this turn; the flush takes all of it.
    await turn();
    while (this.#queue.length > 0 || this.#woken.length > 0) {
      this.#queueWoken();
      const work = this.#queue;
      this.#queue = [];
      this.#endSeq = this.#state.ring.head;
      await this.#flush(work);
      this.#flushedSeq = this.#endSeq;
    }
    this.#flushedSeq = this.#state.ring.head;
    this.#running = undefined;
  }

  #queueWoken(): void {
    for (const interest of this.#woken.splice(0)) {
      interest.isWoken = false;
      for (const lane of interest.lanes.values()) this.queue(lane);
      for (const lane of interest.stragglers) this.queue(lane);
    }
  }

  async #flush(work: Lane[]): Promise<void> {
    let sliceStartMs = performance.now();
    for (let at = 0; at < work.length; at++) {
      const lane = work[at] as Lane;
      lane.queued = false;
      if (lane.members.size === 0) this.#drop(lane);
      else if (this.#step(lane, work)) this.#again(lane, work);
      if (performance.now() - sliceStartMs > this.#state.options.sliceMs) {
        await turn();
        sliceStartMs = performance.now();
      }
    }
  }

  #again(lane: Lane, work: Lane[]): void {
    if (lane.queued) return;
    lane.queued = true;
    work.push(lane);
  }

  /** Sends one stretch; answers whether the lane has more to send at once. */
  #step(lane: Lane, work: Lane[]): boolean {
    const nowMs = this.#state.now();
    const endSeq = this.#endSeq;
    const sole = lane.members.size === 1 ? lane.members.values().next().value : undefined;
    const room = sole?.room() ?? this.#state.options.writeBytesMax;
    if (lane.lostFrom === undefined && this.#isBehind(lane, nowMs, endSeq)) {
      if (lane.flow.whenBehind === "disconnect") {
        for (const member of [...lane.members]) {
          this.#port.end(member, "behind", "What was due to you is older than `behind_after`.");
        }
        return false;
      }
      if (room > 0) this.#fallBehind(lane, sole, nowMs, endSeq, work);
    } else if (lane.lostFrom !== undefined && room > 0) {
      this.#fallBehind(lane, sole, nowMs, endSeq, work);
    }
    if (lane.members.size === 0) {
      this.#drop(lane);
      return false;
    }
    const eventsMax = lane.bucket?.available(nowMs) ?? Number.POSITIVE_INFINITY;
    if (room === 0 || eventsMax === 0) {
      this.#hold(lane, nowMs, endSeq, room > 0);
      return false;
    }
    const stretch = lane.stretch(this.#state.ring, this.#state.broadcasts, {
      endSeq,
      bytesMax: Math.min(room, this.#state.options.writeBytesMax),
      eventsMax,
      keep: this.#kept(lane, endSeq),
    });
    this.#send(lane, stretch, nowMs, work);
    if (stretch.upTo < endSeq && lane.members.size > 0) {
      this.#lagging.add(lane);
      return true;
    }
    this.#arrive(lane);
    return false;
  }

  #send(lane: Lane, stretch: Stretch, nowMs: number, work: Lane[]): void {
    if (stretch.frames.length > 0) {
      const { ring, control, options } = this.#state;
      const frames = [...stretch.frames];
      if (nowMs - lane.lastCheckpointMs >= options.checkpointIntervalMs) {
        const place = ring.placeAt(stretch.upTo);
        if (place !== undefined) frames.push(control.checkpoint(lane.flow.encoding, place));
      }
      const bytes = frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
      const stragglers = this.#write(lane, bytes, stretch, nowMs);
      if (stragglers.length > 0) this.#split(lane, stragglers, work);
      if (frames.length > stretch.frames.length) lane.lastCheckpointMs = nowMs;
      lane.bucket?.take(stretch.entries.length, nowMs);
      for (const entry of stretch.entries) {
        this.#state.lag.observe(nowMs - entry.atMs, lane.members.size);
      }
    }
    this.#move(lane, stretch);
  }

  /** One write for each member; answers those whose socket does not take it now. */
  #write(lane: Lane, bytes: Buffer, stretch: Stretch, nowMs: number): Subscriber[] {
    const stragglers: Subscriber[] = [];
    const ref = new SeqRef(this.#state.ring, stretch.upTo);
    const oneFrame = stretch.frames.length === 1;
    for (const member of lane.members) {
      const room = member.room();
      if (room >= bytes.length || (room > 0 && oneFrame)) member.write(bytes, ref, nowMs);
      else stragglers.push(member);
    }
    return stragglers;
  }

  /** Members that a socket holds back go on alone from where the lane stood. */
  #split(lane: Lane, stragglers: readonly Subscriber[], work: Lane[]): void {
    for (const member of stragglers) {
      const own = lane.split();
      lane.members.delete(member);
      own.members.add(member);
      member.standing = { kind: "hot", lane: own };
      lane.interest.stragglers.add(own);
      this.#lagging.add(own);
      this.#again(own, work);
    }
  }

  #move(lane: Lane, stretch: Stretch): void {
    const trimmed = Math.max(0, lane.interest.first - lane.index);
    const matches = stretch.index - lane.index;
    this.#state.movements.advance(
      // Matches that the list has forgotten were not looked at: whoever stood there has lost them.
      stretch.upTo - lane.upTo + trimmed,
      {
        delivered: stretch.entries.length,
        empty: stretch.hidden,
        gap: stretch.superseded,
        unmatched: stretch.upTo - lane.upTo - matches - stretch.broadcasts,
      },
      lane.members.size,
    );
    lane.index = stretch.index;
    lane.upTo = stretch.upTo;
    if (lane.upTo >= lane.conflateUntilSeq) lane.conflateUntilSeq = -1;
  }

  #isBehind(lane: Lane, nowMs: number, endSeq: number): boolean {
    if (lane.conflateUntilSeq >= 0) return false;
    const next = lane.nextSeq(this.#state.broadcasts, endSeq);
    const entry = next < endSeq ? this.#state.ring.get(next) : undefined;
    return entry !== undefined && nowMs - entry.atMs > lane.flow.behindAfterMs;
  }

  /** Does what the policy says of a lane that is behind and whose socket takes a frame now. */
  #fallBehind(
    lane: Lane,
    sole: Subscriber | undefined,
    nowMs: number,
    endSeq: number,
    work: Lane[],
  ): void {
    const policy = lane.flow.whenBehind;
    if (policy === "wait" || policy === "disconnect") return;
    // A gap is written to each member alone, so that none passes it without having got it.
    if (sole === undefined) {
      const full = [...lane.members].filter((member) => member.room() === 0);
      this.#split(lane, full, work);
    }
    if (policy === "skip") {
      this.#skip(lane, endSeq, endSeq, nowMs);
      return;
    }
    // What has left the ring cannot be conflated any more.
    if (lane.lostFrom !== undefined) this.#skip(lane, this.#state.ring.tail, endSeq, nowMs);
    if (this.#isBehind(lane, nowMs, endSeq)) this.#conflate(lane, nowMs, endSeq);
  }

  /** Moves a lane to `toSeq`, behind a gap that tells of what it passes. */
  #skip(lane: Lane, toSeq: number, endSeq: number, nowMs: number): void {
    const { ring } = this.#state;
    const nextSeq = lane.nextSeq(this.#state.broadcasts, endSeq);
    const from = lane.lostFrom ?? ring.placeAt(nextSeq);
    const to = ring.placeAt(toSeq);
    if (from === undefined || to === undefined) return;
    const index = lane.interest.indexFrom(toSeq);
    const { hidden, casts } = this.#passed(lane, index, toSeq);
    const matches = index - lane.index;
    const count = matches + casts - hidden;
    lane.lostFrom = undefined;
    if (count > 0) {
      const cancels = lane.interest.lastCancelSeq >= lane.upTo || casts > 0;
      // Some of what is passed may have been counted by an earlier conflation.
      const exact = lane.conflateUntilSeq < 0;
      this.#writeGap(lane, { reason: "behind", from, to, count, exact, cancels }, toSeq, nowMs);
      this.#drops("behind", count * lane.members.size);
    }
    this.#state.movements.advance(
      toSeq - lane.upTo,
      { delivered: 0, gap: count, empty: hidden, unmatched: toSeq - lane.upTo - matches - casts },
      lane.members.size,
    );
    lane.index = index;
    lane.upTo = toSeq;
    if (lane.upTo >= lane.conflateUntilSeq) lane.conflateUntilSeq = -1;
  }

  /** Tells of all that a newer event of the same key replaces, and leaves the rest to be sent. */
  #conflate(lane: Lane, nowMs: number, endSeq: number): void {
    const { ring } = this.#state;
    const from = ring.placeAt(lane.nextSeq(this.#state.broadcasts, endSeq));
    const to = ring.placeAt(endSeq);
    if (from === undefined || to === undefined) return;
    lane.conflateUntilSeq = endSeq;
    const keep = this.#kept(lane, endSeq);
    const endIndex = lane.interest.indexFrom(endSeq);
    const { hidden } = this.#passed(lane, endIndex, endSeq);
    const count = endIndex - lane.index - hidden - (keep?.matches ?? 0);
    if (count === 0) return;
    const gap = { reason: "conflated", from, to, count, exact: true, cancels: false } as const;
    this.#writeGap(lane, gap, lane.upTo, nowMs);
    this.#drops("conflated", count * lane.members.size);
  }

  /** The matches of a lane that conflation keeps: the newest of each key, and whatever cancels. */
  #kept(lane: Lane, endSeq: number): (Set<number> & { matches: number }) | undefined {
    const latestBy = this.#state.stream.latestBy;
    if (lane.conflateUntilSeq < 0 || latestBy === undefined) return undefined;
    const seen = new Set<string>();
    const kept = Object.assign(new Set<number>(), { matches: 0 });
    for (let index = lane.interest.indexFrom(endSeq) - 1; index >= lane.index; index--) {
      const seq = lane.interest.seqAt(index);
      const entry = seq === undefined ? undefined : this.#state.ring.get(seq);
      if (seq === undefined || entry === undefined) break;
      if (entry.hidden) continue;
      const key = entry.cancels || seq >= lane.conflateUntilSeq ? undefined : latestBy(entry.event);
      if (key !== undefined && seen.has(key)) continue;
      if (key !== undefined) seen.add(key);
      kept.add(seq);
      kept.matches += 1;
    }
    for (const { seq } of this.#state.broadcasts) kept.add(seq);
    return kept;
  }

  #passed(lane: Lane, toIndex: number, endSeq: number): { hidden: number; casts: number } {
    let hidden = 0;
    const first = Math.max(lane.index, lane.interest.first);
    for (let index = first; index < toIndex; index++) {
      const seq = lane.interest.seqAt(index);
      if (seq !== undefined && this.#state.ring.get(seq)?.hidden === true) hidden += 1;
    }
    let casts = 0;
    for (const cast of this.#state.broadcasts) {
      if (cast.seq >= lane.upTo && cast.seq < endSeq && lane.interest.reads(cast)) casts += 1;
    }
    return { hidden, casts };
  }

  #writeGap(
    lane: Lane,
    gap: Parameters<typeof gapFrame>[0],
    seqBehind: number,
    nowMs: number,
  ): void {
    const { control, ring, stream } = this.#state;
    const frame = gapFrame(
      gap,
      { stream: stream.name, rules: lane.interest.filters.wire },
      (place) => control.cursor(place),
      true,
    );
    const bytes = control.gap(lane.flow.encoding, frame);
    const ref = new SeqRef(ring, seqBehind);
    for (const member of lane.members) member.write(bytes, ref, nowMs);
  }

  #drops(reason: string, count: number): void {
    this.#state.dropped.set(reason, (this.#state.dropped.get(reason) ?? 0) + count);
  }

  /** A lane that cannot send now: its socket or its rate wakes it. */
  #hold(lane: Lane, nowMs: number, endSeq: number, paced: boolean): void {
    if (lane.nextSeq(this.#state.broadcasts, endSeq) >= endSeq && lane.lostFrom === undefined) {
      this.#arrive(lane);
      return;
    }
    this.#lagging.add(lane);
    if (paced && lane.bucket !== undefined) this.#wakeAt(lane.bucket.readyAtMs(nowMs));
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#timerAtMs || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        for (const lane of this.#lagging) if (lane.bucket !== undefined) this.queue(lane);
      },
      Math.max(1, Math.ceil(atMs - this.#state.now())),
    );
  }

  /** A lane with nothing left to send joins the others of its flow that stand at the end. */
  #arrive(lane: Lane): void {
    const { ring, broadcasts: casts } = this.#state;
    if (lane.nextSeq(casts, ring.head) < ring.head) {
      // More came while the lane waited in this flush: it is due again in the next.
      this.queue(lane);
      return;
    }
    this.#lagging.delete(lane);
    const { interest } = lane;
    const main = interest.lanes.get(lane.flow.key);
    if (main === lane) return;
    if (main === undefined) {
      interest.stragglers.delete(lane);
      interest.lanes.set(lane.flow.key, lane);
      return;
    }
    const end = this.#state.ring.head;
    const broadcasts = this.#state.broadcasts;
    if (main.nextSeq(broadcasts, end) !== lane.nextSeq(broadcasts, end) || main.lostFrom) return;
    for (const member of lane.members) {
      main.members.add(member);
      member.standing = { kind: "hot", lane: main };
    }
    lane.members.clear();
    if (lane.bucket !== undefined) main.bucket?.join(lane.bucket);
    main.lastCheckpointMs = Math.min(main.lastCheckpointMs, lane.lastCheckpointMs);
    this.#drop(lane);
  }

  #drop(lane: Lane): void {
    this.#lagging.delete(lane);
    lane.interest.stragglers.delete(lane);
    if (lane.interest.lanes.get(lane.flow.key) === lane) lane.interest.lanes.delete(lane.flow.key);
  }

  /** Takes care of those who have not sent what is about to leave the ring. */
  beforeEviction(tail: number): void {
    const { ring, broadcasts } = this.#state;
    for (const lane of [...this.#lagging]) {
      if (lane.members.size === 0) {
        this.#drop(lane);
        continue;
      }
      const next = lane.nextSeq(broadcasts, ring.head);
      if (next >= tail || lane.lostFrom !== undefined) continue;
      const place = ring.placeAt(next);
      if (place === undefined) continue;
      if (lane.flow.whenBehind === "wait") {
        const oldestMs = ring.get(next)?.atMs ?? this.#state.now();
        for (const member of [...lane.members]) this.#port.park(member, place, oldestMs);
      } else if (lane.flow.whenBehind === "disconnect") {
        for (const member of [...lane.members]) {
          this.#port.end(member, "behind", "What was due to you is about to leave memory.");
        }
      } else {
        lane.lostFrom = place;
      }
    }
  }

  /** Removes a client from its lane. */
  leave(subscriber: Subscriber, lane: Lane): void {
    lane.members.delete(subscriber);
    if (lane.members.size === 0 && !lane.queued) this.#drop(lane);
  }

  /** Looks at the lanes that stand still, for their policy may have to act. */
  wakeLagging(): void {
    for (const lane of this.#lagging) this.queue(lane);
  }
}
