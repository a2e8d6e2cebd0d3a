import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeCursor } from "@penstock-dev/contract";
import { drivers } from "./drivers.ts";
import { TestServer } from "./test-server.ts";
import {
  eventsOf,
  type Frame,
  isEvent,
  placeOf,
  type TransportConnection,
  type TransportDriver,
} from "./transport-driver.ts";

const SEED = Number(process.env.PENSTOCK_SEED ?? 7);
/** Cuts of each client, by the processes that serve the clients. */
const CUTS_EACH = new Map([
  ["0", 150],
  ["4", 30],
]);
const CLIENTS_EACH = 4;
/** Bytes that an answer begins with, of which a cut may hit any. */
const HEAD_BYTES = 1400;

/** Numbers in [0, 1) that a seed gives (Marsaglia's xorshift32). */
function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** What one connection of a client got. */
interface Stretch {
  /** The cursor that it resumed at; undefined where it began at the earliest. */
  readonly cursor: string | undefined;
  readonly events: readonly Frame[];
}

/** Cuts its connection again and again, and goes on at the last cursor that it has. */
class CutClient {
  readonly stretches: Stretch[] = [];
  readonly #server: TestServer;
  readonly #driver: TransportDriver;
  readonly #tag: string;
  readonly #random: () => number;
  #cursor: string | undefined;
  /** Cuts that came before the end of a frame. */
  midFrame = 0;

  constructor(server: TestServer, driver: TransportDriver, tag: string, seed: number) {
    this.#server = server;
    this.#driver = driver;
    this.#tag = tag;
    this.#random = random(seed);
  }

  async cut(): Promise<void> {
    const far = this.#random() < 0.2 ? 20_000 : 3000;
    const cutAfterBytes = 1 + Math.floor(this.#random() * (HEAD_BYTES + far));
    const connection = this.#connect(cutAfterBytes);
    await connection.over;
    if (!/[\n}]$/.test(connection.text)) this.midFrame += 1;
    this.#keep(connection);
  }

  /** Reads until an event, without a cut. */
  async finish(lastId: string): Promise<void> {
    const connection = this.#connect(undefined);
    await connection.next((frame) => frame.id === lastId);
    connection.destroy();
    this.#keep(connection);
  }

  #connect(cutAfterBytes: number | undefined): TransportConnection {
    const query = {
      hashtags: this.#tag,
      when_behind: "wait",
      ...(this.#cursor === undefined ? { since: "earliest" } : { cursor: this.#cursor }),
    };
    const options = cutAfterBytes === undefined ? {} : { cutAfterBytes };
    return this.#driver.connect(this.#server.url, { live: "tweets", query }, options);
  }

  #keep(connection: TransportConnection): void {
    this.stretches.push({ cursor: this.#cursor, events: eventsOf(connection) });
    for (const { cursor } of connection.frames) if (cursor !== undefined) this.#cursor = cursor;
  }
}

/** Every connection must give exactly what follows its cursor, and all of them everything. */
function judge(client: CutClient, expected: ReadonlyMap<number, readonly Frame[]>): number {
  const seen = new Set<string>();
  let repeats = 0;
  for (const { cursor, events } of client.stretches) {
    const starts = cursor === undefined ? undefined : decodeCursor(cursor).partitions;
    const next = new Map<number, number>();
    for (const event of events) {
      const { partition } = placeOf(event);
      const all = expected.get(partition) ?? [];
      const start = starts?.get(partition)?.offset ?? 0;
      const at = next.get(partition) ?? all.findIndex((other) => placeOf(other).offset >= start);
      assert.equal(event.position, all[at]?.position, "a cursor's continuation is not exact");
      assert.equal(event.id, all[at]?.id);
      next.set(partition, at + 1);
      if (seen.has(event.position ?? "")) repeats += 1;
      seen.add(event.position ?? "");
    }
  }
  let count = 0;
  for (const all of expected.values()) count += all.length;
  assert.equal(seen.size, count, "something was lost over the cuts");
  return repeats;
}

describe("F10: resume by cursor at random cut points", () => {
  for (const [workers, cutsEach] of CUTS_EACH)
    test(`${drivers.length * CLIENTS_EACH * cutsEach} cuts lose nothing (${workers} workers, seed ${SEED})`, async (t) => {
      await using server = await TestServer.start({
        workers,
        "deliver-checkpoint-interval": "10ms",
        "deliver-write-bytes-max": "1KiB",
        "transports-unacked-bytes-min": "16KiB",
      });
      const tag = "cut";
      let over = false;
      let published = 0;
      const ids: string[] = [];
      const publishing = (async () => {
        while (!over) {
          const posts = Array.from({ length: 6 }, (_, n) => `number ${published + n} #${tag}`);
          const author = `author${published % 7}`;
          ids.push(...(await server.ingest([...posts, "nobody's #other"], author)));
          published += posts.length;
          await new Promise((resolve) => setTimeout(resolve, 15));
        }
      })();
      const clients = drivers.flatMap((driver, which) =>
        Array.from(
          { length: CLIENTS_EACH },
          (_, n) => new CutClient(server, driver, tag, SEED * 1000 + which * 100 + n),
        ),
      );
      await Promise.all(
        clients.map(async (client) => {
          for (let cut = 0; cut < cutsEach; cut++) await client.cut();
        }),
      );
      over = true;
      await publishing;
      await server.visible(ids);
      const [last = ""] = await server.publish([`the last #${tag}`]);
      await Promise.all(clients.map((client) => client.finish(last)));

      const expected = await everything(server, tag, last);
      let repeats = 0;
      let midFrame = 0;
      let withEvents = 0;
      for (const client of clients) {
        repeats += judge(client, expected);
        midFrame += client.midFrame;
        withEvents += client.stretches.filter(({ events }) => events.length > 0).length;
      }
      t.diagnostic(`${published} events, ${midFrame} cuts within a frame, ${repeats} repeats`);
      // The fault happened: cuts fell into frames, and between events.
      assert.ok(midFrame > clients.length * 10);
      assert.ok(withEvents > clients.length * 20);
      assert.equal(await server.metric("penstock_silent_skips_total"), 0);
    });
});

/** All events of a tag, by partition, as one connection that nothing cuts gets them. */
async function everything(
  server: TestServer,
  tag: string,
  lastId: string,
): Promise<ReadonlyMap<number, readonly Frame[]>> {
  const byPartition = new Map<number, Frame[]>();
  const query = { hashtags: tag, since: "earliest" };
  const [driver] = drivers;
  assert.ok(driver !== undefined);
  const connection = driver.connect(server.url, { live: "tweets", query });
  await connection.next((frame) => frame.type === "caught_up");
  await connection.next((frame) => frame.id === lastId);
  connection.destroy();
  for (const frame of connection.frames.filter(isEvent)) {
    const { partition } = placeOf(frame);
    const all = byPartition.get(partition) ?? [];
    all.push(frame);
    byPartition.set(partition, all);
  }
  return byPartition;
}
