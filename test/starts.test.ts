/** Where a subscription begins: every form of start, against what the log and the archive keep. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PenstockError, type Start } from "@penstock-dev/contract";
import { ReadableLog } from "../server/src/deliver/readable-log.ts";
import { type FoundStart, findStart } from "../server/src/deliver/start.ts";
import { Archive } from "../server/src/store/index.ts";
import { Enriched, post, STORE } from "./store/enriched.ts";

const HOUR = 3_600_000;
const QUERY = {
  limit: 1,
  startMs: undefined,
  endMs: undefined,
  key: undefined,
  cursor: undefined,
};

/** A stream of two partitions: one post an hour in each, of which the log keeps some. */
class Past implements AsyncDisposable {
  readonly enriched: Enriched;
  readonly archive: Archive | undefined;
  readonly beganMs: number;

  private constructor(enriched: Enriched, archive: Archive | undefined, beganMs: number) {
    this.enriched = enriched;
    this.archive = archive;
    this.beganMs = beganMs;
  }

  static async open(init: { archived: boolean; kept: number }): Promise<Past> {
    const enriched = await Enriched.open("tweets", 2);
    const { log, stream, dataDir, now } = enriched;
    const archive = init.archived ? new Archive({ dataDir, log, now, options: STORE }) : undefined;
    await archive?.follow(stream, (caught) => assert.fail(String(caught)));
    const beganMs = enriched.nowMs;
    for (let hour = 0; hour < 10; hour++) {
      for (const partition of [0, 1])
        await enriched.append(partition, [post(`${partition}.${hour}`)]);
      enriched.nowMs += HOUR;
    }
    await archive?.query(stream, enriched.filters({}), QUERY);
    const retentionMs = init.kept * HOUR;
    await log.createTopic(stream.topic, { partitions: 2, retentionMs });
    await log.retain(enriched.nowMs);
    return new Past(enriched, archive, beganMs);
  }

  async find(start: Start, clamp = false): Promise<FoundStart> {
    const { log, stream, nowMs } = this.enriched;
    const { logId, generation } = await log.describe(stream.topic);
    const { topic } = stream;
    return await findStart(start, clamp, {
      log,
      readable: new ReadableLog(log, this.archive, stream, topic),
      identity: { stream: stream.name, topic, logId, generation },
      head: { offsets: await log.heads(topic), sources: [] },
      nowMs,
    });
  }

  timeOf(hour: number): Start {
    return { time: new Date(this.beganMs + hour * HOUR).toISOString() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.archive?.[Symbol.asyncDispose]();
    await this.enriched[Symbol.asyncDispose]();
  }
}

const code = (expected: string) => (caught: unknown) => {
  const error = PenstockError.from(caught);
  assert.equal(error.code, expected);
  assert.match(error.message, /0:6, 1:6/, "the floor is told");
  return true;
};

describe("a start by time", () => {
  test("reads the archive where the log no longer reaches so far", async () => {
    await using past = await Past.open({ archived: true, kept: 4 });
    const { log, stream } = past.enriched;
    assert.deepEqual(await log.floors(stream.topic), [6, 6]);
    for (let hour = 0; hour < 10; hour++) {
      const { place, clampedFrom } = await past.find(past.timeOf(hour));
      assert.deepEqual(place.offsets, [hour, hour]);
      assert.equal(clampedFrom, undefined);
    }
    assert.deepEqual((await past.find({ ago: "150m" })).place.offsets, [8, 8]);
    assert.deepEqual((await past.find({ ago: "510m" })).place.offsets, [2, 2]);
  });

  test("older than what is kept is refused with the floor, or told of by a gap", async () => {
    await using past = await Past.open({ archived: false, kept: 4 });
    for (const start of [past.timeOf(0), past.timeOf(5.5), { ago: "270m" }]) {
      await assert.rejects(past.find(start), code("cursor_too_old"));
      const { place, clampedFrom } = await past.find(start, true);
      assert.deepEqual(place.offsets, [6, 6]);
      assert.deepEqual(clampedFrom?.offsets, [5, 5]);
    }
    for (const hour of [6, 6.5, 9, 12]) {
      const { place, clampedFrom } = await past.find(past.timeOf(hour));
      const expected = Math.min(10, Math.ceil(hour));
      assert.deepEqual(place.offsets, [expected, expected]);
      assert.equal(clampedFrom, undefined);
    }
  });

  test("before a stream that lost nothing is its beginning", async () => {
    await using past = await Past.open({ archived: false, kept: 100 });
    const { place, clampedFrom } = await past.find({ ago: "48h" });
    assert.deepEqual([place.offsets, clampedFrom], [[0, 0], undefined]);
  });

  test("in a partition that age has emptied, what is younger than that was never there", async () => {
    await using past = await Past.open({ archived: false, kept: 0.5 });
    const { place, clampedFrom } = await past.find({ ago: "20m" });
    assert.deepEqual([place.offsets, clampedFrom], [[10, 10], undefined]);
    await assert.rejects(past.find({ ago: "40m" }), (caught: unknown) => {
      assert.equal(PenstockError.from(caught).code, "cursor_too_old");
      return true;
    });
  });
});

describe("the other starts", () => {
  test("earliest is the archive's floor, now is the head", async () => {
    await using past = await Past.open({ archived: true, kept: 4 });
    assert.deepEqual((await past.find("earliest")).place.offsets, [0, 0]);
    assert.deepEqual((await past.find("now")).place.offsets, [10, 10]);
    await using bare = await Past.open({ archived: false, kept: 4 });
    assert.deepEqual((await bare.find("earliest")).place.offsets, [6, 6]);
  });
});
