/** A domain whose code throws costs its own events something, and nobody else anything. */
import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "../cli/user.ts";
import { ndjsonDriver } from "../transports/drivers.ts";
import { TestServer } from "../transports/test-server.ts";
import { type Frame, isEvent } from "../transports/transport-driver.ts";

/** `fails` of a reading names the member that throws at it. */
const DOMAIN = `
const fails = (at, { fails }) => { if (fails === at) throw new Error(at + " is broken"); };
const common = {
  description: "Temperatures of sensors.",
  event_types: { reading: { noun: "reading", description: "Was measured.", schema: {} } },
  fields: {
    nested: {
      kind: "exact", description: "Lies deep.", example: "a",
      take: ({ payload }) => { fails("take", payload); return String(payload.nested.x.y); },
    },
    celsius: {
      kind: "range", description: "The temperature.", example: "21.5",
      take: ({ payload }) => payload.fails === "type" ? 20 : String(payload.celsius),
    },
  },
};
const ingest = {
  schema: {},
  parse: (value) => { if (!value.isFresh) fails("parse", value); return { ok: true, value }; },
  complete: ({ isFresh, ...reading }) => reading,
  key: () => "one",
  id: ({ id }) => id,
};
export const readings = {
  ...common, ingest, name: "readings",
  topics: { raw: "readings", enriched: "readings" },
  toEvent: (reading) => {
    fails("toEvent", reading);
    return { event_type: "reading", noun: "reading", id: reading.id, payload: reading };
  },
  contentKey: ({ payload }) => { fails("contentKey", payload); return payload.id; },
};
export const processed = {
  ...common, ingest, name: "processed",
  topics: { raw: "raw-processed", enriched: "processed" },
  process: {
    create: () => ({ fails: "" }),
    apply: (reading, state) => {
      fails("apply", reading);
      state.fails = reading.fails;
      const event = { event_type: "reading", noun: "reading", id: reading.id, payload: reading };
      if (reading.fails === "encode") return { enriched: [{ ...event, payload: { big: 1n } }] };
      if (reading.fails === "event") return { enriched: [event, {}] };
      if (reading.fails === "list") return { enriched: "none" };
      return { enriched: [event] };
    },
    stateFrom: (state) => { fails("stateFrom", state); return 0; },
  },
};
`;

interface Told {
  readonly msg: string;
  readonly stream?: string;
  readonly domain?: string;
  readonly member?: string;
  readonly position?: string;
}

async function withDomain(use: (server: TestServer, told: readonly Told[]) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), "penstock-domain-"));
  const path = join(folder, "readings.mjs");
  await writeFile(path, DOMAIN);
  const told: Told[] = [];
  const listen = (message: unknown): void => void told.push(message as Told);
  channel("penstock.log").subscribe(listen);
  try {
    await using server = await TestServer.start({ domains: path, "topics-partitions": "1" });
    await use(server, told);
  } finally {
    channel("penstock.log").unsubscribe(listen);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Readings in order, each named after the member that fails at it. */
async function publish(server: TestServer, stream: string, fails: readonly string[]) {
  const lines = fails.map((name) =>
    JSON.stringify({
      id: name,
      fails: name,
      isFresh: true,
      celsius: 20,
      nested: { x: { y: "a" } },
    }),
  );
  const response = await fetch(`${server.url}/v1/ingest/${stream}`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: `${lines.join("\n")}\n`,
  });
  assert.doesNotMatch(await response.text(), /error/);
}

const idIs = (id: string) => (frame: Frame) => frame.id === id;
const idsOf = (frames: readonly Frame[]) => frames.filter(isEvent).map(({ id }) => id);
const EARLIEST = { since: "earliest", when_behind: "wait" };

/** What clients of some filters get, up to a reading. */
async function read(
  server: TestServer,
  stream: string,
  query: Record<string, string> = {},
  until = "last",
): Promise<readonly (string | undefined)[]> {
  const live = { live: stream, query: { ...EARLIEST, ...query } };
  const connection = ndjsonDriver.connect(server.url, live);
  await connection.next(idIs(until));
  connection.destroy();
  return idsOf(connection.frames);
}

test("a served stream goes on past events at which its domain fails", () =>
  withDomain(async (server, told) => {
    const connect = (query: Record<string, string>) =>
      ndjsonDriver.connect(server.url, { live: "readings", query: { ...EARLIEST, ...query } });
    const all = connect({});
    const nested = connect({ nested: "a" });
    const warm = connect({ min_celsius: "1" });
    const clients = [all, nested, warm];
    await publish(server, "readings", ["first"]);
    for (const client of clients) await client.next(idIs("first"));
    await publish(server, "readings", ["take", "type", "parse", "toEvent", "contentKey", "last"]);
    for (const client of clients) await client.next(idIs("last"));
    const expected = [
      ["first", "take", "type", "last"],
      ["first", "type", "last"],
      ["first", "take", "last"],
    ];
    assert.deepEqual(
      clients.map(({ frames }) => idsOf(frames)),
      expected,
    );
    for (const client of clients) client.destroy();
    assert.deepEqual(await read(server, "readings"), expected[0], "read cold");
    assert.deepEqual(await read(server, "readings", { nested: "a" }), expected[1]);
    const recent = await server.request("GET", "/v1/readings/recent?nested=a");
    assert.equal((recent.body.readings as unknown[]).length, 3);
    assert.equal(await server.metric("penstock_log_lag_records"), 0);
    assert.ok((await server.metric("penstock_domain_failures_total")) > 0);
    const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
    for (const member of ["fields.nested.take", "fields.celsius.take", "toEvent", "contentKey"]) {
      const label = `penstock_domain_failures_total{stream="readings",member="${member}"}`;
      assert.ok(text.includes(label), label);
      const lines = told.filter((line) => line.member === member);
      assert.equal(lines.length, 1, `${member} is told of once`);
      assert.equal(lines[0]?.stream, "readings");
      assert.equal(lines[0]?.domain, "readings");
    }
    const doctor = new Command(
      ["doctor", "--admin-port", new URL(server.adminUrl).port],
      { PENSTOCK_URL: server.url },
      tmpdir(),
    );
    const { code, out } = await doctor.ended;
    assert.match(out, /^bad {2}readings: the domain's fields\.nested\.take failed \d+ times$/m);
    assert.match(out, /^bad {2}3 records are no events, and were passed over$/m);
    assert.equal(code, 1);
    const [taken] = told.filter(({ member }) => member === "fields.nested.take");
    assert.equal(taken?.position, "0:1");
  }));

test("processing goes on past records at which its domain fails, and keeps them", () =>
  withDomain(async (server, told) => {
    const fails = ["first", "parse", "apply", "encode", "event", "list", "stateFrom", "last"];
    await publish(server, "processed", fails);
    const expected = ["first", "stateFrom", "last"];
    assert.deepEqual(await read(server, "processed"), expected);
    assert.equal(await server.metric("penstock_dead_letters_total"), 5);
    assert.equal(told.filter(({ member }) => member === "process.stateFrom").length, 1);
    await server.stop();
    await server.start();
    await publish(server, "processed", ["again"]);
    const all = await read(server, "processed", {}, "again");
    assert.deepEqual(all, [...expected, "again"], "nothing twice");
  }));
