import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Limits } from "@penstock-dev/contract";
import { tweets } from "@penstock-dev/domain-tweets";
import { FilterIndex, parseFilters } from "../filter/index.ts";
import { typedStream } from "../streams/index.ts";
import type { Interest } from "./interest.ts";
import { Interests } from "./interests.ts";
import { MainLanes, Stragglers } from "./lanes.ts";
import { Ring } from "./ring.ts";

const LIMITS: Limits = {
  rules_max: 10,
  values_max: 10,
  match_all: true,
  max_events_per_second: null,
  when_behind: [],
};
const stream = typedStream("tweets", tweets, { partitions: 1 });
const filtersOf = (user: string) => parseFilters(stream, { filters: { user_ids: [user] } }, LIMITS);

function opened(idleMs: number) {
  let nowMs = 0;
  const index = new FilterIndex<Interest>(stream);
  const ring = new Ring(1000, { offsets: [0], sources: [] });
  const interests = new Interests({ index, ring, idleMs, now: () => nowMs });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { index, interests, pass };
}

test("equal filters are one interest, which outlives its last member and is then forgotten", async () => {
  const { index, interests, pass } = opened(5);
  const first = interests.take(filtersOf("a"));
  assert.equal(interests.take(filtersOf("a")), first);
  assert.notEqual(interests.take(filtersOf("b")), first);
  interests.release(first);
  interests.release(first);
  assert.equal(index.size, 2);
  assert.equal(interests.take(filtersOf("a")), first, "who comes back finds it there");
  interests.release(first);
  pass(6);
  while (index.size > 1) await delay(1);
  assert.notEqual(interests.take(filtersOf("a")), first);
  interests.stop();
});

test("interests that thousands leave at once are forgotten some at a time", async () => {
  const { index, interests, pass } = opened(5);
  const taken = Array.from({ length: 3000 }, (_, at) => interests.take(filtersOf(`u${at}`)));
  for (const interest of taken) interests.release(interest);
  pass(6);
  const sizes = new Set<number>();
  for (; index.size > 0; await delay(0)) sizes.add(index.size);
  assert.ok(sizes.size > 3, `there were ${sizes.size} steps`);
  assert.deepEqual([...interests], []);
  interests.stop();
});

test("an interest says whom a broadcast reaches, in the index and when it has left it", () => {
  const { index, interests } = opened(5);
  const interest = interests.take(filtersOf("a"));
  const reaches = (value: string) => interest.reads({ seq: 1, field: "user_ids", value });
  const elsewhere = interest.reads({ seq: 1, field: "lang", value: "en" });
  assert.deepEqual([reaches("a"), reaches("b"), elsewhere], [true, false, true]);
  index.remove(interest.handle);
  index.add(filtersOf("b"), interest);
  assert.deepEqual([reaches("a"), reaches("b")], [true, false]);
  interests.stop();
});

test("lanes are found by their flow's key, whether there is one or several", () => {
  const lanes = new MainLanes<{ readonly flow: { readonly key: string } }>();
  const [a, b, other] = ["a", "b", "a"].map((key) => ({ flow: { key } }));
  assert.ok(a !== undefined && b !== undefined && other !== undefined);
  lanes.set("a", a);
  assert.deepEqual([lanes.get("a"), lanes.get("b"), [...lanes.values()]], [a, undefined, [a]]);
  lanes.set("a", other);
  lanes.set("b", b);
  assert.deepEqual([...lanes.values()], [other, b]);
  assert.equal(lanes.get("a"), other);
  lanes.delete("a");
  assert.deepEqual([lanes.get("a"), lanes.get("b")], [undefined, b]);
  lanes.delete("b");
  assert.deepEqual([...lanes.values()], []);
  lanes.set("a", a);
  assert.equal(lanes.get("a"), a);
  const stragglers = new Stragglers<object>();
  stragglers.delete(a);
  stragglers.add(a);
  stragglers.add(a);
  assert.deepEqual([...stragglers], [a]);
  stragglers.delete(a);
  assert.deepEqual([...stragglers], []);
});
