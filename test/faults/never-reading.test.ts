/** F9: some clients never read, while events flow; nobody else notices, and they cost little. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { websocketDriver } from "../transports/drivers.ts";
import { RawConnection } from "../transports/raw-connection.ts";
import { TestServer } from "../transports/test-server.ts";
import { isEvent, ofType, type TransportConnection } from "../transports/transport-driver.ts";
import { queuedBytes } from "./connection-memory.ts";

const WORKERS = 4;
const READING = 27;
const NEVER_READING = 3;
const ROUNDS = 12;
const POSTS_EACH = 100;
/** What one may cost the kernel. */
const QUEUED_BYTES_MAX = 96 * 1024;

const idsOf = ({ frames }: TransportConnection): unknown[] =>
  frames.filter(isEvent).map(({ id }) => id);

for (const workers of [0, WORKERS]) {
  test(`F9: a tenth of the clients never read, with ${workers} workers`, async (t) => {
    await using server = await TestServer.start({ workers: String(workers) });
    const connect = (): RawConnection => {
      const query = { since: "earliest", when_behind: "wait" };
      const connection = websocketDriver.connect(server.url, { live: "tweets", query });
      assert.ok(connection instanceof RawConnection);
      return connection;
    };
    const all = Array.from({ length: READING + NEVER_READING }, connect);
    await Promise.all(all.map((one) => one.next(ofType("caught_up"))));
    const reading = all.slice(NEVER_READING);
    const stopped = all.slice(0, NEVER_READING);
    const ports = stopped.map(({ socket }) => socket.localPort ?? 0);
    for (const { socket } of stopped) socket.pause();

    const published: string[] = [];
    let queued: readonly number[] = [];
    // A socket of Node's that is paused may still take some of it into a buffer of its own.
    const waits = ({ socket }: RawConnection, at: number): boolean =>
      (queued[at] ?? 1) + socket.readableLength > 0;
    const look = (): void => {
      const held = queuedBytes(ports);
      queued = held?.map((bytes, at) => Math.max(bytes, queued[at] ?? 0)) ?? [];
    };
    for (let round = 0; round < ROUNDS; round++) {
      const texts = Array.from(
        { length: POSTS_EACH },
        (_, at) => `round ${round} post ${at} ${"and so on ".repeat(25)}`,
      );
      published.push(...(await server.publish(texts)));
      look();
    }
    const last = published.at(-1);
    await Promise.all(reading.map((one) => one.next(({ id }) => id === last)));
    // Those who do not read may be with another worker, which has not come as far.
    for (let tries = 0; tries < 200 && (tries === 0 || !stopped.every(waits)); tries++) {
      await sleep(25);
      look();
    }
    for (const one of reading) assert.deepEqual(idsOf(one), published);
    for (const one of stopped)
      assert.ok(idsOf(one).length < published.length / 2, "one that should not read did");
    assert.ok(stopped.every(waits), "nothing waited for one that does not read");
    for (const bytes of queued) {
      assert.ok(bytes <= QUEUED_BYTES_MAX, `${bytes} bytes wait in the kernel for one client`);
    }

    // They asked to wait: once they read, they get all of it.
    for (const { socket } of stopped) socket.resume();
    await Promise.all(stopped.map((one) => one.next(({ id }) => id === last)));
    for (const one of stopped) assert.deepEqual(idsOf(one), published);
    assert.equal(await server.metric("penstock_silent_skips_total"), 0);
    for (const one of all) one.destroy();
    t.diagnostic(`${queued.join(", ")} bytes waited in the kernel`);
  });
}
