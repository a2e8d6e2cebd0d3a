import {
  CLOSE,
  type ControlFrame,
  decodeCursor,
  PenstockError,
  type Start,
} from "@penstock-dev/contract";
import type { Grant } from "../access/index.ts";
import type { Filters } from "../filter/index.ts";
import { acknowledge } from "./acknowledgement.ts";
import { checkFrame, readAck, readUpdateFilters } from "./client-frame.ts";
import type { ConnectionLag } from "./connection-lag.ts";
import type { ConnectionEnd, ConnectionFacts } from "./connection-log.ts";
import { controlFrame } from "./control-frames.ts";
import type { Delivery } from "./delivery.ts";
import type { Fanout } from "./fanout.ts";
import { type Flow, makeFlow } from "./flow.ts";
import type { Outlet } from "./outlet.ts";
import { offsetsBetween, type Place, placeOf } from "./place.ts";
import type { SessionRecord } from "./session.ts";
import {
  clampedFrame,
  errorFrame,
  type Greeting,
  helloFrame,
  sessionHelloFrame,
  subscribedFrame,
} from "./session-frames.ts";
import { readSubscribeRequest } from "./subscribe-request.ts";
import type { Ending, Subscriber } from "./subscriber.ts";

/** A session that a client wants. */
export interface Wanted {
  readonly session: SessionRecord;
  /** Where the client says that it stands, if it does. */
  readonly start?: Start | undefined;
}

const NO_PLACE = { place: () => undefined };

/**
 * One connection, on whatever transport: says hello, takes a subscription, answers the client's
 * frames, and ends with an error that says what to do. A transport hands it what it hears.
 */
export class StreamConnection {
  readonly #delivery: Delivery;
  readonly #outlet: Outlet;
  readonly #grant: Grant;
  #session: SessionRecord | undefined;
  #fanout: Fanout | undefined;
  #subscriber: Subscriber | undefined;
  /** Subscribing takes some turns; frames that come meanwhile wait for it. */
  #busy: Promise<void> | undefined;
  #subscribing = false;
  #over = false;

  constructor(delivery: Delivery, outlet: Outlet, grant: Grant) {
    this.#delivery = delivery;
    this.#outlet = outlet;
    this.#grant = grant;
    delivery.connections.add(this);
  }

  get session(): SessionRecord | undefined {
    return this.#session;
  }

  get isSubscribed(): boolean {
    return this.#subscribing || this.#subscriber !== undefined;
  }

  get transport(): string {
    return this.#outlet.encoding.name;
  }

