import assert from "node:assert/strict";
import { test } from "node:test";
import type { DomainEvent, ProcessOutcome } from "@penstock-dev/contract";
import fc from "fast-check";
import { chainSettings } from "./chains.ts";
import { applyChainRecord, chainStateFrom, createChainState } from "./process.ts";
import type { RawChainRecord } from "./raw-record.ts";

const settingsOf = chainSettings({});
/** Forks of the test begin no deeper than this below the highest head: all of them are followed. */
const HELD = 120;

interface Block {
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
}

type Step =
  | { readonly does: "extend"; readonly blocks: number }
  | {
      readonly does: "fork";
      readonly depth: number;
      readonly blocks: number;
      readonly isHead: boolean;
    }
  | { readonly does: "return" | "repeat" | "stray" | "lone" }
  | { readonly does: "final" | "falseFinal"; readonly depth: number }
  | { readonly does: "jump"; readonly by: number };

/** A world of one chain: what is sent, and by a naive reading of the rules, which blocks are it. */
class World {
  readonly #name: "ETH" | "BTC";
  readonly #blocks = new Map<string, Block>();
  chain: Block[] = [];
  #highest = 1000;
  #root: Block = { number: 1000, hash: "", parentHash: "" };
  #left: Block | undefined;
  #serial = 0;

  constructor(name: "ETH" | "BTC") {
    this.#name = name;
    this.#root = { number: 1000, hash: this.#hash(), parentHash: "" };
  }

  get #head(): Block {
    return this.chain.at(-1) ?? this.#root;
  }

  *play(step: Step): Iterable<RawChainRecord> {
    switch (step.does) {
      case "extend":
        for (let block = 0; block < step.blocks; block++) yield this.#take(this.#next(this.#head));
        return;
      case "fork": {
        let parent = this.#at(step.depth);
        for (let block = 1; parent !== undefined && block <= step.blocks; block++) {
          const next = this.#next(parent);
          yield this.#take(next, step.isHead && block === step.blocks);
          parent = next;
        }
        return;
      }
      case "return":
        if (this.#left !== undefined && this.#ancestor(this.#left) !== undefined)
          yield this.#take(this.#left, true);
        return;
      case "repeat":
        if (this.chain.length > 0) yield this.#raw(this.#head, false);
        return;
      case "stray":
        if (this.chain.length > 0)
          yield this.#raw(this.#next({ ...this.#head, hash: this.#hash() }), false);
        return;
      case "lone":
        yield { type: "tx", chain: this.#name, id: this.#hash(), from: "a", value: "1.5" };
        return;
      case "final": {
        const block = this.#at(step.depth);
        if (block !== undefined && block !== this.#root) yield this.#final(block);
        return;
      }
      case "falseFinal":
        if (this.chain.length > 0) {
          const { number } = this.#head;
          yield this.#final({ number: number - step.depth, hash: this.#hash(), parentHash: "" });
        }
        return;
      case "jump": {
        const number = Math.max(10, this.#head.number + step.by);
        this.#root = { number: number - 1, hash: this.#hash(), parentHash: "" };
        this.#highest = number;
        yield this.#take(this.#next(this.#root), true);
        return;
      }
    }
  }

  /** The block so deep below the head, where forks from there are followed. */
  #at(depth: number): Block | undefined {
    const number = this.#head.number - depth;
    if (number < this.#highest - HELD || number < this.#root.number) return undefined;
    if (number === this.#root.number) return this.#root;
    return this.chain.findLast((block) => block.number === number);
  }

  #ancestor(block: Block): Block | undefined {
    let at: Block | undefined = block;
    while (at !== undefined && !this.chain.includes(at)) at = this.#blocks.get(at.parentHash);
    if (at === undefined || at.number < this.#highest - HELD) return undefined;
    return at.number > this.#root.number ? at : undefined;
  }

  #take(block: Block, isHead = false): RawChainRecord {
    const head = this.#head;
    const knows = this.#blocks.has(block.hash);
    this.#blocks.set(block.hash, block);
    const extends_ = block.parentHash === head.hash && !knows;
    const wins = isHead || (!knows && block.number > head.number);
    if (extends_ || this.chain.length === 0) this.chain.push(block);
    else if (wins) this.#moveTo(block);
    this.#highest = Math.max(this.#highest, this.#head.number);
    return this.#raw(block, isHead);
  }

  #moveTo(block: Block): void {
    const path: Block[] = [];
    let at: Block | undefined = block;
    while (at !== undefined && !this.chain.includes(at)) {
      path.unshift(at);
      at = this.#blocks.get(at.parentHash);
    }
    const from = at?.number ?? (path[0] as Block).number - 1;
    if (this.#head !== block) this.#left = this.#head;
    this.chain = [...this.chain.filter(({ number }) => number <= from), ...path];
  }

  #next(parent: Block): Block {
    return { number: parent.number + 1, hash: this.#hash(), parentHash: parent.hash };
  }

  #hash(): string {
    this.#serial += 1;
    const hex = this.#serial.toString(16).padStart(64, "0");
    return this.#name === "ETH" ? `0x${hex}` : hex;
  }

  #final({ number, hash }: Block): RawChainRecord {
    return { type: "final", chain: this.#name, number, hash };
  }

  #raw({ number, hash, parentHash }: Block, isHead: boolean): RawChainRecord {
    const head = isHead ? { head: true as const } : {};
    if (this.#name === "BTC") {
      const vout = [{ value: 50, scriptPubKey: { address: `miner${number % 3}` } }];
      const tx = [{ txid: hash, vin: [{ coinbase: "00" }], vout }];
      const block = { hash, height: number, previousblockhash: parentHash, time: number, tx };
      return { type: "block", chain: "BTC", block, ...head };
    }
    const quantity = `0x${number.toString(16)}`;
    const block = {
      number: quantity,
      hash,
      parentHash,
      timestamp: quantity,
      gasUsed: "0x0",
      gasLimit: "0x1",
      transactions: [],
    };
    return { type: "block", chain: "ETH", block, receipts: [], ...head };
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant("extend"), blocks: fc.nat(60) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant("fork"),
      depth: fc.integer({ min: 1, max: 64 }),
      blocks: fc.integer({ min: 1, max: 70 }),
      isHead: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constantFrom("return", "repeat", "stray", "lone") }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant("final"), depth: fc.nat(110) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant("falseFinal"), depth: fc.nat(300) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant("jump"),
      by: fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer({ min: 300, max: 3000 })),
    }),
  },
);
const steps = fc.array(fc.tuple(fc.constantFrom("ETH" as const, "BTC" as const), step), {
  minLength: 10,
  maxLength: 60,
});

