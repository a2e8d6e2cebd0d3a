/** The archive: history by pages, and the log's past by position. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import fc from "fast-check";
import { Archive, type HistoryQuery } from "../server/src/store/index.ts";
import { TopicReader } from "../server/src/store/topic-reader.ts";
import { deletion, Enriched, idsOf, post, reorg, STORE, transaction } from "./store/enriched.ts";

const QUERY: HistoryQuery = {
  limit: 100,
  startMs: undefined,
  endMs: undefined,
  key: undefined,
  cursor: undefined,
};

async function open(enriched: Enriched, options: Partial<typeof STORE> = {}): Promise<Archive> {
  const { log, dataDir, now, stream } = enriched;
  const archive = new Archive({ dataDir, log, now, options: { ...STORE, ...options } });
  await archive.follow(stream, (caught) => assert.fail(String(caught)));
  return archive;
}

const code = (expected: string) => (caught: unknown) => {
  assert.equal(PenstockError.from(caught).code, expected);
  return true;
};

/** All pages of a query, one after another. */
async function pages(
  archive: Archive,
  enriched: Enriched,
  filters: object,
  query: Partial<HistoryQuery>,
): Promise<{ readonly ids: string[]; readonly sizes: number[]; readonly mores: boolean[] }> {
  const ids: string[] = [];
  const sizes: number[] = [];
  const mores: boolean[] = [];
  let cursor: string | undefined;
  for (let more = true; more; ) {
    const page = await archive.query(enriched.stream, enriched.filters(filters), {
      ...QUERY,
      ...query,
      cursor,
    });
    ids.push(...idsOf(page.bodies));
    sizes.push(page.bodies.length);
    mores.push(page.more);
    ({ more, cursor } = page);
  }
  return { ids, sizes, mores };
}

