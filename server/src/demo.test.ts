import assert from "node:assert/strict";
import { test } from "node:test";
import { asDomain, type Domain } from "@penstock-dev/contract";
import { startDemo } from "./demo.ts";
import { Ingester, ingestOptions } from "./ingest/index.ts";
import type { Log } from "./log/index.ts";
import { temporaryLog } from "./log/temporary-log.ts";
import { defaultsOf } from "./option.ts";
import { ensureTopics, loadStreams } from "./streams/index.ts";

interface Raw {
  readonly key: string;
  readonly number: number;
}

/** A world of two keys that take turns. */
const turns: Domain<Raw> = {
  name: "turns",
  description: "Two who take turns.",
  topics: { raw: "turns", enriched: "turns" },
  ingest: {
    schema: {},
    parse: (value) => ({ ok: true, value: value as Raw }),
    complete: (raw) => raw,
    key: ({ key }) => key,
    id: ({ key, number }) => `${key}${number}`,
  },
  event_types: { turn: { noun: "turn", description: "A turn.", schema: {} } },
  fields: {},
  *demo() {
    for (let number = 0; ; number++) {
      for (const key of ["a", "b"]) yield { afterMs: 1, raw: { key, number } };
    }
  },
};

function makeWorld(log: Log) {
  const streams = loadStreams(undefined, new Map([["turns", asDomain(turns)]]), 2);
  const ingester = new Ingester({
    streams,
    options: defaultsOf(ingestOptions),
    log,
    now: Date.now,
  });
  const stream = ingester.stream("turns");
  const told: unknown[] = [];
  return {
    stream,
    told,
    play: () =>
      startDemo({
        streams,
        ingester,
        log,
        seed: 1,
        now: Date.now,
        tell: (_message, { key }) => told.push(key),
      }),
    publish: async (key: string) => {
      const raw = { key, number: -1 };
      await ingester.append(stream, [ingester.accept(stream, raw, undefined)]);
    },
    /** Keys of what lies in the log, the world's and others', in order of each partition. */
    records: async (): Promise<Raw[]> => {
      const heads = await log.heads("turns");
      const limits = { recordsMax: 100_000, bytesMax: 1e9 };
      const read = heads.map((_, partition) => log.read("turns", partition, 0, limits));
      const all = (await Promise.all(read)).flatMap(({ records }) => records);
      return all.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as Raw);
    },
  };
}

const tick = async (): Promise<void> => await new Promise((done) => setTimeout(done, 2));

test("the world leaves a key to who publishes it, goes on with the others, and knows it after a restart", async () => {
  await using made = await temporaryLog();
  const { stream, told, play, publish, records } = makeWorld(made.log);
  await ensureTopics(made.log, stream, {});
  const count = async (key: string) => (await records()).filter((one) => one.key === key).length;
  {
    await using demo = play();
    while ((await count("a")) < 3 || (await count("b")) < 3) await tick();
    assert.deepEqual(told, []);
    assert.deepEqual(await demo.parts(), [{ stream: "turns", playing: ["a", "b"], left: [] }]);
    await publish("a");
    while (told.length === 0) await tick();
    // What the world had on its way lies before what it appends from now on.
    const before = await count("b");
    while ((await count("b")) < before + 2) await tick();
    const [left, played] = [await count("a"), await count("b")];
    while ((await count("b")) < played + 20) await tick();
    assert.equal(await count("a"), left);
    assert.deepEqual(await demo.parts(), [{ stream: "turns", playing: ["b"], left: ["a"] }]);
  }
  const mine = (await records()).filter(({ key }) => key === "a");
  assert.ok(mine.some(({ number }) => number === -1));
  const [left, played] = [await count("a"), await count("b")];
  {
    await using _demo = play();
    while ((await count("b")) < played + 20) await tick();
  }
  assert.equal(await count("a"), left);
  assert.deepEqual(told, ["a", "a"]);
});
