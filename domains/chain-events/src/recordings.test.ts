import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { DomainEvent } from "@penstock-dev/contract";
import { transfersOf } from "./erc-transfer.ts";
import { chainEvents } from "./index.ts";

const SHARED =
  process.env.PENSTOCK_SHARED ?? fileURLToPath(new URL("../../../../shared", import.meta.url));

/** The lines of a recording; undefined where it is not at hand. */
function linesOf(name: string): string[] | undefined {
  const path = `${SHARED}/data/${name}`;
  if (!existsSync(path)) return undefined;
  const text = gunzipSync(readFileSync(path)).toString();
  return text.split("\n").filter((line) => line !== "");
}

function recording(name: string): unknown[] | undefined {
  return linesOf(name)?.map((line) => JSON.parse(line) as unknown);
}

/** What the domain makes of a recording's lines. */
function play(lines: readonly unknown[]): {
  events: DomainEvent[];
  final: DomainEvent[];
  dead: string[];
} {
  const memory = new Map<string, unknown>();
  const state = chainEvents.process?.create();
  const events: DomainEvent[] = [];
  const final: DomainEvent[] = [];
  const dead: string[] = [];
  let offset = 0;
  for (const line of lines) {
    for (const raw of chainEvents.fromRecording?.(line, memory) ?? []) {
      const parsed = chainEvents.ingest.parse(raw);
      assert.ok(parsed.ok, JSON.stringify(parsed).slice(0, 500));
      const outcome = chainEvents.process?.apply(parsed.value, state, offset++);
      events.push(...(outcome?.enriched ?? []));
      final.push(...(outcome?.final ?? []));
      if (outcome?.dead !== undefined) dead.push(outcome.dead);
    }
  }
  return { events, final, dead };
}

const countOf = (events: readonly DomainEvent[], type: string): number =>
  events.filter(({ event_type }) => event_type === type).length;

test("23 Ethereum blocks give all their transactions and logs, and the transfers among them", (t) => {
  const lines = recording("ethereum-blocks-receipts-17686110-17686132.jsonl.gz");
  if (lines === undefined) return t.skip("the recording of Ethereum blocks is not at hand");
  const { events, dead } = play(lines);
  assert.deepEqual(dead, []);
  assert.equal(countOf(events, "block"), 23);
  assert.equal(countOf(events, "tx"), 4416);
  assert.equal(countOf(events, "log"), 9807);
  assert.equal(events.filter(({ payload }) => payload.status === "failed").length, 202);
  assert.ok(countOf(events, "transfer") > 3000);
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
});

test("the ERC-20 transfers of two blocks are those that another decoder found", (t) => {
  const lines = linesOf("ethereum-etl-stream-17173049-17173050.jsonl.gz");
  if (lines === undefined) return t.skip("the recording of a typed Ethereum stream is not at hand");
  type Row = Readonly<Record<string, string>> & { readonly topics: readonly string[] };
  type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;
  // Amounts are numbers beyond what a double holds: their digits count (ECMAScript's source text).
  const digits: Reviver = (name, value, { source }) => (name === "value" ? source : value);
  const rows = lines.map((line) => JSON.parse(line, digits as never) as Row);
  const place = (row: Row) => `${row.transaction_hash} ${row.log_index}`;
  const theirs = rows
    .filter(({ type }) => type === "token_transfer")
    .map((row) => [place(row), row.token_address, row.from_address, row.to_address, row.value]);
  const ours = rows
    .filter(({ type }) => type === "log")
    .flatMap((row) =>
      transfersOf(row.topics, row.data ?? "")
        .filter(({ standard }) => standard !== "erc1155")
        // The other decoder calls an ERC-721's token id its value.
        .map(({ from, to, amount, tokenId }) => [
          place(row),
          row.address,
          from,
          to,
          tokenId ?? amount,
        ]),
    );
  assert.ok(theirs.length > 100);
  const sorted = (list: readonly (readonly (string | undefined)[])[]) =>
    list.map((one) => one.join(" ")).sort();
  assert.deepEqual(sorted(ours), sorted(theirs));
});

test("Bitcoin's forks, replayed as arrivals, fold to the canonical chain", (t) => {
  const lines = recording("bitcoin-reorgs-2017-2019.jsonl.gz");
  if (lines === undefined) return t.skip("the recording of Bitcoin's forks is not at hand");
  interface Header {
    readonly height: number;
    readonly hash: string;
    readonly time?: number;
  }
  const forks = lines as {
    readonly common_ancestor: Header;
    readonly stale_branch: readonly Header[];
    readonly canonical_branch: readonly Header[];
  }[];
  const state = chainEvents.process?.create();
  const live: string[] = [];
  let offset = 0;
  let reorgs = 0;
  let deepest = 0;
  const arrive = ({ height, hash, time = 0 }: Header, previous: string, isHead: boolean): void => {
    const raw = {
      type: "block",
      chain: "BTC",
      block: { hash, height, previousblockhash: previous, time, tx: [] },
      ...(isHead ? { head: true } : {}),
    };
    const parsed = chainEvents.ingest.parse(raw);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    const outcome = chainEvents.process?.apply(parsed.value, state, offset++);
    assert.equal(outcome?.dead, undefined);
    for (const { event_type, payload, removed } of outcome?.enriched ?? []) {
      if (event_type === "reorg") {
        reorgs += 1;
        deepest = Math.max(deepest, (payload.removed as unknown[]).length);
      }
      if (event_type !== "block") continue;
      if (removed === true) assert.equal(live.pop(), payload.hash);
      else live.push(String(payload.hash));
    }
  };
  const canonical: string[] = [];
  let followed = 0;
  for (const { common_ancestor: ancestor, stale_branch: stale, canonical_branch: best } of forks) {
    // Two forks at one height share their ancestor: it is there already.
    if (live.at(-1) !== ancestor.hash) {
      const at = canonical.indexOf(ancestor.hash);
      if (at >= 0) canonical.length = at;
      canonical.push(ancestor.hash);
      // Of what came before it nothing is recorded, its hash neither.
      arrive(ancestor, [...ancestor.hash].reverse().join(""), true);
    }
    const chain = (branch: readonly Header[]) =>
      branch.map((block, at) => [block, branch[at - 1]?.hash ?? ancestor.hash] as const);
    for (const [block, previous] of chain(stale)) arrive(block, previous, false);
    const before = live.at(-1);
    for (const [block, previous] of chain(best)) arrive(block, previous, false);
    canonical.push(...best.map(({ hash }) => hash));
    if (before === stale.at(-1)?.hash && best.length > stale.length) followed += 1;
    assert.deepEqual(live.slice(-best.length - 1), [
      ancestor.hash,
      ...best.map(({ hash }) => hash),
    ]);
  }
  assert.deepEqual(live, canonical);
  assert.equal(forks.length, 124);
  assert.equal(followed, 124);
  assert.ok(reorgs >= 124);
  assert.equal(deepest, 18);
});

test("Bitcoin blocks give their transactions with exact amounts", (t) => {
  const lines = recording("bitcoin-blocks.jsonl.gz");
  if (lines === undefined) return t.skip("the recording of Bitcoin blocks is not at hand");
  const { events, dead } = play(lines);
  assert.deepEqual(dead, []);
  assert.equal(countOf(events, "tx"), 397);
  const genesis = events.find(({ event_type }) => event_type === "tx");
  assert.equal(genesis?.payload.value, "50");
  assert.equal(genesis?.payload.value_raw, "5000000000");
});
