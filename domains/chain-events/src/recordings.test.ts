import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { DomainEvent } from "@penstock-dev/contract";
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

/** What the domain makes of a recording's lines. */
function play(lines: readonly string[]): {
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
  const found = lines.flatMap((text) => {
    const records = chainEvents.fromRecording?.(JSON.parse(text), memory, text);
    assert.ok(records !== undefined, text.slice(0, 200));
    return records;
  });
  for (const raw of [...found, ...(chainEvents.endOfRecording?.(memory) ?? [])]) {
    const parsed = chainEvents.ingest.parse(raw);
    assert.ok(parsed.ok, JSON.stringify(parsed).slice(0, 500));
    const outcome = chainEvents.process?.apply(parsed.value, state, offset++);
    events.push(...(outcome?.enriched ?? []));
    final.push(...(outcome?.final ?? []));
    if (outcome?.dead !== undefined) dead.push(outcome.dead);
  }
  return { events, final, dead };
}

const countOf = (events: readonly DomainEvent[], type: string): number =>
  events.filter(({ event_type }) => event_type === type).length;

test("23 Ethereum blocks give all their transactions and logs, and the transfers among them", (t) => {
  const lines = linesOf("ethereum-blocks-receipts-17686110-17686132.jsonl.gz");
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
  type Row = Readonly<Record<string, string>>;
  type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown;
  // Amounts are numbers beyond what a double holds: their digits count (ECMAScript's source text).
  const digits: Reviver = (name, value, { source }) => (name === "value" ? source : value);
  const rows = lines.map((line) => JSON.parse(line, digits as never) as Row);
  const theirs = rows
    .filter(({ type }) => type === "token_transfer")
    .map((row) => [
      row.transaction_hash,
      row.log_index,
      row.token_address,
      row.from_address,
      row.to_address,
      row.value,
    ]);
  const { events, dead } = play(lines);
  assert.deepEqual(dead, []);
  const ours = events
    .filter(
      ({ event_type, payload }) => event_type === "transfer" && payload.standard !== "erc1155",
    )
    // The other decoder calls an ERC-721's token id its value.
    .map(({ payload }) => [
      payload.tx_hash,
      payload.log_index,
      payload.token,
      payload.from,
      payload.to,
      payload.token_id ?? payload.amount,
    ]);
  assert.ok(theirs.length > 100);
  const sorted = (list: readonly (readonly unknown[])[]) => list.map((one) => one.join(" ")).sort();
  assert.deepEqual(sorted(ours), sorted(theirs));
  const values = rows.filter(({ type }) => type === "transaction").map(({ value }) => value);
  const txs = events.filter(({ event_type }) => event_type === "tx");
  assert.deepEqual(
    txs.map(({ payload }) => payload.value_raw),
    values,
  );
  assert.deepEqual([countOf(events, "block"), countOf(events, "log")], [2, 681]);
});

test("Bitcoin's forks, replayed as arrivals, fold to the canonical chain", (t) => {
  const lines = linesOf("bitcoin-reorgs-2017-2019.jsonl.gz");
  if (lines === undefined) return t.skip("the recording of Bitcoin's forks is not at hand");
  interface Header {
    readonly hash: string;
  }
  interface Fork {
    readonly common_ancestor: Header;
    readonly stale_branch: readonly Header[];
    readonly canonical_branch: readonly Header[];
  }
  const forks = lines.map((line) => JSON.parse(line) as Fork);
  const { events, dead } = play(lines);
  assert.deepEqual(dead, []);
  const live: unknown[] = [];
  for (const { event_type, payload, removed } of events) {
    if (event_type !== "block") continue;
    if (removed === true) assert.equal(live.pop(), payload.hash);
    else live.push(payload.hash);
  }
  assert.deepEqual(
    live,
    forks.flatMap((fork) =>
      [fork.common_ancestor, ...fork.canonical_branch].map((one) => one.hash),
    ),
  );
  const removed = events
    .filter(({ event_type }) => event_type === "reorg")
    .map(({ payload }) => (payload.removed as Header[]).map(({ hash }) => hash).reverse());
  assert.deepEqual(
    removed,
    forks.map(({ stale_branch: stale }) => stale.map(({ hash }) => hash)),
  );
  assert.equal(forks.length, 124);
  assert.equal(Math.max(...removed.map(({ length }) => length)), 18);
});

test("Bitcoin blocks give their transactions with exact amounts", (t) => {
  const lines = linesOf("bitcoin-blocks.jsonl.gz");
  if (lines === undefined) return t.skip("the recording of Bitcoin blocks is not at hand");
  const { events, dead } = play(lines);
  assert.deepEqual(dead, []);
  assert.equal(countOf(events, "tx"), 397);
  const genesis = events.find(({ event_type }) => event_type === "tx");
  assert.equal(genesis?.payload.value, "50");
  assert.equal(genesis?.payload.value_raw, "5000000000");
});
