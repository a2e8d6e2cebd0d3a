import assert from "node:assert/strict";
import { test } from "node:test";
import { ParkedClients, type ParkedPort } from "./parked-clients.ts";
import type { Place } from "./place.ts";
import type { Subscriber } from "./subscriber.ts";
import type { TopicState } from "./topic-state.ts";

test("a client that its rate holds back goes on when it may, though the timer fires early", async () => {
  // The clock when it is parked, when its timer fires, and from then on.
  const times = [0, 9.5];
  const now = (): number => times.shift() ?? 10;
  const { promise, resolve } = Promise.withResolvers<Place>();
  const port: ParkedPort = {
    isWaiting: () => true,
    join: (_subscriber, place) => resolve(place),
    meetHead: () => assert.fail("it is not behind"),
    head: () => assert.fail("it is not behind"),
    end: () => assert.fail("it is not behind"),
  };
  const clients = new ParkedClients({ now } as unknown as TopicState, port);
  const subscriber = {
    room: () => 1,
    flow: { whenBehind: "wait" },
    until: undefined,
  } as unknown as Subscriber;
  const place: Place = { offsets: [7], sources: [] };
  clients.park(subscriber, { place, oldestMs: 0, readyAtMs: 9.9, bucket: undefined });
  const patience = AbortSignal.timeout(5000);
  const given = new Promise<undefined>((done) => {
    patience.addEventListener("abort", () => done(undefined));
  });
  assert.equal(await Promise.race([promise, given]), place);
});
