import { performance } from "node:perf_hooks";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { BehindPolicy } from "./behind-policy.ts";
import type { Interest } from "./interest.ts";
import type { Lane, Stretch } from "./lane.ts";
import { type Delivered, type Delivery, LaneWriter } from "./lane-writer.ts";
import { PacedLanes } from "./paced-lanes.ts";
import type { Place } from "./place.ts";
import type { Subscriber } from "./subscriber.ts";
import { SeqRef, type TopicState } from "./topic-state.ts";

/** What the flusher asks of the engine around it. */
export interface FlusherPort {
  /** A hot client whose backlog left memory goes on from the log. */
  park(subscriber: Subscriber, place: Place): void;
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
  readonly #behind: BehindPolicy;
  readonly #writer: LaneWriter;
  readonly #paced: PacedLanes;
  /** Lanes that have something to do, in the order in which they came. */
  #queue: Lane[] = [];
  /** Interests whose lanes come into the queue when the next flush begins. */
  #woken: Interest[] = [];
  /** Lanes that have not arrived at the end, queued or held: what eviction has to look at. */
  readonly #lagging = new Set<Lane>();
  #running: Promise<void> | undefined;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #flushedSeq = 0;
  #endSeq = 0;
  /** The largest checkpoint so far: room that is kept for one that is due. */
  #checkpointBytes = 0;
  #stopped = false;

  constructor(state: TopicState, port: FlusherPort) {
    this.#state = state;
    this.#port = port;
    this.#behind = new BehindPolicy(state);
    this.#writer = new LaneWriter(state, (lane) => this.#lagging.add(lane));
    this.#paced = new PacedLanes(state.now, (lane) => this.queue(lane));
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
    this.#paced.stop();
  }

  async #run(): Promise<void> {
    // The reader's batch is pushed within this turn; the flush takes all of it.
    await turn();
    while (this.#queue.length > 0 || this.#woken.length > 0) {
      await this.#interval();
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

  /** Where `flush_interval` is set, flushes begin that far apart, and not before. */
  async #interval(): Promise<void> {
    const { flushIntervalMs } = this.#state.options;
    if (flushIntervalMs === 0) return;
    const waitMs = this.#lastFlushMs + flushIntervalMs - performance.now();
    if (waitMs > 0 && !this.#stopped) await sleep(waitMs);
    this.#lastFlushMs = performance.now();
  }

  #queueWoken(): void {
    const woken = this.#woken;
    this.#woken = [];
    for (const interest of woken) {
      interest.isWoken = false;
      for (const lane of interest.lanes.values()) if (!lane.isBlocked) this.queue(lane);
      for (const lane of interest.stragglers) this.queue(lane);
    }
  }