/** Folds one chain's events as a client does: a stack, from which an undo takes the last again. */
class Fold {
  readonly ids: string[] = [];

  take({ event_type, id, removed }: DomainEvent): void {
    if (event_type === "reorg" || event_type === "final" || id.split(":")[1] === "tx") return;
    if (removed === true) assert.equal(this.ids.pop(), id);
    else this.ids.push(id);
  }

  get blocks(): string[] {
    return this.ids.filter((id) => id.endsWith(":block")).map((id) => id.split(":")[1] ?? "");
  }
}

test("whatever forks, returns, jumps and lies there are, the events fold to the chain", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const worlds = { ETH: new World("ETH"), BTC: new World("BTC") };
      const folds = { ETH: new Fold(), BTC: new Fold() };
      const state = createChainState();
      let offset = 0;
      for (const [name, one] of taken) {
        for (const raw of worlds[name].play(one)) {
          const { enriched, dead } = applyChainRecord(raw, state, offset++, settingsOf);
          if (one.does !== "falseFinal")
            assert.equal(dead === undefined, one.does !== "stray", dead);
          for (const event of enriched) folds[name].take(event);
          const fold = folds[name].blocks;
          assert.deepEqual(
            fold,
            worlds[name].chain.map(({ hash }) => hash),
          );
          assert.equal(new Set(folds[name].ids).size, folds[name].ids.length);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("a reorg names what it removes and adds, and undoes it newest first before the new branch", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 5 }), (depth, more) => {
      const world = new World("ETH");
      const state = createChainState();
      let offset = 0;
      const play = (one: Step): DomainEvent[] => {
        const events: DomainEvent[] = [];
        for (const raw of world.play(one))
          events.push(...applyChainRecord(raw, state, offset++, settingsOf).enriched);
        return events;
      };
      play({ does: "extend", blocks: 70 });
      const old = world.chain.slice(-depth).map(({ hash }) => hash);
      const events = play({ does: "fork", depth, blocks: depth + more, isHead: false });
      const next = world.chain.slice(-(depth + more)).map(({ hash }) => hash);
      const [reorg, ...rest] = events;
      const hashes = (list: unknown) => (list as { hash: string }[]).map(({ hash }) => hash);
      assert.equal(reorg?.event_type, "reorg");
      assert.deepEqual(hashes(reorg.payload.removed), [...old].reverse());
      assert.deepEqual(hashes(reorg.payload.added), next.slice(0, depth + 1));
      assert.deepEqual(
        rest.map(({ id, removed }) => [id.split(":")[1], removed]),
        [
          ...[...old].reverse().map((hash) => [hash, true]),
          ...next.map((hash) => [hash, undefined]),
        ],
      );
    }),
    { numRuns: 40 },
  );
});

