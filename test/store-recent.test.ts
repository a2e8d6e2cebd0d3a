/** The recent window: what a page shows when it opens, and what it polls for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Enriched, idsOf, post } from "./store/enriched.ts";
import { openInArchive, openInMemory } from "./store/open-recent.ts";
import { recentSuite } from "./store/recent-suite.ts";

recentSuite("the recent window in memory", openInMemory);
recentSuite("the recent window read from the archive", openInArchive);

test("in memory it holds no more than its bytes, and lets go of the oldest of all partitions first", async () => {
  await using enriched = await Enriched.open("tweets", 2);
  const all = enriched.filters({});
  await using window = await openInMemory(enriched, { recentBytes: 40_000 });
  for (let number = 0; number < 200; number++) {
    enriched.nowMs += 1;
    await enriched.append(number % 2, [post(`t${number}`, "x".repeat(100))]);
  }
  const ids = idsOf((await window.newest(all, 1000)).bodies);
  assert.ok(ids.length > 5 && ids.length < 100, `${ids.length} are held`);
  assert.deepEqual(
    ids,
    Array.from({ length: ids.length }, (_, at) => `t${199 - at}`),
  );
});
