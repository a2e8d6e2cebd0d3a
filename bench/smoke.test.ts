/** The smallest fan-out, so that the benchmarks cannot rot; nothing here is about time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bareNode, penstock } from "./harness/contender.ts";
import { fieldOf, measureRounds } from "./harness/fanout-rounds.ts";
import type { Bench } from "./harness/scenario.ts";

test("fan-out to fifty sockets is measured, each event being received by all of them", async () => {
  await using stack = new AsyncDisposableStack();
  const notes: string[] = [];
  const bench: Bench = {
    size: "small",
    seed: 1,
    stack,
    say: () => undefined,
    note: (line) => notes.push(line),
    pick: (_, small) => small,
  };
  const of = { clients: 50, eventBytes: 300 };
  await using field = await fieldOf(bench, [penstock(), bareNode], of);
  // A lost, repeated or disordered event makes this throw.
  const measured = await measureRounds(bench, field, { batch: 2, flushes: 3, rounds: 2 });
  assert.deepEqual([...measured.perEvent.keys()], ["penstock", "bare Node"]);
  for (const { rounds } of measured.perEvent.values())
    assert.ok(rounds.length === 2 && rounds.every((cost) => cost > 0));
  const bytes = measured.apart.find(({ name }) => name.startsWith("bare Node: bytes"));
  assert.equal(bytes?.value, 304);
  assert.deepEqual(notes, []);
});
