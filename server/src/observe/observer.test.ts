import assert from "node:assert/strict";
import { channel } from "node:diagnostics_channel";
import { describe, test } from "node:test";
import { createObserver, type MetricSample } from "./index.ts";

const logs = channel("penstock.log");

function observe(samples: readonly MetricSample[] = [], level = "info") {
  const lines: Record<string, unknown>[] = [];
  const observer = createObserver({
    level,
    destination: { write: (line: string) => lines.push(JSON.parse(line)) },
    collect: async () => samples,
  });
  return { ...observer, lines };
}

describe("logs", () => {
  test("are what rooms say, with fields and the time, and without what opens doors", () => {
    const { lines, close } = observe();
    logs.publish({
      level: "warn",
      msg: "a client left",
      client_id: "open",
      session_id: "ses_0123456789abcdef",
      token: "secret-token",
      api_key: "psk_live_secret",
    });
    logs.publish({ level: "info", msg: "a session", session_id: `ses_${"aB3-".repeat(8)}` });
    close();
    const [line, session] = lines;
    assert.equal(session?.session_id, "ses_aB3-aB3-aB3-aB…");
    assert.deepEqual(
      { ...line, time: "" },
      {
        level: 40,
        time: "",
        msg: "a client left",
        client_id: "open",
        session_id: "ses_01…",
        token: "secret…",
        api_key: "psk_li…",
      },
    );
    assert.match(String(line?.time), /^\d{4}-\d\d-\d\dT/);
  });

  test("stop at their level, and when nobody observes", () => {
    const { lines, close } = observe([], "error");
    logs.publish({ level: "warn", msg: "not told" });
    logs.publish({ level: "error", msg: "told" });
    close();
    logs.publish({ level: "error", msg: "too late" });
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ["told"],
    );
  });

  test("cannot be forged by what somebody else wrote", () => {
    const { lines, close } = observe();
    logs.publish({ level: "info", msg: 'a\n{"level":50}', client_id: "x\ny" });
    close();
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.client_id, "x\ny");
  });
});

describe("metrics", () => {
  test("are told in Prometheus' text format", async () => {
    const { metrics, contentType, close } = observe([
      {
        name: "penstock_things_total",
        help: "Things.",
        kind: "counter",
        values: [{ labels: { kind: 'a"b\\c\nd', other: "x" }, value: 7 }],
      },
      {
        name: "penstock_level",
        help: "A level.",
        kind: "gauge",
        values: [{ labels: {}, value: 1.5 }],
      },
      {
        name: "penstock_wait_seconds",
        help: "Waits.",
        kind: "histogram",
        values: [],
        buckets: { bounds: [0.1, 1], counts: [3, 2, 1], sum: 4.5 },
      },
    ]);
    const text = await metrics();
    close();
    assert.match(contentType, /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^process_cpu_seconds_total \d/m);
    assert.ok(
      text.endsWith(`# HELP penstock_things_total Things.
# TYPE penstock_things_total counter
penstock_things_total{kind="a_b_c_d",other="x"} 7
# HELP penstock_level A level.
# TYPE penstock_level gauge
penstock_level 1.5
# HELP penstock_wait_seconds Waits.
# TYPE penstock_wait_seconds histogram
penstock_wait_seconds_bucket{le="0.1"} 3
penstock_wait_seconds_bucket{le="1"} 5
penstock_wait_seconds_bucket{le="+Inf"} 6
penstock_wait_seconds_sum 4.5
penstock_wait_seconds_count 6
`),
      text.slice(-900),
    );
  });
});
