import { type ControlFrame, PenstockError } from "@penstock-dev/contract";
import { FilterIndex, type Filters } from "../filter/index.ts";
import type { Log } from "../log/index.ts";
import type { Stream } from "../streams/index.ts";
import { ClientWatch } from "./client-watch.ts";
import { ColdReader } from "./cold-reader.ts";
import { ControlFrames, controlFrame } from "./control-frames.ts";
import { publishLog } from "./diagnostics.ts";
import type { Flow } from "./flow.ts";
import { Flusher } from "./flusher.ts";
import { Intake } from "./intake.ts";
import type { Interest } from "./interest.ts";
import { Interests } from "./interests.ts";
import { LagHistogram } from "./lag-histogram.ts";
import { Lane } from "./lane.ts";
import { LiveReader } from "./live-reader.ts";
import { Movements } from "./movement.ts";
import type { Outlet } from "./outlet.ts";
import { ParkedClients } from "./parked-clients.ts";
import { type LogIdentity, laterOf, type Place } from "./place.ts";
import { type History, ReadableLog } from "./readable-log.ts";
import { Ring } from "./ring.ts";
import { ringEntrance } from "./ring-entrance.ts";
import { type Ending, Subscriber } from "./subscriber.ts";
import type { TokenBucket } from "./token-bucket.ts";
import type { Tombstones } from "./tombstones.ts";
import type { DeliverOptions, TopicState } from "./topic-state.ts";

/** Lanes that stand still are looked at this often: their policy may have to act. */
const LAGGING_WAKE_MS = 100;

/** When to come back to a process that lags. */
const LAGGING_RETRY_MS = 1000;

/** Who wants what, from where on. */
export interface Attachment {
  readonly outlet: Outlet;
  readonly clientId: string;
  readonly filters: Filters;
  readonly flow: Flow;
  readonly place: Place;
  readonly until: Place | undefined;
  readonly ended: (end: Ending) => void;
}

/**
 * The delivery engine of one topic: reads it once, finds who wants each entry, and moves everyone
 * who is attached towards the head, each at the speed of its socket and its rate.
 */
export class Fanout implements AsyncDisposable {
  readonly #state: TopicState;
  readonly #flusher: Flusher;
  readonly #cold: ColdReader;
  readonly #reader: LiveReader;
  readonly #interests: Interests;
  readonly #intake: Intake;
  readonly #parked: ParkedClients;
  readonly #subscribers = new Set<Subscriber>();
  readonly #watch: ClientWatch;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #identity: LogIdentity;
  #laggingWokenMs = 0;
  readonly #log: Log;
  readonly readable: ReadableLog;

