/** The engine of one topic for tests, over a log of its own, and clients that write down what they get. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { GapFrame } from "@penstock-dev/contract";
import { type Filters, parseFilters } from "../filter/index.ts";
import { type Log, temporaryLog } from "../log/index.ts";
import { defaultsOf } from "../option.ts";
import { ensureTopics, loadStreams, type Stream } from "../streams/index.ts";
import { Fanout } from "./fanout.ts";
import { type Flow, makeFlow } from "./flow.ts";
import { LIMITS, lines } from "./judged-client.ts";
import { deliverOptions } from "./options.ts";
import type { Outlet } from "./outlet.ts";
import type { Place } from "./place.ts";
import type { Subscriber } from "./subscriber.ts";
import { Tombstones } from "./tombstones.ts";
import type { DeliverOptions } from "./topic-state.ts";

/** A client whose socket takes what its test says. */
export class TestClient implements Outlet {
  readonly encoding = lines;
  /** `partition:offset` of each event, in the order in which they came. */
  readonly positions: string[] = [];
  readonly gaps: GapFrame[] = [];
  roomBytes = Number.POSITIVE_INFINITY;
  /** Whether each write uses up its room. */
  takesOne = false;
  ended: string | undefined;
  subscriber: Subscriber | undefined;

  room(): number {
    return Math.max(0, this.roomBytes);
  }

  write(bytes: Uint8Array): void {
    this.roomBytes = this.takesOne ? 0 : this.roomBytes - bytes.length;
    for (const line of Buffer.from(bytes).toString().trimEnd().split("\n")) {
      const frame = JSON.parse(line) as { position?: string; type?: string };
      if (frame.position !== undefined) this.positions.push(frame.position);
      else if (frame.type === "gap") this.gaps.push(frame as unknown as GapFrame);
    }
  }

  unreadMs(): number {
    return 0;
  }

  close(): void {}
}

/** How a client of a test subscribes; left out: at the head, to all of kind `a`, skipping. */
export interface Wish {
  readonly filters?: Filters;
  readonly whenBehind?: Flow["whenBehind"];
  readonly rate?: number;
  readonly place?: Place;
}

/** How an engine of a test is made. */
export interface EngineInit {
  readonly options?: Partial<DeliverOptions>;
  readonly now?: () => number;
  /** Left out: one partition of records with a `kind` and a key `k`, of which the newest counts. */
  readonly stream?: Stream;
  /** Stands between the engine and its log. */
  readonly through?: (log: Log) => Log;
}

/** An engine whose test it ends with. */
export class TestEngine implements AsyncDisposable {
  readonly log: Log;
  readonly stream: Stream;
  readonly fanout: Fanout;
  readonly #options: DeliverOptions;
  readonly #temporary: AsyncDisposable;

  private constructor(init: {
    readonly log: Log;
    readonly stream: Stream;
    readonly fanout: Fanout;
    readonly options: DeliverOptions;
    readonly temporary: AsyncDisposable;
  }) {
    this.log = init.log;
    this.stream = init.stream;
    this.fanout = init.fanout;
    this.#options = init.options;
    this.#temporary = init.temporary;
  }

  static async open(init: EngineInit = {}): Promise<TestEngine> {
    const temporary = await temporaryLog();
    const { log } = temporary;
    const stream = init.stream ?? ordersStream();
    await ensureTopics(log, stream, {});
    const options = { ...defaultsOf(deliverOptions), ...init.options };
    const fanout = await Fanout.open({
      stream,
      topic: stream.topic,
      log: init.through?.(log) ?? log,
      history: undefined,
      options,
      now: init.now ?? Date.now,
      tombstones: new Tombstones(),
      from: await log.heads(stream.topic),
    });
    return new TestEngine({ log, stream, fanout, options, temporary });
  }

  attach(client: TestClient, wish: Wish = {}): TestClient {
    const filters = wish.filters ?? this.filters("a");
    return attachTo(this.fanout, client, filters, { ...this.#options, ...wish });
  }

  filters(...kinds: readonly string[]): Filters {
    return parseFilters(this.stream, { filters: { kind: [...kinds] } }, LIMITS);
  }

  /** Lets a client's socket take more. */
  ready(client: TestClient, roomBytes: number): void {
    client.roomBytes = roomBytes;
    this.fanout.ready(client.subscriber as Subscriber);
  }

  async publish(count: number, record: object = {}): Promise<void> {
    const value = Buffer.from(JSON.stringify({ kind: "a", ...record }));
    await this.log.append(
      this.stream.topic,
      0,
      Array.from({ length: count }, () => ({ key: null, value })),
    );
  }

  /** Resolves when the engine has read all that there is, and offered it to everyone. */
  async settled(): Promise<void> {
    await this.fanout.refresh();
    await within(5000, "the flush never ended", this.fanout.flushed());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fanout[Symbol.asyncDispose]();
    await this.#temporary[Symbol.asyncDispose]();
  }
}

/** Attaches a client to an engine, as it wishes. */
export function attachTo(
  fanout: Fanout,
  client: TestClient,
  filters: Filters,
  wish: Omit<Wish, "filters"> & Pick<DeliverOptions, "behindAfterMs">,
): TestClient {
  client.subscriber = fanout.attach({
    outlet: client,
    clientId: "test",
    filters,
    flow: makeFlow({
      encoding: lines,
      whenBehind: wish.whenBehind ?? "skip",
      behindAfterMs: wish.behindAfterMs,
      maxEventsPerSecond: wish.rate,
    }),
    place: wish.place ?? fanout.head(),
    until: undefined,
    ended: ({ error }) => {
      client.ended = error ?? "";
    },
  });
  return client;
}

function ordersStream(): Stream {
  const declared = {
    orders: { topic: "orders", noun: "order", fields: ["kind", "k"], latest_by: ["k"] },
  };
  return loadStreams(declared, new Map(), 1).get("orders") as Stream;
}

/** What is awaited, or a failure that says what it was. */
async function within<T>(ms: number, failure: string, awaited: Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = sleep(ms, undefined, { signal: late.signal }).then(() => assert.fail(failure));
  timer.catch(() => undefined);
  try {
    return await Promise.race([awaited, timer]);
  } finally {
    late.abort();
  }
}

/** Looks again and again until something holds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 3000, `${what} never came`);
    await sleep(5);
  }
}
