import assert from "node:assert/strict";
import { test } from "node:test";
import type { DomainEvent, ProcessOutcome } from "@penstock-dev/contract";
import fc from "fast-check";
import { chainSettings } from "./chains.ts";
import { applyChainRecord, chainStateFrom, createChainState } from "./process.ts";
import type { RawChainRecord } from "./raw-record.ts";

const settingsOf = chainSettings({});

interface Block {
  readonly chain: "ETH" | "BTC";
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
}

let serial = 0;
function blockOn(parent: Block): Block {
  serial += 1;
  const hash = serial.toString(16).padStart(64, "0");
  return {
    chain: parent.chain,
    number: parent.number + 1,
    hash: parent.chain === "ETH" ? `0x${hash}` : hash,
    parentHash: parent.hash,
  };
}

/** So many blocks of which nothing that came before is the parent. */
function stretch(chain: Block["chain"], number: number, length: number): Block[] {
  const before = blockOn({ chain, number: number - 2, hash: "", parentHash: "" });
  return grown(before, length);
}

function grown(from: Block, length: number): Block[] {
  const blocks: Block[] = [];
  for (let parent = from; blocks.length < length; parent = blocks.at(-1) as Block)
    blocks.push(blockOn(parent));
  return blocks;
}

function raw(
  { chain, number, hash, parentHash }: Block,
  mark: "head" | "start" | "" = "",
): RawChainRecord {
  const marked = mark === "" ? {} : { [mark]: true as const };
  if (chain === "BTC") {
    const block = { hash, height: number, previousblockhash: parentHash };
    return { type: "block", chain, block, ...marked };
  }
  const quantity = `0x${number.toString(16)}`;
  const block = {
    number: quantity,
    hash,
    parentHash,
    timestamp: "0x0",
    gasUsed: "0x0",
    gasLimit: "0x1",
    transactions: [],
  };
  return { type: "block", chain, block, receipts: [], ...marked };
}

/** A file as it is published: the first block is the start of a recording. */
const recording = (blocks: readonly Block[]): RawChainRecord[] =>
  blocks.map((block, at) => raw(block, at === 0 ? "start" : ""));

function player() {
  const state = createChainState();
  let offset = 0;
  return (records: readonly RawChainRecord[]): { events: DomainEvent[]; dead: string[] } => {
    const outcomes = records.map((one) => applyChainRecord(one, state, offset++, settingsOf));
    return {
      events: outcomes.flatMap(({ enriched }) => enriched),
      dead: outcomes.flatMap(({ dead }) => dead ?? []),
    };
  };
}

/** What happened, in a word for each event: a block's number, undone blocks with a minus. */
const told = ({ events }: { readonly events: readonly DomainEvent[] }): string[] =>
  events.map(({ event_type, payload, removed }) =>
    event_type === "block"
      ? `${removed === true ? "-" : ""}${String(payload.number)}`
      : `${event_type}`,
  );

test("a recording that does not connect goes on from its start, and undoes nothing", () => {
  const play = player();
  play([raw(stretch("ETH", 9000, 1)[0] as Block)]);
  for (const number of [100, 50, 12_000]) {
    const one = play(recording(stretch("ETH", number, 3)));
    assert.deepEqual(told(one), [number, number + 1, number + 2].map(String));
    assert.deepEqual(one.dead, []);
  }
});

test("without the mark such blocks are dead letters", () => {
  const play = player();
  play([raw(stretch("ETH", 9000, 1)[0] as Block)]);
  const { events, dead } = play(stretch("ETH", 100, 3).map((block) => raw(block)));
  assert.deepEqual(events, []);
  assert.equal(dead.length, 3);
  assert.match(dead[0] ?? "", /ETH stands at 9000/);
});

test("a recording that is published again changes nothing, whatever came in between", () => {
  const play = player();
  const first = recording(stretch("ETH", 100, 20));
  const second = recording(stretch("ETH", 50, 20));
  play(first);
  play(second);
  for (const again of [first, second, first]) {
    const one = play(again);
    assert.deepEqual([one.events, one.dead], [[], []]);
  }
});

test("the second part of a recording goes on behind the first, whatever came in between", () => {
  const play = player();
  const blocks = stretch("ETH", 100, 6);
  play(recording(blocks.slice(0, 3)));
  play(recording(stretch("ETH", 5000, 3)));
  const one = play(recording(blocks.slice(3)));
  assert.deepEqual([told(one), one.dead], [["103", "104", "105"], []]);
});

test("a start that forks a chain which is known is an orphan until its branch is longer", () => {
  const play = player();
  const blocks = stretch("ETH", 100, 5);
  play(recording(blocks));
  const branch = grown(blocks[2] as Block, 3);
  const one = play(recording(branch));
  assert.deepEqual(told(one), ["reorg", "-104", "-103", "103", "104", "105"]);
});

test("a block of which the parent is not told starts a recording, and connects to no other", () => {
  const play = player();
  for (const height of [100, 200]) {
    const hash = String(height).padStart(64, "0");
    const block = { hash, height };
    const one = play([{ type: "block", chain: "BTC", block, start: true }]);
    assert.deepEqual(one.dead, []);
    assert.deepEqual(one.events[0]?.payload, { chain: "BTC", number: height, hash });
  }
});

