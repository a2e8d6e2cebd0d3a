import assert from "node:assert/strict";
import { test } from "node:test";
import { tweets } from "@penstock-dev/domain-tweets";
import { EventTerms, FilterIndex, parseFilters } from "../filter/index.ts";
import { loadStreams, type Stream } from "../streams/index.ts";
import { Entry } from "./entry.ts";
import { Interest } from "./interest.ts";
import { Ring } from "./ring.ts";
import { ringEntrance } from "./ring-entrance.ts";
import type { TopicState } from "./topic-state.ts";

const stream = loadStreams(undefined, new Map([["tweets", tweets]]), 2).get("tweets") as Stream;
const LIMITS = {
  rules_max: 10,
  values_max: 10,
  match_all: true,
  max_events_per_second: null,
  when_behind: ["skip"],
} as const;

/** A ring with the posts of hashtags `h0`, `h1` … at places of two partitions, and its state. */
function ringOf(positions: readonly (readonly [partition: number, offset: number])[]) {
  const ring = new Ring(1e6, { offsets: [0, 0], sources: [] });
  const index = new FilterIndex<Interest>(stream);
  const state = { stream, ring, index, broadcasts: [] } as unknown as TopicState;
  const interestIn = (hashtag: string): Interest =>
    new Interest(
      parseFilters(stream, { filters: { hashtags: [hashtag] } }, LIMITS),
      ring.head,
      index,
    );
  const push = (at: number): void => {
    const [partition, offset] = positions[at] as readonly [number, number];
    const text = JSON.stringify({ id: `${at}`, tweet: { hashtags: [`h${at}`] } });
    const event = {
      event_type: "new_tweet",
      id: `${at}`,
      noun: "tweet",
      payload: { hashtags: [`h${at}`] },
      source: undefined,
      contentKey: undefined,
      tail: text.slice(1),
    };
    const entry = new Entry(partition, offset, 1, new EventTerms(stream, event), false);
    const seq = ring.push(entry);
    index.match(entry.terms, (interest, tags) => interest.post(seq, tags, false));
    entry.settle();
  };
  return { ring, state, push, interestIn };
}

const PLACES = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 3],
  [0, 2],
] as const;

test("a client for whom nothing came since enters where it stood", () => {
  const { state, push, interestIn } = ringOf(PLACES);
  const known = interestIn("other");
  for (const at of PLACES.keys()) push(at);
  const late = interestIn("another");
  for (const [offsets, seq] of [
    [[0, 0], 0],
    [[1, 0], 1],
    [[1, 1], 2],
    [[2, 1], 3],
    // Offsets that hold no event for anyone may be passed or not.
    [[2, 3], 3],
    [[2, 4], 4],
    [[3, 4], 5],
  ] as const) {
    for (const interest of [known, late])
      assert.equal(ringEntrance(state, interest, { offsets, sources: [] }), seq, `${offsets}`);
  }
});

test("one to whom something is due has the log read for it, and one who stands elsewhere", () => {
  const { state, push, interestIn } = ringOf(PLACES);
  const known = interestIn("h2");
  for (const at of PLACES.keys()) push(at);
  for (const interest of [known, interestIn("h2")]) {
    const entranceAt = (...offsets: number[]): number | undefined =>
      ringEntrance(state, interest, { offsets, sources: [] });
    assert.equal(entranceAt(1, 1), undefined, "what was due would be lost");
    assert.equal(entranceAt(2, 1), 3);
    assert.equal(entranceAt(2, 0), undefined, "it has what lies behind what it lacks");
    assert.equal(entranceAt(3, 5), undefined, "it is ahead of the ring");
  }
});

test("and one who stands before what the ring holds", () => {
  const { ring, state, push, interestIn } = ringOf(PLACES);
  for (const at of PLACES.keys()) push(at);
  ring.evict(2);
  const interest = interestIn("other");
  assert.equal(ringEntrance(state, interest, { offsets: [1, 0], sources: [] }), undefined);
  assert.equal(ringEntrance(state, interest, { offsets: [1, 1], sources: [] }), 2);
});
