/** Processing at named crash points: each append of a run fails once, before or after it is done. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Log } from "../server/src/log/index.ts";
import { temporaryLog } from "../server/src/log/temporary-log.ts";
import { defaultsOf } from "../server/src/option.ts";
import { type ProcessReport, processOptions, startProcessor } from "../server/src/process/index.ts";
import { deadTopic, type Stream, sourceOf } from "../server/src/streams/index.ts";
import { everythingTold, outputsOf, processed, recordsOf } from "./process/outputs.ts";
import { appendRaw, ensureWorld, rawWorld, streamNamed } from "./process/raw-world.ts";

const OPTIONS = { ...defaultsOf(processOptions), progressMs: 10, retryMs: 5 };

/** Runs a processor until all is processed, or for as long as it is told. */
async function run(
  log: Log,
  stream: Stream,
  options: Partial<typeof OPTIONS> = {},
  until: Promise<void> = processed(log, stream),
): Promise<readonly ProcessReport[]> {
  const reports: ProcessReport[] = [];
  const processor = startProcessor({
    log,
    stream,
    options: { ...OPTIONS, ...options },
    now: Date.now,
    report: (told) => reports.push(told),
  });
  await until;
  await processor?.[Symbol.asyncDispose]();
  return reports;
}

/** A log before which a crash stands: from an append on, nothing reaches it. */
function crashing(log: Log, at: number, when: "before" | "after") {
  const { promise: crashed, resolve } = Promise.withResolvers<void>();
  const state = { appends: 0 };
  const wrapped = new Proxy(log, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      if (name !== "append") return value.bind(target);
      return async (...args: Parameters<Log["append"]>) => {
        const number = state.appends++;
        if (number < at) return await target.append(...args);
        if (number === at && when === "after") await target.append(...args);
        resolve();
        throw new Error("the process is gone");
      };
    },
  });
  return { log: wrapped, crashed, state };
}

const crashPoints: readonly (readonly ["tweets" | "chain-events", number, number])[] = [
  ["tweets", 150, 40],
  ["chain-events", 70, 20],
];

describe("a crash", () => {
  for (const [name, count, batchRecordsMax] of crashPoints) {
    for (const when of ["before", "after"] as const) {
      test(`${name}: ${when} any append leaves nothing double and nothing lost`, async (t) => {
        const stream = streamNamed(name);
        const raw = rawWorld(stream, count, 4);
        await using whole = await temporaryLog();
        await ensureWorld(whole.log, stream);
        await appendRaw(whole.log, stream, raw);
        await run(whole.log, stream, { batchRecordsMax });
        const expected = await everythingTold(whole.log, stream);
        let points = 0;
        for (let at = 0; ; at++) {
          await using made = await temporaryLog();
          await ensureWorld(made.log, stream);
          await appendRaw(made.log, stream, raw);
          const crash = crashing(made.log, at, when);
          const over = Promise.race([processed(made.log, stream), crash.crashed]);
          await run(crash.log, stream, { batchRecordsMax }, over);
          if (crash.state.appends <= at) break;
          points += 1;
          await run(made.log, stream, { batchRecordsMax });
          const told = await everythingTold(made.log, stream);
          for (const [topic, { lines, repeats }] of Object.entries(told)) {
            assert.deepEqual(lines, expected[topic]?.lines, `${topic}, append ${at}`);
            assert.equal(repeats, 0, `${topic}, append ${at}`);
          }
        }
        assert.ok(points > 10, `${points} crash points`);
        t.diagnostic(`${points} crash points`);
      });
    }
  }

  test("while the output of another raw topic is replaced tells the new one once", async () => {
    const stream = streamNamed("tweets");
    const raw = rawWorld(stream, 60, 6);
    for (let at = 0; ; at++) {
      await using made = await temporaryLog();
      await ensureWorld(made.log, stream);
      await appendRaw(made.log, stream, raw);
      await run(made.log, stream, { batchRecordsMax: 20 });
      const before = await everythingTold(made.log, stream);
      // The raw topic was made anew, with the same records as it happens.
      const renamed = (log: Log): Log =>
        new Proxy(log, {
          get: (target, name) => {
            const value = Reflect.get(target, name, target) as unknown;
            if (typeof value !== "function") return value;
            if (name !== "describe") return value.bind(target);
            return async (topic: string) => {
              const info = await target.describe(topic);
              return topic === stream.ingestTopic ? { ...info, logId: "another" } : info;
            };
          },
        });
      const crash = crashing(renamed(made.log), at, "before");
      const reports = await run(
        crash.log,
        stream,
        { batchRecordsMax: 20 },
        anew(made.log, stream, crash.crashed),
      );
      assert.ok(reports.some(({ kind }) => kind === "generation"));
      if (crash.state.appends <= at) break;
      await run(renamed(made.log), stream, { batchRecordsMax: 20 }, anew(made.log, stream));
      const told = await everythingTold(made.log, stream);
      for (const [topic, { lines, repeats }] of Object.entries(told)) {
        const first = before[topic]?.lines ?? [];
        const second = first.map((line) => line.replace(/^(\d) 0\./, "$1 1."));
        assert.deepEqual([...lines].sort(), [...first, ...second].sort(), `${topic}, ${at}`);
        assert.equal(repeats, 0);
      }
    }
  });
});

