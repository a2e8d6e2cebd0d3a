import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeCursor, PenstockError } from "@penstock-dev/contract";
import fc from "fast-check";
import { cursorAt } from "../../server/src/store/cursor-offsets.ts";
import type { Recent } from "../../server/src/store/index.ts";
import { deletion, Enriched, idsOf, post, reorg, type STORE, transaction } from "./enriched.ts";

/** Opens an implementation on a topic. */
export type OpenRecent = (enriched: Enriched, options?: Partial<typeof STORE>) => Promise<Recent>;

export const NEVER = new AbortController().signal;

export const code = (expected: string) => (caught: unknown) => {
  assert.equal(PenstockError.from(caught).code, expected);
  return true;
};

/** What every implementation of the recent window must do. */
export function recentSuite(name: string, open: OpenRecent): void {
  describe(name, () => {
    test("lists by time, newest first, whatever partitions events came by and when", async () => {
      await using enriched = await Enriched.open("tweets", 3);
      const all = enriched.filters({});
      const live = await open(enriched);
      const expected: string[] = [];
      for (let number = 0; number < 60; number++) {
        enriched.nowMs += 10;
        await enriched.append((number * 7) % 3, [post(`t${number}`)]);
        expected.unshift(`t${number}`);
      }
      assert.deepEqual(idsOf((await live.newest(all, 100)).bodies), expected);
      assert.deepEqual(idsOf((await live.newest(all, 7)).bodies), expected.slice(0, 7));
      // From the log it reads one partition after another.
      const found = await live.newest(all, 100);
      await live[Symbol.asyncDispose]();
      await using rebuilt = await open(enriched);
      assert.deepEqual(await rebuilt.newest(all, 100), found);
      const { sample } = await rebuilt.preview(all, 3);
      assert.deepEqual(idsOf(sample), expected.slice(0, 3));
    });

    test("pages behind a cursor, oldest first, without hole or repeat, and says whether there is more", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ partition: fc.nat(2), hit: fc.boolean() }), { maxLength: 40 }),
          fc.integer({ min: 1, max: 9 }),
          async (items, limit) => {
            await using enriched = await Enriched.open("tweets", 3);
            await using window = await open(enriched);
            const filters = enriched.filters({ hashtags: "hit" });
            let { cursor } = await window.newest(filters, 1);
            for (const [number, { partition, hit }] of items.entries()) {
              enriched.nowMs += 1;
              await enriched.append(partition, [post(`t${number}`, hit ? "#hit" : "miss")]);
            }
            const hits = items.flatMap(({ hit }, number) => (hit ? [`t${number}`] : []));
            const got: string[] = [];
            for (let more = true; more; ) {
              const page = await window.after(filters, limit, cursor, 0, NEVER);
              got.push(...idsOf(page.bodies));
              ({ more, cursor } = page);
              assert.equal(more, got.length < hits.length);
            }
            assert.deepEqual(got, hits);
          },
        ),
        { numRuns: 25 },
      );
    });

    test("a poll waits for something that matches, and ends with its time, its client or the window", async () => {
      await using enriched = await Enriched.open("tweets", 2);
      const filters = enriched.filters({ hashtags: "hit" });
      const window = await open(enriched);
      const { cursor } = await window.newest(filters, 1);
      const waiting = window.after(filters, 10, cursor, 600_000, NEVER);
      await enriched.append(0, [post("t1", "miss")]);
      await enriched.append(1, [post("t2", "#hit")]);
      assert.deepEqual(idsOf((await waiting).bodies), ["t2"]);
      const next = (await window.newest(filters, 1)).cursor;
      assert.deepEqual((await window.after(filters, 10, next, 30, NEVER)).bodies, []);
      const client = new AbortController();
      const left = window.after(filters, 10, next, 600_000, client.signal);
      client.abort();
      assert.deepEqual((await left).bodies, []);
      const last = window.after(filters, 10, next, 600_000, NEVER);
      await window[Symbol.asyncDispose]();
      await last;
    });

    test("a cursor that is old, foreign, ahead or altered is refused by its code", async () => {
      await using enriched = await Enriched.open("tweets", 1);
      const all = enriched.filters({});
      await using window = await open(enriched, { recentMs: 1000 });
      const { cursor: first } = await window.newest(all, 1);
      await enriched.append(0, [post("t1")]);
      const { cursor: second } = await window.newest(all, 1);
      assert.deepEqual(idsOf((await window.after(all, 9, first, 0, NEVER)).bodies), ["t1"]);
      enriched.nowMs += 2000;
      await assert.rejects(window.after(all, 9, first, 0, NEVER), code("cursor_too_old"));
      assert.deepEqual((await window.after(all, 9, second, 0, NEVER)).bodies, []);
      assert.deepEqual((await window.newest(all, 9)).bodies, []);
      await using other = await Enriched.open("tweets", 1);
      await using foreign = await open(other);
      await assert.rejects(foreign.after(all, 9, first, 0, NEVER), code("cursor_foreign"));
      await assert.rejects(window.after(all, 9, `${first}x`, 0, NEVER), code("cursor_invalid"));
      const info = await enriched.log.describe(enriched.stream.topic);
      const ahead = cursorAt(enriched.stream, info, [99]);
      await assert.rejects(window.after(all, 9, ahead, 0, NEVER), code("cursor_ahead"));
      const later = cursorAt(enriched.stream, { ...info, generation: 9 }, [0]);
      await assert.rejects(window.after(all, 9, later, 0, NEVER), code("cursor_foreign"));
    });

    test("does not list deletions, nor what they delete, from the moment they are in the log", async () => {
      await using enriched = await Enriched.open("tweets", 2);
      const all = enriched.filters({});
      const window = await open(enriched);
      for (let number = 0; number < 50; number++) {
        await enriched.append(0, [post(`t${number}`)]);
        const { cursor } = await window.newest(all, 1);
        await enriched.append(0, [deletion(`t${number}`), post(`u${number}`)]);
        assert.equal(idsOf((await window.newest(all, 1)).bodies)[0], `u${number}`);
        const [, ...rest] = idsOf((await window.newest(all, 1000)).bodies);
        assert.ok(rest.every((id) => id.startsWith("u")));
        const after = await window.after(all, 9, cursor, 0, NEVER);
        assert.deepEqual(idsOf(after.bodies), [`u${number}`]);
      }
      const found = await window.newest(all, 1000);
      await window[Symbol.asyncDispose]();
      await using rebuilt = await open(enriched);
      assert.deepEqual(await rebuilt.newest(all, 1000), found);
    });

    test("a deletion takes back every post of that author and id that is still there", async () => {
      await using enriched = await Enriched.open("tweets", 1);
      const all = enriched.filters({});
      await using window = await open(enriched, { recentMs: 1000 });
      await enriched.append(0, [post("t1", "old")]);
      enriched.nowMs += 600;
      await enriched.append(0, [post("t1", "new"), post("t1", "of bob", "bob")]);
      enriched.nowMs += 600;
      // The oldest has left the window; those behind it are still known by their content.
      assert.equal((await window.newest(all, 9)).bodies.length, 2);
      await enriched.append(0, [deletion("t1")]);
      const { bodies } = await window.newest(all, 9);
      assert.equal(bodies.length, 1);
      assert.match(bodies[0] ?? "", /of bob/);
    });

    test("lists an event that was undone and applied again once, where it stands now", async () => {
      await using enriched = await Enriched.open("chain-events", 1);
      const all = enriched.filters({});
      await using window = await open(enriched);
      await enriched.append(0, [transaction("a"), transaction("b")]);
      await enriched.append(0, [reorg("r1"), transaction("b", true), transaction("a", true)]);
      assert.deepEqual((await window.newest(all, 9)).bodies, []);
      await enriched.append(0, [transaction("c"), transaction("a")]);
      const { bodies } = await window.newest(all, 9);
      assert.deepEqual(idsOf(bodies), ["a", "c"]);
      assert.match(bodies[0] ?? "", /"position":"0:6"/);
      assert.ok(bodies.every((body) => !body.includes("removed")));
    });

    test("looks at no more than it may at once, says so, and goes on behind it", async () => {
      await using enriched = await Enriched.open("tweets", 2);
      const rare = enriched.filters({ hashtags: "rare" });
      const all = enriched.filters({});
      await using window = await open(enriched, { recentScanMax: 2000 });
      let { cursor } = await window.newest(all, 1);
      for (let batch = 0; batch < 20; batch++) {
        enriched.nowMs += 1000;
        const posts = Array.from({ length: 500 }, (_, at) =>
          post(`t${batch * 500 + at}`, at === 0 && batch % 10 === 0 ? "#rare" : "usual"),
        );
        await enriched.append(batch % 2, posts);
      }
      assert.deepEqual((await window.newest(rare, 9)).bodies, []);
      const { evaluated, spanMs, matched } = await window.preview(rare, 9);
      assert.equal(matched, 0);
      assert.ok(evaluated >= 2000 && evaluated < 5000, `${evaluated} are looked at`);
      assert.ok(spanMs >= 3000 && spanMs <= 10_000, `they span ${spanMs} ms`);
      const got: string[] = [];
      let pages = 0;
      for (let more = true; more; pages++) {
        const page = await window.after(rare, 9, cursor, pages < 2 ? 60_000 : 0, NEVER);
        got.push(...idsOf(page.bodies));
        ({ more, cursor } = page);
      }
      assert.deepEqual(got, ["t0", "t5000"]);
      assert.ok(pages > 3 && pages < 20, `${pages} pages`);
    });

    test("an answer holds no more than it may, and the next one goes on behind it", async () => {
      await using enriched = await Enriched.open("tweets", 2);
      await using window = await open(enriched, { answerBytesMax: 64 * 1024 });
      const all = enriched.filters({});
      let { cursor } = await window.newest(all, 1);
      const expected: string[] = [];
      for (let number = 0; number < 10; number++) {
        enriched.nowMs += 1;
        await enriched.append(number % 2, [post(`t${number}`, "x".repeat(30_000))]);
        expected.push(`t${number}`);
      }
      const newest = idsOf((await window.newest(all, 100)).bodies);
      assert.deepEqual(newest, expected.slice(-3).reverse());
      const got: string[] = [];
      for (let more = true; more; ) {
        const page = await window.after(all, 100, cursor, 0, NEVER);
        assert.ok(page.bodies.length <= 3);
        got.push(...idsOf(page.bodies));
        ({ cursor, more } = page);
      }
      assert.deepEqual(got, expected);
    });

    test("finds the words of a text however many it has", async () => {
      await using enriched = await Enriched.open("tweets", 1);
      await using window = await open(enriched);
      const words = Array.from({ length: 2000 }, (_, at) => `word${at}`);
      await enriched.append(0, [post("t1", words.join(" ")), post("t2", "word1 word3")]);
      for (const keywords of ["word1999", "word0", "word1000 word1001"]) {
        const { bodies } = await window.newest(enriched.filters({ keywords }), 9);
        assert.deepEqual(idsOf(bodies), ["t1"]);
      }
      const { bodies } = await window.newest(enriched.filters({ keywords: "word1" }), 9);
      assert.deepEqual(idsOf(bodies), ["t2", "t1"]);
      assert.deepEqual(
        (await window.newest(enriched.filters({ keywords: "nowhere" }), 9)).bodies,
        [],
      );
    });

    test("a subscription at its cursor has no hole: it stands behind all that is listed", async () => {
      await using enriched = await Enriched.open("tweets", 2);
      const all = enriched.filters({});
      await using window = await open(enriched);
      await enriched.append(0, [post("t1"), post("t2")]);
      const { cursor } = await window.newest(all, 1);
      const offsets = [...decodeCursor(cursor).partitions].map(([, { offset }]) => offset);
      assert.deepEqual(offsets, await enriched.log.heads(enriched.stream.topic));
    });
  });
}