  async #flush(work: Lane[]): Promise<void> {
    let sliceStartMs = performance.now();
    for (let at = 0; at < work.length; at++) {
      const lane = work[at] as Lane;
      lane.queued = false;
      if (lane.members.length === 0) {
        this.#drop(lane);
        continue;
      }
      const step = this.#step(lane, work);
      if (step !== undefined) await step;
      if (performance.now() - sliceStartMs > this.#state.options.sliceMs) {
        await turn();
        sliceStartMs = performance.now();
      }
    }
  }

  #again(lane: Lane, work: Lane[]): void {
    if (lane.queued) return;
    lane.queued = true;
    this.#lagging.add(lane);
    work.push(lane);
  }

  /** Sends a gap or one stretch, whichever is due; a promise only where it takes several slices. */
  #step(lane: Lane, work: Lane[]): Promise<void> | undefined {
    const nowMs = this.#state.now();
    const endSeq = this.#endSeq;
    this.#unblock(lane);
    const sole = lane.members.length === 1 ? lane.members[0] : undefined;
    const room = sole?.room() ?? this.#state.options.writeBytesMax;
    if (
      lane.flow.whenBehind === "disconnect" &&
      (lane.lostFrom !== undefined || this.#behind.isBehind(lane, nowMs, endSeq))
    ) {
      for (const member of [...lane.members])
        this.#port.end(member, "behind", "What was due to you is older than `behind_after`.");
      return undefined;
    }
    const gap = room > 0 ? this.#behind.due(lane, nowMs, endSeq) : undefined;
    if (gap !== undefined) return this.#deliver(lane, gap, nowMs, work);
    const eventsMax = lane.bucket?.available(nowMs) ?? Number.POSITIVE_INFINITY;
    if (room === 0 || eventsMax === 0) {
      this.#hold(lane, nowMs, room === 0);
      return undefined;
    }
    const bytesMax = Math.min(room, this.#state.options.writeBytesMax);
    const isMarked = nowMs - lane.lastCheckpointMs >= this.#state.options.checkpointIntervalMs;
    const stretch = lane.stretch(this.#state.ring, this.#state.broadcasts, {
      endSeq,
      bytesMax: isMarked ? bytesMax - this.#checkpointBytes : bytesMax,
      eventsMax,
    });
    const delivery = this.#deliveryOf(lane, stretch, nowMs, isMarked ? bytesMax : undefined);
    if (stretch.frames.length > 0) return this.#deliver(lane, delivery, nowMs, work);
    delivery.land(lane);
    delivery.count(lane.members.length);
    this.#goOn(lane, work);
    return undefined;
  }

  /** @param markedMax what it may hold with a checkpoint; undefined where none is due */
  #deliveryOf(
    lane: Lane,
    stretch: Stretch,
    nowMs: number,
    markedMax: number | undefined,
  ): Delivery {
    const { ring, movements, lag } = this.#state;
    const { entries, index, upTo, broadcasts } = stretch;
    const checkpoint =
      markedMax === undefined ? undefined : this.#checkpointBehind(lane, stretch, markedMax);
    const frames = checkpoint === undefined ? stretch.frames : [...stretch.frames, checkpoint];
    const bytes = frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
    // Matches that the list has forgotten were not looked at: whoever stood there has lost them.
    const trimmed = Math.max(0, lane.interest.first - lane.index);
    const passed = upTo - lane.upTo;
    const move = {
      delivered: entries.length,
      empty: stretch.hidden,
      gap: stretch.superseded,
      unmatched: passed - (index - lane.index) - broadcasts,
    };
    return {
      bytes,
      events: entries.length,
      isOneFrame: stretch.frames.length === 1,
      ref: new SeqRef(ring, upTo),
      land: (landing) => {
        landing.index = index;
        landing.moveTo(upTo);
        if (checkpoint !== undefined) landing.lastCheckpointMs = nowMs;
        landing.bucket?.take(entries.length, nowMs);
      },
      count: (clients) => {
        movements.advance(passed + trimmed, move, clients);
        for (const entry of entries) lag.observe(nowMs - entry.atMs, clients);
      },
    };
  }

  /** Undefined where it does not fit any more: a socket would refuse both, again and again. */
  #checkpointBehind(lane: Lane, stretch: Stretch, bytesMax: number): Buffer | undefined {
    const { ring, control } = this.#state;
    const place = stretch.frames.length === 0 ? undefined : ring.placeAt(stretch.upTo);
    if (place === undefined) return undefined;
    const checkpoint = control.checkpoint(lane.flow.encoding, place);
    this.#checkpointBytes = Math.max(this.#checkpointBytes, checkpoint.length);
    const fits = stretch.frames.length === 1 || stretch.bytes + checkpoint.length <= bytesMax;
    return fits ? checkpoint : undefined;
  }

  #deliver(lane: Lane, delivery: Delivery, nowMs: number, work: Lane[]): Promise<void> | undefined {
    const delivered = this.#writer.deliver(lane, delivery, nowMs);
    if (!(delivered instanceof Promise)) {
      this.#delivered(lane, delivered, work);
      return undefined;
    }
    return delivered.then((done) => this.#delivered(lane, done, work));
  }

  #delivered(from: Lane, { lane, held }: Delivered, work: Lane[]): void {
    for (const own of held) this.#again(own, work);
    if (lane !== from) this.#drop(from);
    if (lane.members.length === 0) {
      this.#drop(lane);
      return;
    }
    // Its members may have left while it was written to, and others have come.
    const { interest, flow } = lane;
    if (interest.lanes.get(flow.key) !== lane) interest.stragglers.add(lane);
    this.#goOn(lane, work);
  }

  #goOn(lane: Lane, work: Lane[]): void {
    if (lane.upTo < this.#endSeq) this.#again(lane, work);
    else this.#arrive(lane);
  }

  /** A lane that cannot send now: its socket or its rate wakes it. */
  #hold(lane: Lane, nowMs: number, isSocketFull: boolean): void {
    if (
      lane.nextSeq(this.#state.broadcasts, this.#endSeq) >= this.#endSeq &&
      lane.lostFrom === undefined
    ) {
      this.#arrive(lane);
      return;
    }
    this.#lagging.add(lane);
    lane.isHeld = true;
    if (isSocketFull) this.#block(lane);
    else if (lane.bucket !== undefined) this.#paced.wakeAt(lane, lane.bucket.readyAtMs(nowMs));
  }

  #block(lane: Lane): void {
    lane.isBlocked = true;
    lane.interest.stragglers.delete(lane);
  }

  #unblock(lane: Lane): void {
    if (!lane.isBlocked) return;
    lane.isBlocked = false;
    const { interest, flow } = lane;
    if (interest.lanes.get(flow.key) !== lane) interest.stragglers.add(lane);
  }

  /** A lane with nothing left to send joins the others of its flow that stand at the end. */
  #arrive(lane: Lane): void {
    const { ring, broadcasts } = this.#state;
    const end = ring.head;
    if (lane.nextSeq(broadcasts, end) < end) {
      // More came while the lane waited in this flush: it is due again in the next.
      this.queue(lane);
      return;
    }
    this.#lagging.delete(lane);
    lane.isHeld = false;
    const { interest } = lane;
    const main = interest.lanes.get(lane.flow.key);
    if (main === lane) return;
    if (main === undefined) {
      interest.stragglers.delete(lane);
      interest.lanes.set(lane.flow.key, lane);
      return;
    }
    if (main.lostFrom !== undefined || main.nextSeq(broadcasts, end) < end) return;
    for (const member of lane.members) main.add(member);
    lane.members.length = 0;
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
      if (lane.members.length === 0) {
        if (!lane.queued) this.#drop(lane);
        continue;
      }
      const next = lane.nextSeq(broadcasts, ring.head);
      if (next >= tail || lane.lostFrom !== undefined) continue;
      const place = ring.placeAt(next);
      if (place === undefined) continue;
      this.#lose(lane, place);
    }
  }

  #lose(lane: Lane, place: Place): void {
    if (lane.flow.whenBehind === "wait") {
      for (const member of [...lane.members]) this.#port.park(member, place);
    } else if (lane.flow.whenBehind === "disconnect") {
      for (const member of [...lane.members]) {
        this.#port.end(member, "behind", "What was due to you is about to leave memory.");
      }
    } else {
      lane.lostFrom = place;
      // Until its socket takes the gap, it has nothing left that eviction could take from it.
      if (lane.isBlocked) this.#lagging.delete(lane);
    }
  }

  /** Removes a client from its lane. */
  leave(subscriber: Subscriber, lane: Lane): void {
    lane.remove(subscriber);
    if (lane.members.length === 0 && !lane.queued) this.#drop(lane);
  }

  /** Looks at the lanes that stand still, for their policy may have to act. */
  wakeLagging(): void {
    for (const lane of this.#lagging) {
      if (!lane.isBlocked || lane.flow.whenBehind === "disconnect") this.queue(lane);
    }
  }
}
