/** The metrics of a server that has something to count, and the page that tells what they mean. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ndjsonDriver, sseDriver, websocketDriver } from "../../test/transports/drivers.ts";
import { TestServer } from "../../test/transports/test-server.ts";
import { eventsOf, isEvent, ofType } from "../../test/transports/transport-driver.ts";

const PAGE = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples by name; fails on a line that is none. */
function parse(text: string): ReadonlyMap<string, readonly Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (-?[\d.e+-]+|NaN|\+Inf)$/i.exec(line);
    assert.ok(match !== null, line);
    const labels = Object.fromEntries(
      [...(match[2] ?? "").matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    ) as Record<string, string>;
    const name = match[1] ?? "";
    samples.set(name, [...(samples.get(name) ?? []), { labels, value: Number(match[3]) }]);
  }
  return samples;
}

test("every metric is there, counts what happened, and stands on the page for operators", async () => {
  await using server = await TestServer.start();
  const drivers = [websocketDriver, sseDriver, ndjsonDriver];
  const connections = drivers.map((driver) =>
    driver.connect(server.url, { live: "tweets", query: { hashtags: "counted" } }),
  );
  for (const connection of connections) await connection.next(ofType("caught_up"));
  await server.publish(["one #counted", "two #other", "three #counted"]);
  for (const connection of connections) {
    await connection.next(isEvent);
    await connection.next((frame) => isEvent(frame) && frame !== eventsOf(connection)[0]);
  }
  const first = await fetch(`${server.adminUrl}/metrics`);
  assert.match(first.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const open = parse(await first.text());
  const of = (samples: typeof open, name: string, label: string, value: string): number =>
    samples.get(name)?.find(({ labels }) => labels[label] === value)?.value ?? Number.NaN;
  // The server of a test is read besides by its probe, over NDJSON.
  assert.equal(of(open, "penstock_connections", "transport", "websocket"), 1);
  assert.equal(of(open, "penstock_connections", "transport", "sse"), 1);
  assert.equal(of(open, "penstock_connections", "transport", "ndjson"), 2);
  assert.equal(of(open, "penstock_delivered_events_total", "stream", "tweets"), 3 * 2 + 3);
  assert.equal(of(open, "penstock_ingested_events_total", "stream", "tweets"), 3);
  assert.equal(of(open, "penstock_positions_total", "kind", "delivered"), 3 * 2 + 3);
  assert.equal(open.get("penstock_silent_skips_total")?.[0]?.value, 0);
  assert.equal(open.get("penstock_delivery_seconds_count")?.[0]?.value, 3 * 2 + 3);
  for (const reader of ["process", "deliver"])
    assert.equal(of(open, "penstock_log_lag_records", "reader", reader), 0);

  for (const connection of connections) connection.destroy();
  let closed = open;
  while (!(of(closed, "penstock_connections", "transport", "ndjson") === 1))
    closed = parse(await (await fetch(`${server.adminUrl}/metrics`)).text());
  const ended = closed.get("penstock_disconnects_total") ?? [];
  assert.equal(
    ended.reduce((total, { value }) => total + value, 0),
    3,
  );

  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const told = [...text.matchAll(/^# TYPE (penstock_\w+) /gm)].map(([, name]) => name).sort();
  for (const name of [
    "penstock_connections",
    "penstock_delivery_seconds",
    "penstock_log_lag_records",
    "penstock_delivered_events_total",
    "penstock_dropped_events_total",
    "penstock_disconnects_total",
    "penstock_positions_total",
    "penstock_silent_skips_total",
  ])
    assert.ok(told.includes(name), name);
  const explained = [...PAGE.matchAll(/^\| `(penstock_\w+)/gm)].map(([, name]) => name).sort();
  assert.deepEqual(explained, told);
});
