import assert from "node:assert/strict";
import { test } from "node:test";
import { HeartbeatWheel } from "./heartbeat-wheel.ts";
import type { Subscriber } from "./subscriber.ts";

const INTERVAL_MS = 15_000;

test("every client comes up twice in an interval, spread, however late the timer is", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let nowMs = 5;
  const looks = new Map<Subscriber, number[]>();
  let greatest = 0;
  const wheel = new HeartbeatWheel(
    INTERVAL_MS,
    (subscribers) => {
      greatest = Math.max(greatest, subscribers.size);
      for (const one of subscribers) looks.set(one, [...(looks.get(one) ?? []), nowMs]);
    },
    () => nowMs,
  );
  const clients = Array.from({ length: 1000 }, () => ({ wheelSlot: 0 }) as Subscriber);
  for (const client of clients) wheel.add(client);
  // A timer of Node's begins its wait when it has been served, and is late each time.
  for (; nowMs < 10 * INTERVAL_MS; nowMs += 151) t.mock.timers.tick(144);
  assert.ok(greatest <= 20, `${greatest} at once`);
  for (const client of clients) {
    const seen = looks.get(client) ?? [];
    for (let at = 2; at < seen.length; at++) {
      const tookMs = (seen[at] as number) - (seen[at - 2] as number);
      assert.ok(tookMs <= INTERVAL_MS && tookMs > INTERVAL_MS * 0.9, `${tookMs} ms for two`);
    }
    assert.ok(seen.length >= 19, `${seen.length} looks`);
  }
  wheel.stop();
});

test("after a stall each client comes up once, not once for each turn that was missed", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let nowMs = 0;
  let looks = 0;
  const wheel = new HeartbeatWheel(
    INTERVAL_MS,
    (subscribers) => {
      looks += subscribers.size;
    },
    () => nowMs,
  );
  for (let at = 0; at < 100; at++) wheel.add({ wheelSlot: 0 } as Subscriber);
  nowMs = 10 * INTERVAL_MS;
  t.mock.timers.tick(200);
  assert.equal(looks, 100);
  wheel.stop();
});
