/** The regions that scans share: what is kept, what is not, and what becomes of one whose log moved on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PenstockError } from "@penstock-dev/contract";
import type { Stream } from "../streams/index.ts";
import { RegionCache, type RegionReader } from "./region-cache.ts";

const REGION = 256;
/** What the cache counts for a record that holds no event. */
const RECORD_BYTES = 100;

/** A partition of empty records that counts how often its regions are read. */
class CountedLog {
  readonly stream = { decode: () => ({ kind: "control", source: undefined }) } as unknown as Stream;
  readonly reads = new Map<number, number>();
  floor = 0;

  async floors() {
    return [this.floor];
  }

  async sourceBefore() {
    return undefined;
  }

  async read(_partition: number, from: number, { recordsMax }: { readonly recordsMax: number }) {
    if (from < this.floor) throw new PenstockError("cursor_too_old", `It begins at ${this.floor}.`);
    this.reads.set(from, (this.reads.get(from) ?? 0) + 1);
    const records = Array.from({ length: recordsMax }, (_, at) => ({
      offset: from + at,
      timestampMs: 0,
      key: null,
      headers: {},
      value: new Uint8Array(),
    }));
    return { records, next: from + recordsMax };
  }
}

async function readThrough(reader: RegionReader, regions: number): Promise<void> {
  for (let start = 0; start < regions * REGION; start += REGION) {
    const region = await reader.at(0, start, regions * REGION);
    assert.equal(region.from, start);
    assert.equal(region.records.length, REGION);
  }
}

test("a region is kept from the second scan on that opens it", async () => {
  const log = new CountedLog();
  const cache = new RegionCache(log, 1e6);
  for (let pass = 0; pass < 4; pass++) await readThrough(cache.reader(), 3);
  assert.deepEqual(Object.fromEntries(log.reads), { 0: 2, [REGION]: 2, [2 * REGION]: 2 });
});

test("one scan reads a region once, however often it asks, and on where it has grown", async () => {
  const log = new CountedLog();
  const reader = new RegionCache(log, 1e6).reader();
  for (const offset of [0, 5, 99]) await reader.at(0, offset, 100);
  const grown = await reader.at(0, 100, 180);
  assert.equal(grown.next, 180);
  assert.deepEqual(Object.fromEntries(log.reads), { 0: 1, 100: 1 });
});

test("a scan that is longer than the cache leaves nothing for the one behind it", async () => {
  const log = new CountedLog();
  const cache = new RegionCache(log, 2 * REGION * 1024);
  for (let pass = 0; pass < 3; pass++) await readThrough(cache.reader(), 3);
  assert.deepEqual(Object.fromEntries(log.reads), { 0: 3, [REGION]: 3, [2 * REGION]: 3 });
});

test("where the regions outgrow the cache, those used longest ago make room, and no others", async () => {
  const log = new CountedLog();
  const cache = new RegionCache(log, 2 * REGION * RECORD_BYTES);
  // Two scans side by side: the second opens what the first has just read.
  const side = [cache.reader(), cache.reader()];
  for (const start of [0, REGION, 2 * REGION])
    for (const reader of side) await reader.at(0, start, 3 * REGION);
  log.reads.clear();
  const reader = cache.reader();
  for (const start of [2 * REGION, REGION]) await reader.at(0, start, 3 * REGION);
  assert.deepEqual(Object.fromEntries(log.reads), {}, "the last two are kept");
  await reader.at(0, 0, 3 * REGION);
  assert.deepEqual(Object.fromEntries(log.reads), { 0: 1 }, "the first made room");
});

test("a region whose beginning has left the log is opened anew behind it", async () => {
  const log = new CountedLog();
  const cache = new RegionCache(log, 1e6);
  const readers = [cache.reader(), cache.reader()];
  for (const reader of readers) await reader.at(0, 0, 10);
  log.floor = 50;
  for (const reader of readers) {
    await assert.rejects(reader.at(0, 10, 100), { code: "cursor_too_old" });
    const region = await reader.at(0, 50, 100);
    assert.equal(region.from, 50);
    assert.equal(region.records.at(-1)?.offset, 99);
  }
});