describe("history", () => {
  test("by any pages, limits, times and keys is what a naive reading gives", async () => {
    await using enriched = await Enriched.open("tweets", 3);
    await using archive = await open(enriched);
    const posts: { id: string; hit: boolean; atMs: number; partition: number }[] = [];
    for (let number = 0; number < 300; number++) {
      enriched.nowMs += number % 3;
      const partition = (number * 5) % 3;
      const hit = (number * number) % 7 < 3;
      const id = `t${number}`;
      await enriched.append(partition, [post(id, hit ? "#hit" : "miss")]);
      posts.push({ id, hit, atMs: enriched.nowMs, partition });
    }
    const first = posts[0]?.atMs ?? 0;
    const time = fc.option(fc.integer({ min: first - 5, max: enriched.nowMs + 5 }), {
      nil: undefined,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          limit: fc.integer({ min: 1, max: 60 }),
          startMs: time,
          endMs: time,
          key: fc.constantFrom(undefined, "key1", "key9"),
        }),
        async (query) => {
          const { ids, sizes, mores } = await pages(archive, enriched, { hashtags: "hit" }, query);
          const expected = posts.filter(
            ({ hit, atMs, partition }) =>
              hit &&
              atMs >= (query.startMs ?? 0) &&
              atMs < (query.endMs ?? Number.POSITIVE_INFINITY) &&
              (query.key === undefined || query.key === `key${partition}`),
          );
          assert.deepEqual([...ids].sort(), expected.map(({ id }) => id).sort());
          const times = ids.map((id) => posts.find((one) => one.id === id)?.atMs ?? 0);
          assert.deepEqual(
            times,
            [...times].sort((a, b) => a - b),
          );
          // `more` is exact: only the last page says no, and every other one is full.
          assert.deepEqual(sizes.slice(0, -1), sizes.slice(0, -1).fill(query.limit));
          assert.ok(expected.length === 0 || (sizes.at(-1) ?? 0) > 0);
          assert.equal(mores.filter((more) => !more).length, 1);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a page that looked at enough says that there is more, and goes on behind it", async () => {
    await using enriched = await Enriched.open("tweets", 1);
    await using archive = await open(enriched, { scanRecordsMax: 700 });
    for (let round = 0; round < 4; round++) {
      const posts = Array.from({ length: 500 }, (_, at) =>
        post(`t${round * 500 + at}`, at === 499 ? "#hit" : "miss"),
      );
      await enriched.append(0, posts);
    }
    const { ids, mores } = await pages(archive, enriched, { hashtags: "hit" }, {});
    assert.deepEqual(ids, ["t499", "t999", "t1499", "t1999"]);
    assert.ok(mores.length >= 3);
  });

  test("a page holds no more than it may, and the next one goes on behind it", async () => {
    await using enriched = await Enriched.open("tweets", 2);
    await using archive = await open(enriched, { answerBytesMax: 64 * 1024 });
    const expected: string[] = [];
    for (let number = 0; number < 20; number++) {
      enriched.nowMs += 1;
      await enriched.append(number % 2, [post(`t${number}`, "x".repeat(30_000))]);
      expected.push(`t${number}`);
    }
    const { ids, sizes, mores } = await pages(archive, enriched, {}, { limit: 1000 });
    assert.deepEqual(ids, expected);
    assert.ok(Math.max(...sizes) === 3, `${sizes}`);
    assert.equal(mores.at(-1), false);
  });

  test("what was deleted is absent from the moment its deletion is in the log, by position too", async () => {
    await using enriched = await Enriched.open("tweets", 2);
    await using archive = await open(enriched);
    const { log, stream } = enriched;
    const all = enriched.filters({});
    const offset = await enriched.append(1, [post("t1", "the secret"), post("t2", "not one")]);
    assert.equal((await archive.query(stream, all, QUERY)).bodies.length, 2);
    for (let number = 0; number < 30; number++) {
      await enriched.append(1, [post(`s${number}`, "the secret")]);
      await enriched.append(1, [deletion(`s${number}`)]);
      const { bodies } = await archive.query(stream, all, { ...QUERY, limit: 1000 });
      assert.ok(!idsOf(bodies).includes(`s${number}`));
    }
    await enriched.append(1, [deletion("t1", "bob"), deletion("t1")]);
    const { bodies } = await archive.query(stream, all, QUERY);
    assert.deepEqual(idsOf(bodies), ["t2"]);
    const [, head = 0] = await log.heads(stream.topic);
    const limits = { recordsMax: 1000, bytesMax: 1e7 };
    const { records, next } = await archive.read(stream.topic, 1, offset, limits);
    assert.equal(next, head);
    assert.ok(records.every(({ value }) => !Buffer.from(value).includes("the secret")));
    assert.equal(records.length, head - 31);
  });

  test("a deletion takes back every archived post of that author and id", async () => {
    await using enriched = await Enriched.open("tweets", 1);
    await using archive = await open(enriched);
    await enriched.append(0, [
      post("t1", "once"),
      post("t1", "again"),
      post("t1", "by bob", "bob"),
    ]);
    await enriched.append(0, [deletion("t1")]);
    const { bodies } = await archive.query(enriched.stream, enriched.filters({}), QUERY);
    assert.equal(bodies.length, 1);
    assert.match(bodies[0] ?? "", /by bob/);
  });

  test("whatever is undone and applied again is listed where it stands, once, or not at all", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 30 }),
        async (names) => {
          await using enriched = await Enriched.open("chain-events", 1);
          await using archive = await open(enriched);
          // Each name in turn is applied, undone, applied again.
          const standing = new Map<string, number>();
          let offset = 0;
          for (const name of names) {
            const undo = standing.has(name);
            await enriched.append(0, [reorg(`r${offset}`), transaction(name, undo)]);
            offset += 2;
            if (undo) standing.delete(name);
            else standing.set(name, offset - 1);
          }
          const filters = enriched.filters({});
          const { bodies } = await archive.query(enriched.stream, filters, QUERY);
          const listed = bodies.map((body) => {
            const { id, position } = JSON.parse(body) as { id: string; position: string };
            return [id, position];
          });
          const expected = [...standing]
            .sort(([, a], [, b]) => a - b)
            .map(([name, at]) => [name, `0:${at}`]);
          assert.deepEqual(listed, expected);
          // By position everything is there as it happened.
          const limits = { recordsMax: 1000, bytesMax: 1e7 };
          const { records } = await archive.read(enriched.stream.topic, 0, 0, limits);
          assert.equal(records.length, offset);
        },
      ),
      { numRuns: 15 },
    );
  });

  test("a cursor that is old, foreign, ahead or altered is refused by its code", async () => {
    await using enriched = await Enriched.open("tweets", 1);
    await using archive = await open(enriched, { archiveRetentionMs: 1000 });
    const { stream } = enriched;
    const all = enriched.filters({});
    const ask = (cursor: string) => archive.query(stream, all, { ...QUERY, cursor });
    await enriched.append(0, [post("t1"), post("t2")]);
    const { cursor } = await archive.query(stream, all, { ...QUERY, limit: 1 });
    assert.deepEqual(idsOf((await ask(cursor)).bodies), ["t2"]);
    await assert.rejects(ask(cursor.slice(0, -3)), code("cursor_invalid"));
    await using other = await Enriched.open("tweets", 1);
    await using foreign = await open(other);
    await assert.rejects(
      foreign.query(other.stream, all, { ...QUERY, cursor }),
      code("cursor_foreign"),
    );
    enriched.nowMs += 5000;
    await enriched.append(0, [post("t3")]);
    await archive.query(stream, all, QUERY);
    await archive.retain();
    assert.deepEqual(idsOf((await archive.query(stream, all, QUERY)).bodies), ["t3"]);
    await assert.rejects(ask(cursor), code("cursor_too_old"));
  });
});