test("the final stream rises, is never taken back, and agrees with the chain of its moment", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const worlds = { ETH: new World("ETH"), BTC: new World("BTC") };
      const last = { ETH: -1, BTC: -1 };
      const state = createChainState();
      let offset = 0;
      for (const [name, one] of taken) {
        // The chain that starts anew far away begins a new count.
        if (one.does === "jump") continue;
        for (const raw of worlds[name].play(one)) {
          const { enriched, final = [] } = applyChainRecord(raw, state, offset++, settingsOf);
          const blocks = final.filter(({ event_type }) => event_type === "block");
          for (const { payload, removed } of blocks) {
            const number = Number(payload.number);
            assert.ok(number > last[name], `${number} after ${last[name]}`);
            if (last[name] >= 0) assert.equal(number, last[name] + 1);
            last[name] = number;
            assert.equal(removed, undefined);
            assert.ok(worlds[name].chain.some(({ hash }) => hash === payload.hash));
          }
          const told = enriched.findLast(({ event_type }) => event_type === "final");
          if (blocks.length > 0) assert.equal(told?.payload.hash, blocks.at(-1)?.payload.hash);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("a state that a replay rebuilds from the log behaves as the one that was in memory", () => {
  let rebuilds = 0;
  let beyond = 0;
  fc.assert(
    fc.property(steps, fc.array(fc.nat(), { minLength: 6, maxLength: 6 }), (taken, cuts) => {
      const worlds = { ETH: new World("ETH"), BTC: new World("BTC") };
      const records = taken.flatMap(([name, one]) => [...worlds[name].play(one)]);
      if (records.length === 0) return;
      const whole = createChainState();
      const outcomes: ProcessOutcome[] = [];
      const places: number[] = [];
      for (const [offset, raw] of records.entries()) {
        outcomes.push(applyChainRecord(raw, whole, offset, settingsOf));
        places.push(chainStateFrom(whole));
      }
      for (const cut of cuts.map((number) => number % records.length)) {
        const state = createChainState();
        const from = places[cut] ?? 0;
        rebuilds += 1;
        if (from > 0) beyond += 1;
        for (let offset = from; offset < records.length; offset++) {
          const outcome = applyChainRecord(
            records[offset] as RawChainRecord,
            state,
            offset,
            settingsOf,
          );
          if (offset > cut) assert.deepEqual(outcome, outcomes[offset], `${from} ${cut} ${offset}`);
        }
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(beyond > rebuilds / 40, `${beyond} of ${rebuilds} began behind the first record`);
});

test("the log that a replay needs is bounded", () => {
  const world = new World("BTC");
  const state = createChainState();
  let offset = 0;
  for (let round = 0; round < 40; round++) {
    for (const does of ["extend", "fork", "falseFinal"] as const) {
      for (const raw of world.play({ does, blocks: 100, depth: 30, isHead: false }))
        applyChainRecord(raw, state, offset++, settingsOf);
    }
  }
  assert.ok(offset - chainStateFrom(state) < 2500, `${offset - chainStateFrom(state)} records`);
});

test("a chain of which nothing came for long is forgotten, and begins anew", () => {
  const [old, other] = [new World("ETH"), new World("BTC")];
  const state = createChainState();
  for (const raw of old.play({ does: "extend", blocks: 1 }))
    applyChainRecord(raw, state, 0, settingsOf);
  assert.deepEqual([...state.chains.keys()], ["ETH"]);
  for (const raw of other.play({ does: "extend", blocks: 1 }))
    applyChainRecord(raw, state, 30_000, settingsOf);
  assert.deepEqual([...state.chains.keys()], ["BTC"]);
  assert.equal(chainStateFrom(state), 30_000);
});

test("blocks that name each other, or themselves, as parents do not hold up the stream", () => {
  const hash = (name: string): string => `0x${name.repeat(64)}`;
  const names = fc.constantFrom("a", "b", "c");
  const record = fc.record({
    number: fc.constantFrom("0x0", "0x1", "0x2", "0x20000000000000", `0x${"f".repeat(64)}`),
    name: names,
    parent: names,
    head: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(record, { minLength: 2, maxLength: 12 }), (records) => {
      const state = createChainState();
      for (const [offset, { number, name, parent, head }] of records.entries()) {
        const block = {
          number,
          hash: hash(name),
          parentHash: hash(parent),
          timestamp: "0x0",
          gasUsed: "0x0",
          gasLimit: "0x0",
          transactions: [],
        };
        const told = head ? { head } : {};
        const raw: RawChainRecord = { type: "block", chain: "ETH", block, receipts: [], ...told };
        applyChainRecord(raw, state, offset, settingsOf);
      }
    }),
    { numRuns: 3000 },
  );
});