/** Resolves once every output has the last of generation 1, or when the process crashed. */
async function anew(log: Log, stream: Stream, crashed?: Promise<void>): Promise<void> {
  let over = false;
  crashed?.then(() => {
    over = true;
  });
  while (!over) {
    const told = await everythingTold(log, stream);
    const heads = await log.heads(stream.ingestTopic);
    const done = Object.values(told).every(({ last }) =>
      heads.every((head, at) => last[at]?.generation === 1 && last[at]?.offset === head - 1),
    );
    if (done) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a processor", () => {
  test("buries what it cannot process, with the reason and as it came, and goes on", async () => {
    await using made = await temporaryLog();
    const { log } = made;
    const stream = streamNamed("chain-events");
    await ensureWorld(log, stream);
    const hash = (digit: string): string => `0x${digit.repeat(64)}`;
    const block = (number: number, own: string, parent: string, transactions: unknown[] = []) => ({
      type: "block",
      chain: "ETH",
      block: {
        number: `0x${number.toString(16)}`,
        hash: hash(own),
        parentHash: hash(parent),
        timestamp: "0x1",
        gasUsed: "0x0",
        gasLimit: "0x1",
        transactions,
      },
      receipts: [],
    });
    const transaction = {
      hash: hash("e"),
      from: `0x${"1".repeat(40)}`,
      value: "0x0",
      nonce: "0x0",
      input: "0x",
      transactionIndex: "0x0",
    };
    const wrong: readonly (readonly [string, RegExp])[] = [
      [JSON.stringify(block(12, "c", "f")), /parentHash 0xf{64} is no known block/],
      [
        JSON.stringify(block(11, "c", "a", [transaction])),
        /receipts has none of the transaction 0xe/,
      ],
      [JSON.stringify(block(13, "c", "a")), /number is 13, but its parent's is 10/],
      [JSON.stringify({ ...block(11, "c", "a"), receipts: undefined }), /\/receipts must be/],
      [
        JSON.stringify({ type: "final", chain: "ETH", number: 10, hash: hash("9") }),
        /no known block 10/,
      ],
      ["{ this is no JSON", /not JSON/],
      ["\ud83d".slice(0, 1), /not JSON/],
      [JSON.stringify({ type: "unheard" }), /\/type must be one of/],
    ];
    const texts = [
      JSON.stringify(block(10, "a", "0")),
      ...wrong.map(([text]) => text),
      JSON.stringify(block(11, "b", "a")),
    ];
    const records = texts.map((text) => ({ key: "ETH", value: Buffer.from(text) }));
    await log.append(stream.ingestTopic, 0, records);
    const reports = await run(log, stream);
    const dead = await recordsOf(log, deadTopic(stream), 0);
    assert.equal(dead.length, wrong.length);
    for (const [at, { value, headers }] of dead.entries()) {
      assert.match(headers.reason ?? "", wrong[at]?.[1] as RegExp);
      assert.equal(headers.position, `0:${at + 1}`);
      assert.deepEqual(Buffer.from(value), Buffer.from(texts[at + 1] ?? ""));
    }
    assert.equal(reports.filter(({ kind }) => kind === "dead_letter").length, wrong.length);
    const told = await everythingTold(log, stream);
    const blocks = told[stream.topic]?.lines.filter((line) =>
      line.includes('"event_type":"block"'),
    );
    assert.equal(blocks?.length, 2);
  });

  test("routes a deletion to who got the post, hides it first, and buries a foreign one", async () => {
    await using made = await temporaryLog();
    const { log } = made;
    const stream = streamNamed("tweets");
    await ensureWorld(log, stream);
    const raw = [
      {
        id: "t1",
        user_id: "ann",
        text: "so #crypto",
        timestamp: "2026-01-01T00:00:00Z",
        hashtags: ["#crypto"],
      },
      { type: "delete", id: "t1", user_id: "bob" },
      { type: "delete", id: "t1", user_id: "ann" },
      { type: "delete", id: "t1", user_id: "ann" },
      { type: "delete", id: "older", user_id: "ann" },
      // Its deletion came before it.
      {
        id: "older",
        user_id: "ann",
        text: "late",
        timestamp: "2026-01-01T00:00:00Z",
        hashtags: [],
      },
    ];
    const records = raw.map((one) => ({ key: "ann", value: Buffer.from(JSON.stringify(one)) }));
    await log.append(stream.ingestTopic, 0, records);
    const order: string[] = [];
    const watched = new Proxy(log, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        if (name !== "append") return value.bind(target);
        return async (...args: Parameters<Log["append"]>) => {
          order.push(args[0]);
          return await target.append(...args);
        };
      },
    });
    await run(watched, stream);
    assert.deepEqual(order.slice(0, 3), [deadTopic(stream), stream.tombstoneTopic, stream.topic]);
    const events = (await recordsOf(log, stream.topic, 0)).flatMap((record) => {
      const decoded = stream.decode(record);
      return decoded.kind === "event" ? [decoded.event] : [];
    });
    assert.deepEqual(
      events.map(({ event_type, id }) => [event_type, id]),
      [
        ["new_tweet", "t1"],
        ["delete", "t1"],
        ["delete", "older"],
      ],
    );
    assert.equal(events[1]?.routes?.[0]?.partial, undefined);
    assert.ok((events[1]?.routes?.[0]?.fields.hashtags ?? []).length === 1);
    assert.deepEqual(Object.keys(events[2]?.routes?.[0]?.fields ?? {}), ["user_ids"]);
    assert.equal(events[2]?.routes?.[0]?.partial, true);
    const tombstones = (await recordsOf(log, stream.tombstoneTopic ?? "", 0)).filter(
      ({ value }) => value.length > 0,
    );
    assert.deepEqual(
      tombstones.map(({ key, headers }) => [key, headers.source]),
      [
        ['["ann","t1"]', "0.2.0.1"],
        ['["ann","older"]', "0.4.0.1"],
      ],
    );
    const [dead] = await recordsOf(log, deadTopic(stream), 0);
    assert.match(dead?.headers.reason ?? "", /not the author of t1/);
  });

  test("says how far it is where raw records give nothing, and goes on from there", async () => {
    await using made = await temporaryLog();
    const { log } = made;
    const stream = streamNamed("tweets");
    await ensureWorld(log, stream);
    const post = JSON.stringify({
      id: "t",
      user_id: "a",
      text: "x",
      timestamp: "2026-01-01T00:00:00Z",
    });
    const records = Array.from({ length: 500 }, () => ({ key: "a", value: Buffer.from(post) }));
    for (let round = 0; round < 5; round++) await log.append(stream.ingestTopic, 0, records);
    // By the count alone: no time passes for this one.
    await run(
      log,
      stream,
      { progressRecords: 1000, progressMs: 60_000 },
      reached(log, stream, 2000),
    );
    const sources = (await recordsOf(log, stream.topic, 0)).map(sourceOf);
    assert.deepEqual(
      sources.map((source) => source?.offset),
      [0, 1000, 2000],
    );
    await run(log, stream);
    for (const topic of outputsOf(stream)) {
      const last = (await recordsOf(log, topic, 0)).at(-1);
      assert.equal(last === undefined ? undefined : sourceOf(last)?.offset, 2499, topic);
    }
  });

  test("that finds raw records gone before it came to them says which", async () => {
    await using made = await temporaryLog();
    const { log } = made;
    const stream = streamNamed("tweets");
    await ensureWorld(log, stream);
    await appendRaw(log, stream, rawWorld(stream, 100, 2));
    await run(log, stream);
    const raw = rawWorld(stream, 200, 3).filter(({ partition }) => partition === 0);
    await appendRaw(log, stream, raw);
    const [head = 0] = await log.heads(stream.ingestTopic);
    await log.createTopic(stream.ingestTopic, { partitions: 2, retentionMs: 1 });
    await log.retain(Date.now() + 1000);
    await log.createTopic(stream.ingestTopic, { partitions: 2 });
    assert.equal((await log.floors(stream.ingestTopic))[0], head);
    await log.append(stream.ingestTopic, 0, [{ key: "x", value: Buffer.from("{}") }]);
    const reports = await run(log, stream, {}, reached(log, stream, head));
    assert.match(
      reports.find(({ kind }) => kind === "lost")?.reason ?? "",
      new RegExp(`to ${head - 1} left`),
    );
  });
});

/** Resolves once the enriched partition 0 says that a raw offset is processed. */
async function reached(log: Log, stream: Stream, offset: number): Promise<void> {
  for (;;) {
    const last = (await everythingTold(log, stream))[stream.topic]?.last[0];
    if (last !== undefined && last.offset >= offset) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