describe("the archive", () => {
  test("goes on where it stopped, also behind what the log let go of, and twice stores nothing", async () => {
    await using enriched = await Enriched.open("tweets", 2);
    const { log, stream } = enriched;
    for (let run = 0; run < 4; run++) {
      await using archive = await open(enriched);
      enriched.nowMs += 1000;
      await enriched.append(run % 2, [post(`a${run}`), post(`b${run}`)]);
      await archive.query(stream, enriched.filters({}), QUERY);
      await log.createTopic(stream.topic, { partitions: 2, retentionMs: 500 });
      await log.retain(enriched.nowMs + 1000);
    }
    assert.deepEqual(await log.floors(stream.topic), await log.heads(stream.topic));
    await using archive = await open(enriched);
    assert.deepEqual(await archive.floors(stream.topic), [0, 0]);
    const { ids } = await pages(archive, enriched, {}, { limit: 3 });
    assert.deepEqual(ids, ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3"]);
    const limits = { recordsMax: 3, bytesMax: 1e7 };
    const { records, next } = await archive.read(stream.topic, 0, 0, limits);
    assert.deepEqual([records.length, next], [3, 3]);
    await assert.rejects(archive.read(stream.topic, 0, 4, limits), code("cursor_too_old"));
  });

  test("lets go of what is too old, and of what it knew of it", async () => {
    await using enriched = await Enriched.open("tweets", 1);
    await using archive = await open(enriched, { archiveRetentionMs: 10_000 });
    const { stream } = enriched;
    const all = enriched.filters({});
    // More than one step's worth.
    for (let round = 0; round < 3; round++)
      await enriched.append(
        0,
        Array.from({ length: 500 }, (_, at) => post(`t${round * 500 + at}`)),
      );
    enriched.nowMs += 20_000;
    await enriched.append(0, [post("t7", "the same id again")]);
    await archive.query(stream, all, QUERY);
    await archive.retain();
    const page = await archive.query(stream, all, QUERY);
    assert.deepEqual(idsOf(page.bodies), ["t7"]);
    // An old deletion's mark went with its row, and the newer one's did not.
    await enriched.append(0, [deletion("t7"), deletion("t8")]);
    assert.deepEqual((await archive.query(stream, all, QUERY)).bodies, []);
  });

  test("answers 503 rather than what it does not know to be there still", async () => {
    await using enriched = await Enriched.open("tweets", 1);
    const { stream } = enriched;
    const archive = new Archive({
      dataDir: enriched.dataDir,
      log: new Proxy(enriched.log, {
        get: (target, name) => {
          if (name === "read") return () => Promise.reject(new Error("the disk is slow"));
          const value = Reflect.get(target, name, target) as unknown;
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
      now: enriched.now,
      options: { ...STORE, catchUpMs: 50 },
    });
    await using _archive = archive;
    let failures = 0;
    await archive.follow(stream, () => (failures += 1));
    await enriched.append(0, [post("t1")]);
    await assert.rejects(archive.query(stream, enriched.filters({}), QUERY), (caught) => {
      const { status, retryAfterMs } = PenstockError.from(caught);
      assert.equal(status, 503);
      assert.ok((retryAfterMs ?? 0) > 0);
      return true;
    });
    assert.ok(failures > 0);
  });

  test("a batch that could not be taken is handed over again, whole", async () => {
    await using enriched = await Enriched.open("tweets", 1);
    const { log, stream } = enriched;
    await enriched.append(0, [post("t1"), post("t2")]);
    const reader = new TopicReader(log, stream, [0]);
    const abort = new AbortController();
    const taken: (string | undefined)[] = [];
    let failures = 0;
    const running = reader.run(
      abort.signal,
      (batch) => {
        if (failures === 0) throw new Error("the disk is full");
        taken.push(...batch.map(({ event }) => event?.id));
      },
      () => {
        failures += 1;
      },
    );
    await reader.reachHead();
    abort.abort();
    await running;
    assert.equal(failures, 1);
    assert.deepEqual(taken, ["t1", "t2"]);
  });
});
