/** Who counts as behind: whom the own socket or rate holds back, and not who waited for the server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WhenBehind } from "@penstock-dev/contract";
import { parseFilters } from "../filter/index.ts";
import { temporaryLog } from "../log/temporary-log.ts";
import { defaultsOf } from "../option.ts";
import { ensureTopics, loadStreams, type Stream } from "../streams/index.ts";
import { Fanout } from "./fanout.ts";
import { makeFlow } from "./flow.ts";
import { LIMITS, lines } from "./judged-client.ts";
import { deliverOptions } from "./options.ts";
import type { Outlet } from "./outlet.ts";
import type { Subscriber } from "./subscriber.ts";
import { Tombstones } from "./tombstones.ts";

const BEHIND_AFTER_MS = 1000;

/** A client whose socket takes everything, or nothing. */
class Client implements Outlet {
  readonly encoding = lines;
  readonly got: string[] = [];
  isOpen = true;
  isEnded = false;
  #wake = (): void => undefined;

  room(): number {
    return this.isOpen ? 100_000 : 0;
  }

  unreadMs(): number {
    return 0;
  }

  close(): void {}

  write(bytes: Uint8Array): void {
    for (const line of Buffer.from(bytes).toString().trimEnd().split("\n")) {
      const frame = JSON.parse(line) as { type?: string; position?: string; count?: number };
      if (frame.type === "gap") this.got.push(`gap of ${frame.count}`);
      else if (frame.position !== undefined) this.got.push(frame.position);
    }
    this.#wake();
  }

  end(): void {
    this.isEnded = true;
    this.#wake();
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** An engine whose clock a test sets forward. */
async function openEngine(): Promise<
  AsyncDisposable & {
    readonly attach: (whenBehind: WhenBehind) => readonly [Client, Subscriber];
    readonly append: (count: number) => Promise<void>;
    readonly fanout: Fanout;
    aheadMs: number;
  }
> {
  const temporary = await temporaryLog();
  const { log } = temporary;
  const config = {
    orders: { topic: "orders", noun: "order", fields: ["kind"], latest_by: ["kind"] },
  };
  const stream = loadStreams(config, new Map(), 1).get("orders") as Stream;
  await ensureTopics(log, stream, {});
  const engine = { aheadMs: 0 };
  const options = { ...defaultsOf(deliverOptions), behindAfterMs: BEHIND_AFTER_MS };
  const fanout = await Fanout.open({
    stream,
    topic: stream.topic,
    log,
    history: undefined,
    options,
    now: () => Date.now() + engine.aheadMs,
    tombstones: new Tombstones(),
    from: await log.heads(stream.topic),
  });
  const attach = (whenBehind: WhenBehind): readonly [Client, Subscriber] => {
    const client = new Client();
    const flow = { encoding: lines, whenBehind, behindAfterMs: BEHIND_AFTER_MS };
    const subscriber = fanout.attach({
      outlet: client,
      clientId: "test",
      filters: parseFilters(stream, {}, LIMITS),
      flow: makeFlow({ ...flow, maxEventsPerSecond: undefined }),
      place: fanout.head(),
      until: undefined,
      ended: () => client.end(),
    });
    return [client, subscriber];
  };
  const append = async (count: number): Promise<void> => {
    const value = Buffer.from('{"kind":"a"}');
    await log.append(
      "orders",
      0,
      Array.from({ length: count }, () => ({ key: null, value })),
    );
  };
  return Object.assign(engine, {
    attach,
    append,
    fanout,
    [Symbol.asyncDispose]: async () => {
      await fanout[Symbol.asyncDispose]();
      await temporary[Symbol.asyncDispose]();
    },
  });
}

for (const whenBehind of ["skip", "latest", "disconnect"] as const) {
  test(`${whenBehind}: what the server was late to read is not the client's fault`, async () => {
    await using engine = await openEngine();
    const [client] = engine.attach(whenBehind);
    // All that the log takes from now on is old when the server comes to it.
    engine.aheadMs = 10 * BEHIND_AFTER_MS;
    await engine.append(3);
    const isTold = (): boolean => client.got.some((one) => one.startsWith("gap"));
    await client.until(() => client.got.length >= 3 || isTold() || client.isEnded);
    assert.deepEqual(client.got, ["0:0", "0:1", "0:2"]);
    assert.equal(client.isEnded, false);
  });
}

test("a client whose socket held back what is old by now is behind", async () => {
  await using engine = await openEngine();
  const [skipping, skipper] = engine.attach("skip");
  const [leaving, leaver] = engine.attach("disconnect");
  for (const client of [skipping, leaving]) client.isOpen = false;
  await engine.append(3);
  const [watching] = engine.attach("wait");
  await engine.append(1);
  await watching.until(() => watching.got.length >= 1);
  await engine.fanout.flushed();
  engine.aheadMs = 10 * BEHIND_AFTER_MS;
  for (const client of [skipping, leaving]) client.isOpen = true;
  for (const subscriber of [skipper, leaver]) engine.fanout.ready(subscriber);
  await skipping.until(() => skipping.got.length >= 1);
  await leaving.until(() => leaving.isEnded);
  assert.deepEqual(skipping.got, ["gap of 4"]);
  assert.deepEqual(leaving.got, []);
  // Where it arrived at the head, it is like any other.
  await engine.append(1);
  await skipping.until(() => skipping.got.length >= 2);
  assert.deepEqual(skipping.got, ["gap of 4", "0:4"]);
});