  private constructor(init: {
    readonly stream: Stream;
    readonly topic: string;
    readonly log: Log;
    readonly readable: ReadableLog;
    readonly options: DeliverOptions;
    readonly now: () => number;
    readonly tombstones: Tombstones;
    readonly start: Place;
    readonly identity: LogIdentity;
  }) {
    this.#identity = init.identity;
    this.#log = init.log;
    this.readable = init.readable;
    this.#state = {
      stream: init.stream,
      topic: init.topic,
      ring: new Ring(init.options.ringBytes, init.start),
      index: new FilterIndex<Interest>(init.stream),
      broadcasts: [],
      tombstones: init.tombstones,
      control: new ControlFrames(() => this.#identity),
      movements: new Movements(),
      lag: new LagHistogram(),
      dropped: new Map(),
      options: init.options,
      now: init.now,
    };
    const { ring, index, options, now } = this.#state;
    this.#interests = new Interests({ index, ring, idleMs: options.interestIdleMs, now });
    this.#flusher = new Flusher(this.#state, {
      park: (subscriber, place) => this.#rejoin(subscriber, place),
      end: (subscriber, error, detail) => this.#end(subscriber, { error, detail }),
    });
    this.#cold = new ColdReader(this.#state, init.readable, {
      meet: (subscriber, seq, bucket) => this.#meet(subscriber, seq, bucket),
      lost: (subscriber, from, to) => this.#parked.tellLost(subscriber, from, to),
      park: (subscriber, parking) => this.#parked.park(subscriber, parking),
      reachedUntil: (subscriber, place) => {
        subscriber.standing = { kind: "gone", place };
        this.#end(subscriber, {
          error: undefined,
          detail: "The end that was asked for is reached.",
        });
      },
      more: () => this.#intake.more(),
      failed: (subscriber, caught) => {
        publishLog("error", "reading for a client failed", {
          client_id: subscriber.clientId,
          error: String(caught),
        });
        this.#end(subscriber, { error: "internal", detail: "The log could not be read." });
      },
    });
    this.#parked = new ParkedClients(this.#state, {
      isWaiting: (subscriber) =>
        this.#subscribers.has(subscriber) && !this.#cold.isJoining(subscriber),
      join: (subscriber, place, bucket) => this.#cold.join(subscriber, place, bucket, false),
      meetHead: (subscriber, bucket) => this.#meet(subscriber, ring.head, bucket),
      head: () => this.head(),
      end: (subscriber, error, detail) => this.#end(subscriber, { error, detail }),
    });
    const overtaken = (): void => this.#overtaken();
    this.#intake = new Intake(this.#state, this.#interests, this.#flusher, overtaken);
    this.#reader = new LiveReader(this.#state, init.log, this.#intake, init.readable);
    this.#watch = new ClientWatch(
      this.#state,
      {
        placeOf: (subscriber) => this.placeOf(subscriber),
        head: () => this.head(),
        isRead: (subscriber) =>
          subscriber.standing.kind === "cohort" || this.#cold.isJoining(subscriber),
        ready: (subscriber) => this.ready(subscriber),
        queue: (lane) => this.#flusher.queue(lane),
        end: (subscriber, ending) => this.#end(subscriber, ending),
      },
      (nowMs) => this.#looked(nowMs),
    );
    this.#running = this.#reader.run(this.#abort.signal);
  }

  /**
   * Opens the engine of a topic.
   *
   * @param init.tombstones all that were written before `from` was
   * @param init.from by partition, where it begins to read
   */
  static async open(init: {
    readonly stream: Stream;
    readonly topic: string;
    readonly log: Log;
    readonly history: History | undefined;
    readonly options: DeliverOptions;
    readonly now: () => number;
    readonly tombstones: Tombstones;
    readonly from: readonly number[];
  }): Promise<Fanout> {
    const { stream, topic, log, from: offsets } = init;
    const info = await log.describe(topic);
    const readable = new ReadableLog(log, init.history, stream, topic);
    const sources = [];
    for (const [partition, offset] of offsets.entries()) {
      sources.push(await readable.sourceBefore(partition, offset));
    }
    const identity = { stream: stream.name, topic, logId: info.logId, generation: info.generation };
    return new Fanout({ ...init, readable, start: { offsets, sources }, identity });
  }

  get identity(): LogIdentity {
    return this.#identity;
  }

  get stream(): Stream {
    return this.#state.stream;
  }

  get movements(): Movements {
    return this.#state.movements;
  }

  get lag(): LagHistogram {
    return this.#state.lag;
  }

  /** Matches that gap frames told of, by reason. */
  get dropped(): ReadonlyMap<string, number> {
    return this.#state.dropped;
  }

  get connections(): number {
    return this.#subscribers.size;
  }

  /** The next offset that the ring wants, by partition. */
  get position(): readonly number[] {
    return this.#reader.next;
  }

  /** Records that could not be read since the start. */
  get unreadable(): number {
    return this.#reader.unreadable;
  }

  /** Where the live end stands. */
  head(): Place {
    const { ring } = this.#state;
    return ring.placeAt(ring.head) as Place;
  }

  /**
   * Resolves when this process has read all that the log holds now, deletions among it.
   *
   * @throws PenstockError `overloaded` where that takes longer than `catchUpMs`
   */
  async refresh(): Promise<void> {
    const { topic, options } = this.#state;
    const heads = await this.#log.heads(topic);
    if (await this.#reader.reach(heads, options.catchUpMs)) return;
    throw new PenstockError("overloaded", "This process lags behind the log.", {
      retryAfterMs: LAGGING_RETRY_MS,
    });
  }

  cursor(place: Place): string {
    return this.#state.control.cursor(place);
  }

  attach(attachment: Attachment): Subscriber {
    const interest = this.#interests.take(attachment.filters);
    const subscriber = new Subscriber({
      outlet: attachment.outlet,
      clientId: attachment.clientId,
      interest,
      flow: attachment.flow,
      place: attachment.place,
      nowMs: this.#state.now(),
      until: attachment.until,
      ended: attachment.ended,
    });
    this.#subscribers.add(subscriber);
    this.#watch.add(subscriber);
    this.#enter(subscriber, attachment.place, undefined);
    return subscriber;
  }

  /** Takes a client out; its place stays known. */
  detach(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    this.#watch.remove(subscriber);
    this.#leave(subscriber);
    this.#interests.release(subscriber.interest);
  }

  /** Goes on with other filters, or another flow, from the place where the client stands. */
  change(subscriber: Subscriber, filters: Filters, flow: Flow): Place {
    const place = this.placeOf(subscriber);
    subscriber.carried = bucketOf(subscriber)?.at(flow.maxEventsPerSecond);
    this.#leave(subscriber);
    const interest = this.#interests.take(filters);
    this.#interests.release(subscriber.interest);
    subscriber.interest = interest;
    subscriber.flow = flow;
    return place;
  }

  /** Lets a client that `change` took out go on. */
  resume(subscriber: Subscriber, place: Place): void {
    const { carried } = subscriber;
    subscriber.carried = undefined;
    if (this.#subscribers.has(subscriber)) this.#enter(subscriber, place, carried);
  }

  /** Where a client stands: everything before it was delivered, told of, or not for it. */
  placeOf(subscriber: Subscriber): Place {
    const { standing } = subscriber;
    const { ring, broadcasts } = this.#state;
    if (standing.kind === "hot") {
      const { lane } = standing;
      return lane.lostFrom ?? ring.placeAt(lane.nextSeq(broadcasts, ring.head)) ?? this.head();
    }
    if (standing.kind === "cohort") {
      const { lane } = standing;
      return lane.skip === undefined ? lane.place : laterOf(lane.place, lane.skip);
    }
    return standing.kind === "parked" ? standing.parking.place : standing.place;
  }

  /** How long what is due to a client has been waiting, in milliseconds. */
  lagMs(subscriber: Subscriber): number {
    const { standing } = subscriber;
    const nowMs = this.#state.now();
    if (standing.kind === "parked") return Math.max(0, nowMs - standing.parking.oldestMs);
    if (standing.kind !== "hot") return 0;
    const { ring, broadcasts } = this.#state;
    const entry = ring.get(standing.lane.nextSeq(broadcasts, ring.head));
    return entry === undefined ? 0 : Math.max(0, nowMs - entry.atMs);
  }

  /** Sends a control frame at the client's place in the stream. */
  control(subscriber: Subscriber, frame: ControlFrame): void {
    const bytes = controlFrame(subscriber.outlet.encoding, frame);
    const place = this.placeOf(subscriber);
    if (!subscriber.control(bytes, { place: () => place }, this.#state.now())) {
      this.#end(subscriber, {
        error: "protocol_error",
        detail: "Too many frames wait for an answer.",
      });
    }
  }

  /** The client's socket takes more. */
  ready(subscriber: Subscriber): void {
    subscriber.flushWaiting(this.#state.now());
    const { standing } = subscriber;
    if (standing.kind === "hot") this.#flusher.queue(standing.lane);
    else if (standing.kind === "parked") this.#parked.wake(subscriber, standing.parking);
  }

  /** The checkpoint that precedes a close. */
  lastCheckpoint(subscriber: Subscriber): Buffer {
    return this.#state.control.checkpoint(subscriber.outlet.encoding, this.placeOf(subscriber));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#intake.stop();
    await this.#running;
    await this.#flusher.idle();
    this.#flusher.stop();
    this.#cold.stop();
    this.#watch.stop();
    this.#interests.stop();
  }

  /** Resolves when what is in the ring was offered to every lane. */
  async flushed(): Promise<void> {
    await this.#flusher.idle();
  }

  #enter(subscriber: Subscriber, place: Place, bucket: TokenBucket | undefined): void {
    const seq =
      subscriber.until === undefined
        ? ringEntrance(this.#state, subscriber.interest, place)
        : undefined;
    if (seq === undefined) this.#cold.join(subscriber, place, bucket, true);
    else this.#meet(subscriber, seq, bucket);
  }

  #leave(subscriber: Subscriber): void {
    const place = this.placeOf(subscriber);
    const { standing } = subscriber;
    this.#cold.leave(subscriber);
    if (standing.kind === "hot") this.#flusher.leave(subscriber, standing.lane);
    subscriber.standing = { kind: "gone", place };
  }

  /** Puts a client among the hot ones at a sequence of the ring. */
  #meet(subscriber: Subscriber, seq: number, bucket: TokenBucket | undefined): void {
    const { interest, flow } = subscriber;
    const { ring, broadcasts } = this.#state;
    const lane = new Lane(interest, flow, interest.indexFrom(seq), seq, this.#state.now());
    if (bucket !== undefined) lane.bucket?.join(bucket);
    const main = interest.lanes.get(flow.key);
    // Whoever comes has been held back by nothing, and told of nothing that was left out.
    const together =
      main !== undefined &&
      main.lostFrom === undefined &&
      main.conflateUntilSeq < 0 &&
      !main.isHeld &&
      main.nextSeq(broadcasts, ring.head) === lane.nextSeq(broadcasts, ring.head);
    const target = together ? main : lane;
    if (together && lane.bucket !== undefined) target.bucket?.join(lane.bucket);
    target.add(subscriber);
    if (subscriber.catchingUp) {
      subscriber.catchingUp = false;
      subscriber.startLagMs = 0;
      const place = ring.placeAt(seq) ?? this.head();
      const bytes = this.#state.control.caughtUp(flow.encoding, place);
      subscriber.control(bytes, { place: () => place }, this.#state.now());
    }
    if (together) return;
    if (main === undefined) interest.lanes.set(flow.key, lane);
    else interest.stragglers.add(lane);
    this.#flusher.queue(lane);
  }

  /** A hot client goes on from the log. */
  #rejoin(subscriber: Subscriber, place: Place): void {
    const { standing } = subscriber;
    const bucket = bucketOf(subscriber)?.copy();
    if (standing.kind === "hot") this.#flusher.leave(subscriber, standing.lane);
    this.#cold.join(subscriber, place, bucket, false);
  }

  #end(subscriber: Subscriber, ending: Ending): void {
    if (!this.#subscribers.has(subscriber)) return;
    this.detach(subscriber);
    subscriber.ended(ending);
  }

  /** The log has let go of what was not read yet: whoever is hot is told so where the log is read for him. */
  #overtaken(): void {
    for (const subscriber of this.#subscribers)
      if (subscriber.standing.kind === "hot") this.#rejoin(subscriber, this.placeOf(subscriber));
  }

  /** Lanes that stand still are looked at now and then. */
  #looked(nowMs: number): void {
    if (nowMs - this.#laggingWokenMs < LAGGING_WAKE_MS && nowMs >= this.#laggingWokenMs) return;
    this.#laggingWokenMs = nowMs;
    this.#flusher.wakeLagging();
  }
}

/** What a client's rate allows it still; undefined where it has none. */
function bucketOf({ standing }: Subscriber): TokenBucket | undefined {
  if (standing.kind === "hot" || standing.kind === "cohort") return standing.lane.bucket;
  return standing.kind === "parked" ? standing.parking.bucket : undefined;
}