test("each piece of a chain has a finality of its own", () => {
  const play = player();
  const [high, low] = [stretch("ETH", 9000, 2), stretch("ETH", 100, 2)];
  const final = ({ chain, number, hash }: Block): RawChainRecord => ({
    type: "final",
    chain,
    number,
    hash,
  });
  play([...recording(high), final(high[0] as Block), ...recording(low)]);
  const one = play([final(low[0] as Block), final(high[1] as Block)]);
  assert.deepEqual([told(one), one.dead], [["final", "final"], []]);
});

test("a replay knows what a start connected to, deep below the head", () => {
  const blocks = stretch("ETH", 1000, 700);
  const deep = blocks[50] as Block;
  const final = ({ number, hash }: Block): RawChainRecord => ({
    type: "final",
    chain: "ETH",
    number,
    hash,
  });
  const records = [
    ...recording(blocks.slice(0, 11)),
    // What is not final is held, however deep it comes to lie.
    final(blocks[10] as Block),
    ...blocks.slice(11, 400).map((block) => raw(block)),
    raw(deep, "start"),
    final(blocks[390] as Block),
    ...blocks.slice(400, 640).map((block) => raw(block)),
  ];
  const whole = createChainState();
  for (const [offset, one] of records.entries()) applyChainRecord(one, whole, offset, settingsOf);
  const rebuilt = createChainState();
  const from = chainStateFrom(whole);
  for (let offset = from; offset < records.length; offset++)
    applyChainRecord(records[offset] as RawChainRecord, rebuilt, offset, settingsOf);
  // Nothing that forks so deep is followed any more, whoever is asked.
  const late = raw(blockOn(deep));
  for (const state of [whole, rebuilt])
    assert.match(applyChainRecord(late, state, records.length, settingsOf).dead ?? "", /no known/);
});

type Step =
  | { readonly does: "start" | "extend" | "stray"; readonly at: number; readonly blocks: number }
  | { readonly does: "fork" | "again"; readonly at: number; readonly blocks: number }
  | { readonly does: "final"; readonly at: number };

/** All that ever came of a chain; what is in the middle of it is taken by a number of any size. */
class History {
  readonly #chain: Block["chain"];
  readonly #blocks: Block[];

  constructor(chain: Block["chain"]) {
    this.#chain = chain;
    this.#blocks = stretch(chain, 10_000, 1);
  }

  #pick(at: number): number {
    // Mostly what is new.
    const back = Math.floor(((at % 1000) ** 3 / 1e9) * this.#blocks.length);
    return this.#blocks.length - 1 - back;
  }

  play(step: Step): RawChainRecord[] {
    const place = this.#pick(step.at);
    const picked = this.#blocks[place] as Block;
    if (step.does === "final")
      return [{ type: "final", chain: this.#chain, number: picked.number, hash: picked.hash }];
    if (step.does === "again") return recording(this.#blocks.slice(place, place + step.blocks));
    if (step.does === "stray") return [raw(stretch(this.#chain, picked.number, 1)[0] as Block)];
    const from = step.does === "extend" ? (this.#blocks.at(-1) as Block) : picked;
    const blocks =
      step.does === "start"
        ? stretch(this.#chain, 10 + (step.at % 20_000), step.blocks)
        : grown(from, step.blocks);
    this.#blocks.push(...blocks);
    return step.does === "start" ? recording(blocks) : blocks.map((block) => raw(block));
  }
}

const place = fc.nat(100_000);
const sized = (does: "start" | "extend" | "fork" | "again" | "stray", max: number) =>
  fc.record({ does: fc.constant(does), at: place, blocks: fc.integer({ min: 1, max }) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: sized("start", 30) },
  { weight: 6, arbitrary: sized("extend", 150) },
  { weight: 4, arbitrary: sized("fork", 40) },
  { weight: 4, arbitrary: sized("again", 80) },
  { weight: 1, arbitrary: sized("stray", 1) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant("final" as const), at: place }) },
);
const steps = fc.array(fc.tuple(fc.constantFrom("ETH" as const, "BTC" as const), step), {
  minLength: 20,
  maxLength: 60,
});

test("a state of several pieces that a replay rebuilds behaves as the one that was in memory", () => {
  const limits = { idleRecordsMax: 100, togetherRecordsMax: 500 };
  const counts = { rebuilds: 0, beyond: 0, started: 0 };
  fc.assert(
    fc.property(steps, fc.array(fc.nat(), { minLength: 6, maxLength: 6 }), (taken, cuts) => {
      const histories = { ETH: new History("ETH"), BTC: new History("BTC") };
      const records = taken.flatMap(([name, one]) => histories[name].play(one));
      const whole = createChainState(limits);
      const outcomes: ProcessOutcome[] = [];
      const places: number[] = [];
      for (const [offset, one] of records.entries()) {
        outcomes.push(applyChainRecord(one, whole, offset, settingsOf));
        places.push(chainStateFrom(whole));
      }
      for (const cut of cuts.map((number) => number % records.length)) {
        const from = places[cut] ?? 0;
        counts.rebuilds += 1;
        if (from > 0) counts.beyond += 1;
        const state = createChainState(limits);
        for (let offset = from; offset < records.length; offset++) {
          const one = records[offset] as RawChainRecord;
          const outcome = applyChainRecord(one, state, offset, settingsOf);
          if (offset > cut) assert.deepEqual(outcome, outcomes[offset], `${from} ${cut} ${offset}`);
        }
      }
      assert.ok(records.length - (places.at(-1) ?? 0) < 4000);
    }),
    { numRuns: 100 },
  );
  assert.ok(counts.beyond > counts.rebuilds / 50, JSON.stringify(counts));
});
