import { performance } from "node:perf_hooks";
import { HeartbeatWheel } from "./heartbeat-wheel.ts";
import type { Lane } from "./lane.ts";
import type { Place } from "./place.ts";
import { ProgressWatch } from "./progress-watch.ts";
import type { Ending, Subscriber } from "./subscriber.ts";
import type { TopicState } from "./topic-state.ts";

/** What the watch asks of the engine around it. */
export interface ClientWatchPort {
  placeOf(subscriber: Subscriber): Place;
  head(): Place;
  /** Whether the log is being read for a client that is not hot. */
  isRead(subscriber: Subscriber): boolean;
  /** A client that waits outside of any lane may go on. */
  ready(subscriber: Subscriber): void;
  /** A lane is owed something that a socket held back. */
  queue(lane: Lane): void;
  end(subscriber: Subscriber, ending: Ending): void;
}

/**
 * Looks at every client a few times in a heartbeat interval: those who heard nothing for a while get a heartbeat, and
 * those who read nothing, or whom the log is not read on for, are ended.
 */
export class ClientWatch {
  readonly #state: TopicState;
  readonly #port: ClientWatchPort;
  readonly #wheel: HeartbeatWheel;
  readonly #progress: ProgressWatch;

  /** @param looked called behind each part of the clients */
  constructor(state: TopicState, port: ClientWatchPort, looked: (nowMs: number) => void) {
    this.#state = state;
    this.#port = port;
    this.#progress = new ProgressWatch(state.options.noProgressTimeoutMs);
    this.#wheel = new HeartbeatWheel(state.options.heartbeatIntervalMs, (subscribers) => {
      const nowMs = state.now();
      for (const subscriber of subscribers) this.#look(subscriber, nowMs);
      looked(nowMs);
    });
  }

  add(subscriber: Subscriber): void {
    this.#wheel.add(subscriber);
  }

  remove(subscriber: Subscriber): void {
    this.#wheel.remove(subscriber);
  }

  stop(): void {
    this.#wheel.stop();
  }

  #look(subscriber: Subscriber, nowMs: number): void {
    const { options } = this.#state;
    if (subscriber.outlet.unreadMs(nowMs) > options.unreadTimeoutMs) {
      this.#port.end(subscriber, {
        error: "unread",
        detail: "Bytes stayed unread for too long.",
      });
    } else if (subscriber.standing.kind !== "hot" && this.#isStuck(subscriber)) {
      this.#port.end(subscriber, {
        error: "no_progress",
        detail: "The log was not read on for you for too long.",
      });
    } else {
      this.#wake(subscriber);
      const silentMs = nowMs - subscriber.lastWriteMs;
      // By the next look it would be too late. Of a clock that was set back nobody knows how long it was.
      const isQuiet = silentMs < 0 || silentMs + this.#wheel.turnMs > options.heartbeatIntervalMs;
      if (isQuiet && subscriber.room() > 0) this.#heartbeat(subscriber, nowMs);
    }
  }

  #isStuck(subscriber: Subscriber): boolean {
    const { placeOf, head, isRead } = this.#port;
    const place = placeOf(subscriber);
    return this.#progress.isStuck(subscriber, isRead(subscriber), place, head(), performance.now());
  }

  /** What waits for a socket goes on should its word that it takes more have been lost. */
  #wake(subscriber: Subscriber): void {
    const { standing } = subscriber;
    if (standing.kind === "parked") this.#port.ready(subscriber);
    else if (standing.kind === "hot" && standing.lane.lostFrom !== undefined) {
      if (subscriber.room() > 0) this.#port.queue(standing.lane);
    }
  }

  #heartbeat(subscriber: Subscriber, nowMs: number): void {
    const place = this.#port.placeOf(subscriber);
    const bytes = this.#state.control.heartbeatAt(subscriber.outlet.encoding, place);
    subscriber.write(bytes, { place: () => place }, nowMs);
  }
}
