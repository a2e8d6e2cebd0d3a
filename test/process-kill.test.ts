/** Processing goes on after kill -9 as if nothing had been: to the byte, without repeat or loss. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryLog } from "../server/src/log/temporary-log.ts";
import { defaultsOf } from "../server/src/option.ts";
import { processOptions, startProcessor } from "../server/src/process/index.ts";
import { everythingTold, processed, toldBy } from "./process/outputs.ts";
import { appendRaw, ensureWorld, rawWorld, streamNamed } from "./process/raw-world.ts";

const CHILD = fileURLToPath(new URL("./process/processor-child.ts", import.meta.url));
const KILLS = 12;

/** What a run that nothing disturbs writes. */
async function undisturbed(name: "tweets" | "chain-events", count: number, seed: number) {
  await using made = await temporaryLog();
  const stream = streamNamed(name);
  await ensureWorld(made.log, stream);
  await appendRaw(made.log, stream, rawWorld(stream, count, seed));
  const options = { ...defaultsOf(processOptions), progressMs: 10 };
  await using _processor = startProcessor({
    log: made.log,
    stream,
    options,
    now: Date.now,
    report: () => undefined,
  });
  await processed(made.log, stream);
  const told = await everythingTold(made.log, stream);
  for (const [topic, { lines }] of Object.entries(told)) assert.ok(lines.length > 10, topic);
  return told;
}

async function spawnChild(dataDir: string, name: string): Promise<ChildProcess> {
  const child = fork(CHILD, [dataDir, name]);
  await once(child, "message");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  const [, signal] = (await exited) as [number | null, string | null];
  assert.equal(signal, "SIGKILL");
}

describe("a processor that is killed with -9 while raw records flow", () => {
  for (const [name, count, seed] of [
    ["tweets", 2400, 3],
    ["chain-events", 500, 5],
  ] as const) {
    test(`${name}: what it leaves is what an undisturbed run gives`, async (t) => {
      const expected = await undisturbed(name, count, seed);
      await using made = await temporaryLog();
      const { log, dataDir } = made;
      const stream = streamNamed(name);
      await ensureWorld(log, stream);
      const records = rawWorld(stream, count, seed);
      const per = Math.ceil(records.length / KILLS);
      let cutInTheMiddle = 0;
      for (let round = 0; round < KILLS; round++) {
        const child = await spawnChild(dataDir, name);
        const before = (await toldBy(log, stream.topic)).lines.length;
        await appendRaw(log, stream, records.slice(round * per, (round + 1) * per));
        // Any moment will do, once it has begun: at most some flushes later.
        while ((await toldBy(log, stream.topic)).lines.length === before)
          await new Promise((resolve) => setTimeout(resolve, 1));
        await new Promise((resolve) => setTimeout(resolve, (round * 7) % 23));
        await kill(child);
        const { last } = await toldBy(log, stream.topic);
        const heads = await log.heads(stream.ingestTopic);
        if (heads.some((head, partition) => (last[partition]?.offset ?? -1) < head - 1))
          cutInTheMiddle += 1;
      }
      const child = await spawnChild(dataDir, name);
      await processed(log, stream);
      await kill(child);
      const told = await everythingTold(log, stream);
      for (const [topic, { lines, repeats }] of Object.entries(told)) {
        assert.deepEqual(lines, expected[topic]?.lines, topic);
        assert.equal(repeats, 0, topic);
      }
      assert.ok(cutInTheMiddle > 0, "no kill came in the middle");
      t.diagnostic(`${cutInTheMiddle} of ${KILLS} kills left raw records unprocessed`);
    });
  }

  test("two processes on one stream at once double nothing", async (t) => {
    const expected = await undisturbed("tweets", 1500, 8);
    await using made = await temporaryLog();
    const { log, dataDir } = made;
    const stream = streamNamed("tweets");
    await ensureWorld(log, stream);
    const children = [await spawnChild(dataDir, "tweets"), await spawnChild(dataDir, "tweets")];
    let overtaken = 0;
    for (const child of children)
      child.on("message", (kind) => (overtaken += Number(kind === "restarted")));
    const records = rawWorld(stream, 1500, 8);
    for (let at = 0; at < records.length; at += 60) {
      await appendRaw(log, stream, records.slice(at, at + 60));
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await processed(log, stream);
    for (const child of children) await kill(child);
    const told = await everythingTold(log, stream);
    for (const [topic, { lines, repeats }] of Object.entries(told)) {
      assert.deepEqual(lines, expected[topic]?.lines, topic);
      assert.equal(repeats, 0, topic);
    }
    assert.ok(overtaken > 0, "the two never met");
    t.diagnostic(`one came between the other's reading and writing ${overtaken} times`);
  });
});
