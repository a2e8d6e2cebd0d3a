/** A small seeded office that talks: what `penstock serve --demo` shows of this stream. */
import type { DemoRecord } from "@penstock-dev/contract";
import type { RawRecord } from "./raw-record.ts";

const PEOPLE = ["ann", "bob", "carla", "deniz", "emeka", "fumiko"];
const TEXTS = [
  "Did the invoice go out?",
  "Lunch at one?",
  "The build is green again 🎉",
  "Can you look at my draft?",
  "Running late, start without me",
  "Thanks, that was it",
];

/** Endless, some two records a second; the same seed gives the same talk. */
export function* demoMessages(seed: number, startMs: number): Iterable<DemoRecord<RawRecord>> {
  let state = seed >>> 0;
  // A linear congruential generator (Numerical Recipes): plausible is enough here.
  const below = (count: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const pick = (items: readonly string[]): string => items[below(items.length)] ?? "";
  for (let number = 0; ; number++) {
    const id = `${Math.floor(startMs).toString(36)}-dm-${number}`;
    const from = pick(PEOPLE);
    const to = pick(PEOPLE.filter((person) => person !== from));
    yield { afterMs: 200 + below(800), raw: { id, from, to, text: pick(TEXTS) } };
    const next = below(10);
    if (next < 6) yield { afterMs: 200 + below(400), raw: { type: "read", id, from, to } };
    else if (next === 9) yield { afterMs: 200 + below(400), raw: { type: "delete", id, from, to } };
  }
}
