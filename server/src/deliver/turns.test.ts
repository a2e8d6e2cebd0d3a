import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

test("so many act at once, the others in the order in which they came, whoever fails", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const all = ends.map(({ promise }, at) =>
    turns.take(async () => {
      begun.push(at);
      await promise;
      return at;
    }),
  );
  await Promise.resolve();
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.reject(new Error("it failed"));
  await assert.rejects(all[1] as Promise<number>, /it failed/);
  await Promise.resolve();
  assert.deepEqual(begun, [0, 1, 2]);
  for (const { resolve } of ends) resolve();
  assert.deepEqual(await Promise.all(all.filter((_, at) => at !== 1)), [0, 2, 3, 4]);
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
});
