import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TokenBucket } from "./token-bucket.ts";

/** Rates that a request may name, the smallest that there is among them. */
const rate = fc.oneof(
  fc.double({ min: 0, minExcluded: true, max: 1_000_000, noNaN: true }),
  fc.constantFrom(Number.MIN_VALUE, 1e-300, 1e-9, 0.001, 1, 1_000_000),
);

test("whatever the rate, what may go is a count, and there is a time at which one may", () => {
  fc.assert(
    fc.property(rate, fc.array(fc.nat({ max: 10_000 })), (perSecond, waits) => {
      let nowMs = 1_800_000_000_000;
      for (const bucket of [new TokenBucket(perSecond), new TokenBucket(perSecond).copy()]) {
        for (const waitMs of waits) {
          const events = bucket.available(nowMs);
          assert.ok(Number.isSafeInteger(events) && events >= 0, `${events}`);
          bucket.take(events, nowMs);
          const readyAtMs = bucket.readyAtMs(nowMs);
          assert.ok(
            readyAtMs >= nowMs && readyAtMs - nowMs < 2 ** 31,
            `in ${readyAtMs - nowMs} ms`,
          );
          assert.ok(bucket.available(readyAtMs + 1) > 0);
          nowMs += waitMs;
        }
      }
    }),
  );
});

test("no more than the rate goes, but for a burst of a second's worth", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.nat({ max: 500 })),
      (perSecond, waits) => {
        const bucket = new TokenBucket(perSecond);
        let nowMs = 1_800_000_000_000;
        const beganMs = nowMs;
        let taken = 0;
        for (const waitMs of waits) {
          nowMs += waitMs;
          const events = bucket.available(nowMs);
          bucket.take(events, nowMs);
          taken += events;
          assert.ok(taken <= perSecond + ((nowMs - beganMs) * perSecond) / 1000 + 1e-6);
        }
      },
    ),
  );
});

test("a clock that is set back makes nobody wait longer than a burst", () => {
  const bucket = new TokenBucket(2);
  bucket.take(2, 1_000_000);
  const backMs = 1000;
  const readyAtMs = bucket.readyAtMs(backMs);
  assert.ok(readyAtMs <= backMs + 2000, `it is ready ${readyAtMs - backMs} ms later`);
  assert.ok(bucket.available(readyAtMs) >= 1, "it is, once that has passed");
});

test("at another rate a bucket is as empty as it was", () => {
  const bucket = new TokenBucket(10);
  bucket.take(10, 0);
  assert.equal(bucket.at(20)?.available(0), 0);
  assert.equal(bucket.at(undefined), undefined);
});
