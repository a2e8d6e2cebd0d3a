/**
 * F18: writers of one log kill themselves again and again, several at once, wherever they are.
 * PENSTOCK_KILLS says how often in all: more by hand.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { EmbeddedLog } from "../../server/src/log/index.ts";
import { logOptions, openEmbeddedLog } from "../../server/src/log/index.ts";
import { defaultsOf } from "../../server/src/option.ts";
import { batchOf, KILL_POINTS, PARTITIONS } from "./log-batch.ts";

const WRITER = fileURLToPath(new URL("./log-writer.ts", import.meta.url));
const KILLS = Number(process.env.PENSTOCK_KILLS ?? 150);
const WRITERS_AT_ONCE = 3;

interface Acknowledged {
  readonly batch: string;
  readonly partition: number;
  readonly offset: number;
}

/** One writer's life. @returns what it said before it was killed */
async function life(dataDir: string, number: number): Promise<readonly Acknowledged[]> {
  const point = KILL_POINTS[number % KILL_POINTS.length] ?? "appending";
  const writer = spawn(process.execPath, [WRITER, dataDir, String(number), point], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(writer, "exit");
  const said = await text(writer.stdout);
  const [, signal] = (await exited) as [number | null, string | null];
  assert.equal(signal, "SIGKILL", `writer ${number} was not killed while ${point}`);
  // What follows the last line's end was cut off and acknowledges nothing.
  return said
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [batch = "", partition, offset] = line.split(" ");
      return { batch, partition: Number(partition), offset: Number(offset) };
    });
}

/** Reads all that is kept, and holds it against what it has to be. @returns how many records */
async function check(log: EmbeddedLog, acknowledged: readonly Acknowledged[]): Promise<number> {
  const heads = await log.heads("kept");
  const firsts = new Map<string, string>();
  let total = 0;
  for (const [partition, head] of heads.entries()) {
    let next = 0;
    let expected: string[] = [];
    while (next < head) {
      const read = await log.read("kept", partition, next, { recordsMax: 500, bytesMax: 1 << 22 });
      for (const { offset, key, value } of read.records) {
        // Others append meanwhile: what is looked at ends where an append did.
        if (offset >= head) break;
        assert.equal(offset, next, "a hole");
        next += 1;
        const [batch = "", at = "", count = ""] = (key ?? "").split(" ");
        if (expected.length === 0) {
          assert.equal(at, "0", "the beginning of a batch is missing");
          assert.equal(firsts.has(batch), false, "a batch lies there twice");
          firsts.set(batch, `${partition}:${offset}`);
          expected = Array.from({ length: Number(count) }, (_, of) => `${batch} ${of} ${count}`);
        }
        assert.equal(key, expected.shift(), "a batch is torn");
        assert.ok(
          batchOf(batch)[Number(at)]?.value.equals(value),
          `${key} is not what was written`,
        );
      }
      assert.ok(read.records.length > 0);
    }
    assert.deepEqual(expected, [], "the end of a batch is missing");
    total += head;
  }
  for (const { batch, partition, offset } of acknowledged)
    assert.equal(firsts.get(batch), `${partition}:${offset}`, `${batch} was acknowledged`);
  return total;
}

test(`F18: ${KILLS} kills of those who append: all that was acknowledged is there, whole`, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "penstock-log-kill-"));
  const open = () => openEmbeddedLog({ dataDir, options: defaultsOf(logOptions), now: Date.now });
  const acknowledged: Acknowledged[] = [];
  try {
    const log = await open();
    await log.createTopic("kept", { partitions: PARTITIONS });
    await log.createTopic("short", { partitions: PARTITIONS, retentionMs: 1 });
    let lives = 0;
    let watched = 0;
    const live = async (): Promise<void> => {
      while (lives < KILLS) {
        lives += 1;
        acknowledged.push(...(await life(dataDir, lives)));
        // A process that stays reads on while others die.
        if (lives % 50 === 0) watched = await check(log, [...acknowledged]);
      }
    };
    await Promise.all(Array.from({ length: WRITERS_AT_ONCE }, live));
    const total = await check(log, acknowledged);
    assert.ok(watched <= total);
    await log[Symbol.asyncDispose]();
    const again = await open();
    assert.equal(await check(again, acknowledged), total, "the log changed while it was closed");
    for (const [partition, head] of (await again.heads("kept")).entries())
      assert.equal(
        await again.generationStart("kept", partition, 0),
        head,
        "a cursor from before does not hold up to the head",
      );
    const [floor = 0] = await again.floors("short");
    const [head = 0] = await again.heads("short");
    await again.append("short", 0, [{ key: null, value: Buffer.from("last") }]);
    const last = await again.read("short", 0, head, { recordsMax: 1, bytesMax: 1 });
    assert.equal(String(last.records[0]?.value), "last");
    await again[Symbol.asyncDispose]();
    assert.ok(acknowledged.length > KILLS, "hardly anything was acknowledged");
    assert.ok(floor > 0, "nothing was retained");
    t.diagnostic(
      `${lives} kills at ${KILL_POINTS.join(", ")}: ${acknowledged.length} appends acknowledged, ${total} records there`,
    );
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