  /** Resolves when what was begun so far is done. */
  get settled(): Promise<void> {
    return this.#busy ?? Promise.resolve();
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Says hello before there is a session: the first frame of `/stream/ws`. */
  hello(): void {
    this.#send(helloFrame(this.#greeting));
  }

  /**
   * Begins to stream a session. What the client says meanwhile comes behind that.
   *
   * @param find gives the session; what it throws ends the connection, and says why
   */
  open(find: () => Promise<Wanted>): Promise<void> {
    this.#subscribing = true;
    return this.#next(async () => {
      const { session, start } = await find();
      await this.#open(session, start, true);
    }, this.fail);
  }

  /** Does something once all before it is done, and keeps nothing when there is no more to do. */
  #next(step: () => Promise<void>, failed: (error: PenstockError) => void): Promise<void> {
    const before = this.#busy ?? Promise.resolve();
    const busy = before
      .then(step)
      .catch((caught: unknown) => failed.call(this, PenstockError.from(caught)))
      .then(() => {
        if (this.#busy === busy) this.#busy = undefined;
      });
    this.#busy = busy;
    return busy;
  }

  /** @param greet whether `hello` is still due */
  async #open(known: SessionRecord, start: Start | undefined, greet: boolean): Promise<void> {
    const delivery = this.#delivery;
    // A start that cannot be takes nobody's session over.
    if (start !== undefined) await delivery.find(known, start);
    if (this.#over) {
      delivery.handover.unused(known);
      return;
    }
    let session: SessionRecord | undefined;
    try {
      session = await delivery.handover.claim(known, this);
      await this.#begin(session, start, greet);
    } finally {
      delivery.handover.opened(known.id, session, this);
    }
  }

  async #begin(session: SessionRecord, start: Start | undefined, greet: boolean): Promise<void> {
    const delivery = this.#delivery;
    const stream = delivery.stream(session.stream);
    const fanout = delivery.fanout(stream, session.finality);
    const filters = delivery.filtersOf(session, this.#grant.limits);
    const isFirst = session.connectedAtMs === undefined && start === undefined;
    const found = await delivery.find(session, start ?? { cursor: session.position });
    const until =
      session.until === undefined
        ? undefined
        : placeOf(decodeCursor(session.until), await fanout.readable.floors());
    if (this.#over) return;
    this.#session = session;
    this.#fanout = fanout;
    // What many sessions have in common is one text, and one list of rules for it and the engine.
    session.position = fanout.cursor(found.place);
    session.rules = filters.wire;
    delivery.handover.begin(session, this);
    const oldest = greet ? (found.floors ?? (await fanout.readable.floors())) : undefined;
    if (this.#over) return;
    const flow = this.#flow(session);
    const resume =
      found.clampedFrom !== undefined ? "gap" : isFirst && !session.resumes ? "none" : "full";
    const frames: ControlFrame[] = [];
    if (oldest !== undefined)
      frames.push(sessionHelloFrame(session, fanout, oldest, this.#greeting));
    const understood = { rules: filters.wire, flow, limits: this.#grant.limits };
    const cursor = fanout.cursor(found.place);
    frames.push(subscribedFrame(session, understood, { cursor, resume }));
    if (found.clampedFrom !== undefined)
      frames.push(clampedFrame(fanout, filters.wire, found.clampedFrom, found.place));
    this.#send(...frames);
    this.#subscriber = fanout.attach({
      outlet: this.#outlet,
      clientId: session.clientId,
      filters,
      flow,
      place: found.place,
      until,
      ended: (ending) => this.#ended(ending),
    });
    this.#subscriber.acknowledged = undefined;
    delivery.log.connected(this.#facts(), resume);
  }

  #facts(): ConnectionFacts {
    const session = this.#session;
    return {
      transport: this.transport,
      clientId: this.#grant.clientId,
      sessionId: session?.id,
      stream: session?.stream,
    };
  }

  get #greeting(): Greeting {
    const { heartbeatIntervalMs } = this.#delivery.options;
    return { heartbeatIntervalMs, limits: this.#grant.limits };
  }

  #flow(session: SessionRecord): Flow {
    const rates = [session.maxEventsPerSecond, this.#grant.limits.max_events_per_second].filter(
      (rate) => rate !== null,
    );
    return makeFlow({
      encoding: this.#outlet.encoding,
      whenBehind: session.whenBehind,
      behindAfterMs: this.#delivery.options.behindAfterMs,
      maxEventsPerSecond: rates.length === 0 ? undefined : Math.min(...rates),
    });
  }

  /** Takes one frame of the client, already parsed. */
  receive(frame: unknown): void {
    void this.#next(() => this.#receive(frame), this.#refuse);
  }

  async #receive(frame: unknown): Promise<void> {
    if (this.#over) return;
    if (typeof frame !== "object" || frame === null || !("type" in frame)) {
      throw new PenstockError("protocol_error", "A frame is a JSON object with a `type`.");
    }
    const { type, ...body } = frame as { type: unknown };
    if (type === "subscribe") await this.#subscribe(body);
    else if (type === "update_filters") await this.#updateFilters(body);
    else if (type === "ack") this.#acknowledge(body);
    else if (type === "heartbeat") {
      checkFrame("heartbeat", body);
      this.#answer({ type: "heartbeat" });
    } else if (type === "auth") checkFrame("auth", body);
    else {
      const known = "subscribe, update_filters, heartbeat, ack, auth";
      const named = typeof type === "string" ? JSON.stringify(type.slice(0, 100)) : "of that kind";
      throw new PenstockError(
        "protocol_error",
        `There is no frame type ${named}; there are ${known}.`,
      );
    }
  }

  async #subscribe(body: object): Promise<void> {
    if (this.isSubscribed) {
      throw new PenstockError(
        "already_subscribed",
        "This connection has a subscription: use `update_filters`.",
      );
    }
    this.#subscribing = true;
    try {
      const session = await this.#delivery.subscribe(readSubscribeRequest(body), this.#grant, {
        connects: true,
      });
      await this.#open(session, undefined, false);
    } catch (caught) {
      this.fail(PenstockError.from(caught));
    }
  }

  async #updateFilters(body: object): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#subscriber === undefined) {
      throw new PenstockError("not_subscribed", "Send `subscribe` before `update_filters`.");
    }
    await this.#delivery.change(session, readUpdateFilters(body), this.#grant);
  }

  /** The session was changed: goes on with it from where the client stands. */
  changed(filters: Filters | undefined): void {
    const session = this.#session;
    const subscriber = this.#subscriber;
    const fanout = this.#fanout;
    if (session === undefined || subscriber === undefined || fanout === undefined || this.#over)
      return;
    const used = filters ?? subscriber.interest.filters;
    const flow = this.#flow(session);
    const place = fanout.change(subscriber, used, flow);
    const understood = { rules: used.wire, flow, limits: this.#grant.limits };
    const frame = subscribedFrame(session, understood, {
      cursor: fanout.cursor(place),
      resume: "full",
      note: "The filters are in force from this cursor on; what only the replaced ones matched is not owed again.",
    });
    fanout.control(subscriber, frame);
    fanout.resume(subscriber, place);
  }

  #acknowledge(body: object): void {
    const session = this.#session;
    const fanout = this.#fanout;
    if (session === undefined || fanout === undefined) {
      throw new PenstockError("not_subscribed", "Send `subscribe` before `ack`.");
    }
    if (acknowledge(session, fanout, readAck(body))) this.#delivery.sessions.touch(session);
  }

  /** The socket takes more. */
  ready(): void {
    if (this.#subscriber !== undefined) this.#fanout?.ready(this.#subscriber);
  }

  /** The client has read everything before a place. */
  acknowledged(place: Place | undefined): void {
    if (place === undefined || this.#subscriber === undefined) return;
    // Nothing came since: what is stored is right.
    if (place === this.#subscriber.acknowledged) return;
    this.#subscriber.acknowledged = place;
    if (this.#session !== undefined) this.#delivery.sessions.touch(this.#session);
  }

  /** Writes the last known position into the session, before it is stored. */
  notePosition(): void {
    const place = this.#subscriber?.acknowledged;
    if (place === undefined || this.#session === undefined || this.#fanout === undefined) return;
    if (!this.#session.acknowledged) this.#session.position = this.#fanout.cursor(place);
  }

  lag(): ConnectionLag | undefined {
    const subscriber = this.#subscriber;
    const fanout = this.#fanout;
    if (subscriber === undefined || fanout === undefined) return undefined;
    const sent = fanout.placeOf(subscriber);
    return {
      sourceRecords: offsetsBetween({ offsets: fanout.position, sources: [] }, fanout.head()),
      gatewayMs: fanout.lagMs(subscriber),
      networkMs: this.#outlet.unreadMs(this.#delivery.now()),
      clientOffsets:
        subscriber.acknowledged === undefined ? 0 : offsetsBetween(subscriber.acknowledged, sent),
    };
  }

  goAway(deadlineMs: number): void {
    this.#answer({
      type: "go_away",
      deadline_ms: deadlineMs,
      jitter_ms: Math.round(deadlineMs / 2),
    });
  }

  /** Ends behind a checkpoint, because the server stops. */
  shutDown(): void {
    this.#close(CLOSE.going_away, "the server is stopping", undefined);
  }

  /** Ends with an error that says what the client should do. */
  fail(error: PenstockError): void {
    this.#close(error.closeCode, error.code, error);
  }

  /** Another connection uses the session from now on. */
  takenOver(): void {
    this.fail(new PenstockError("taken_over", "Another connection uses this session now."));
  }

  #refuse(error: PenstockError): void {
    if (!this.#over) this.#answer(errorFrame(error, false));
  }

  #ended(ending: Ending): void {
    if (ending.error === undefined) this.#close(CLOSE.normal, "the end is reached", undefined);
    else this.fail(new PenstockError(ending.error, ending.detail));
  }

  #close(code: number, reason: string, error: PenstockError | undefined): void {
    if (this.#over) return;
    const frames: Buffer[] = [];
    if (this.#subscriber?.isClear === true && this.#fanout !== undefined) {
      frames.push(this.#fanout.lastCheckpoint(this.#subscriber));
    }
    if (error !== undefined)
      frames.push(controlFrame(this.#outlet.encoding, errorFrame(error, true)));
    this.#outlet.close(code, reason, frames.length === 0 ? undefined : Buffer.concat(frames));
    this.#gone(code, true, error);
  }

  /** The connection is gone: the client closed it, or it broke. */
  closed(code: number): void {
    this.#gone(code, false, undefined);
  }

  #gone(code: number, byServer: boolean, error: PenstockError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const delivery = this.#delivery;
    delivery.connections.delete(this);
    delivery.closed(code);
    this.#tellLeft({ code, byServer, error });
    this.notePosition();
    if (this.#subscriber !== undefined) this.#fanout?.detach(this.#subscriber);
    if (this.#session !== undefined) delivery.handover.left(this.#session, this, code);
  }

  #tellLeft(end: Pick<ConnectionEnd, "code" | "byServer" | "error">): void {
    const sinceMs = this.#session?.connectedAtMs;
    this.#delivery.log.left(this.#facts(), {
      ...end,
      durationMs: sinceMs === undefined ? undefined : this.#delivery.now() - sinceMs,
      delivered: this.#subscriber?.delivered ?? 0,
    });
  }

  /** A frame that belongs at the client's place in the stream, or, before there is one, now. */
  #answer(frame: ControlFrame): void {
    if (this.#subscriber !== undefined) this.#fanout?.control(this.#subscriber, frame);
    else this.#send(frame);
  }

  /** Sends frames in one write. */
  #send(...frames: readonly ControlFrame[]): void {
    if (this.#over) return;
    const { encoding } = this.#outlet;
    const bytes = frames.map((frame) => controlFrame(encoding, frame));
    this.#outlet.write(bytes.length === 1 ? (bytes[0] as Buffer) : Buffer.concat(bytes), NO_PLACE);
  }
}
