/** What a producer says in headers of its records: `region`, and fields of declared streams. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Penstock } from "@penstock-dev/client";
import { Served } from "./newcomer/served.ts";

const YAML = `streams:
  chain-events: { domain: chain-events }
  orders:
    topic: shop.orders
    noun: order
    fields: { tenant: { header: tenant-id, kind: exact } }
`;

const hash = (letter: string): string => letter.repeat(64);

/** An empty block of a UTXO chain. */
const block = (name: string, height: number, parent: string) => ({
  type: "block",
  chain: "BTC",
  block: { hash: hash(name), height, previousblockhash: hash(parent), time: 1_700_000_000, tx: [] },
});

describe("headers of records", () => {
  let folder: string;
  let server: Served;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "penstock-headers-"));
    const file = join(folder, "penstock.yaml");
    await writeFile(file, YAML);
    server = await Served.start("--config", file);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const post = async (
    stream: string,
    records: readonly object[],
    headers: Readonly<Record<string, string>>,
  ): Promise<Response> =>
    await fetch(`${server.url}/v1/ingest/${stream}`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson", ...headers },
      body: records.map((record) => `${JSON.stringify(record)}\n`).join(""),
    });
  const follow = async (
    stream: string,
    filters: Readonly<Record<string, string>>,
    count: number,
  ): Promise<readonly string[]> => {
    const told: string[] = [];
    const penstock = new Penstock({ url: server.url });
    await using events = penstock.stream(stream, { filters, start: "earliest" });
    for await (const { event_type, id, removed } of events) {
      told.push(`${event_type} ${id}${removed === true ? " undone" : ""}`);
      if (told.length === count) break;
    }
    return told;
  };

  test("the region of a chain's record is that of its events, and of their undo", async () => {
    const eu = { "Penstock-Header-Region": "eu" };
    const us = { "Penstock-Header-Region": "us" };
    await (await post("chain-events", [block("a", 1, "0")], eu)).text();
    await (await post("chain-events", [block("b", 1, "0"), block("c", 2, "b")], us)).text();
    await (await post("chain-events", [block("d", 3, "c")], {})).text();
    const reorg = `reorg BTC:${hash("a")}:reorg:${hash("c")}`;
    const of = (name: string): string => `block BTC:${hash(name)}:block`;
    assert.deepEqual(await follow("chain-events", { region: "eu" }, 3), [
      of("a"),
      reorg,
      `${of("a")} undone`,
    ]);
    assert.deepEqual(await follow("chain-events", { region: "us" }, 3), [reorg, of("b"), of("c")]);
    const listed = async (call: string): Promise<readonly string[]> => {
      const answer = await fetch(`${server.url}/v1/chain-events/${call}?region=us`);
      const { events } = (await answer.json()) as { events: { event_type: string; id: string }[] };
      return events.map(({ event_type, id }) => `${event_type} ${id}`);
    };
    assert.deepEqual(await listed("history"), [of("b"), of("c")]);
    assert.deepEqual(await listed("recent"), [of("c"), of("b")]);
  });

  test("a declared stream's field is taken from one", async () => {
    for (const tenant of ["one", "two"]) {
      const answer = await fetch(`${server.url}/v1/ingest/orders`, {
        method: "POST",
        headers: { "content-type": "application/json", "penstock-header-tenant-id": tenant },
        body: "{}",
      });
      assert.equal(answer.status, 202);
    }
    await (await post("orders", [{}], { "penstock-header-tenant-id": "two" })).text();
    assert.equal((await follow("orders", { tenant: "two" }, 2)).length, 2);
  });

  test("names that mean something of our own, and values that cannot be, are refused", async () => {
    for (const [name, value] of [
      ["penstock-header-source", "0.0.0.1"],
      ["penstock-header-id", "x"],
      ["penstock-header-state_from", "1"],
      ["penstock-header-", "x"],
      [`penstock-header-${"x".repeat(65)}`, "x"],
      ["penstock-header-region", ""],
      ["penstock-header-region", "\u00e9"],
      ["penstock-header-region", "x".repeat(256)],
    ] as const) {
      const answer = await post("orders", [{}], { [name]: value });
      assert.equal(answer.status, 400, name);
      const { code, detail } = (await answer.json()) as { code: string; detail: string };
      assert.equal(code, "invalid_request");
      assert.ok(detail.includes(name.slice(0, 100)), detail);
    }
  });
});
