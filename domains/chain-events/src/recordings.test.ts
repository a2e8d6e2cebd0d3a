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
function recording(name: string): unknown[] | undefined {
  const path = `${SHARED}/data/${name}`;
  if (!existsSync(path)) return undefined;
  const text = gunzipSync(readFileSync(path)).toString();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
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
  const lines = recording("ethereum-etl-stream-17173049-17173050.jsonl.gz");
  if (lines === undefined) return t.skip("the recording of a typed Ethereum stream is not at hand");
  const rows = lines as {
    type: string;
    topics: string[];
    data: string;
    log_index: number;
    from_address: string;
    to_address: string;
    value: number | string;
    transaction_hash: string;
  }[];
  const theirs = rows
    .filter(({ type }) => type === "token_transfer")
    .map((row) => `${row.transaction_hash} ${row.log_index} ${row.from_address} ${row.to_address}`);
  const ours = rows
    .filter(({ type }) => type === "log")
    .flatMap((row) =>
      transfersOf(row.topics, row.data)
        .filter(({ standard }) => standard !== "erc1155")
        .map(({ from, to }) => `${row.transaction_hash} ${row.log_index} ${from} ${to}`),
    );
  assert.ok(theirs.length > 0);
  assert.deepEqual(new Set(ours), new Set(theirs));
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
