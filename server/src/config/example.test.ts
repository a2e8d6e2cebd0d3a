import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { shippedDomains } from "../serve.ts";
import { loadStreams } from "../streams/index.ts";
import { loadConfig } from "./config.ts";
import { exampleYaml } from "./example.ts";
import { namedOptions } from "./names.ts";

const load = (yaml: string | undefined) =>
  loadConfig({ flags: {}, env: {}, yaml, yamlName: "penstock.example.yaml" });

/** With everything taken in that stands behind # alone. */
const whole = exampleYaml().replaceAll(/^( *)#(?=[^ #]| {2,}\S)/gm, "$1");

test("penstock.example.yaml is the one of this schema: else run npm run example-config", () => {
  const file = new URL("../../../penstock.example.yaml", import.meta.url);
  assert.equal(readFileSync(file, "utf8"), exampleYaml());
});

test("it loads as it stands, and says what holds without it", () => {
  assert.deepEqual(load(exampleYaml()), load(undefined));
});

test("it loads with every option taken in, at its default", () => {
  const { streams, ...options } = load(whole);
  const { streams: _, ...defaults } = load(undefined);
  assert.deepEqual(options, defaults);
  assert.notEqual(streams, undefined);
  for (const { yaml } of namedOptions) assert.match(whole, new RegExp(`^ *${yaml}: `, "m"));
});

test("the streams that it shows can be served", () => {
  const domains = new Map(shippedDomains.map((domain) => [domain.name, domain]));
  const streams = loadStreams(load(whole).streams, domains, 4);
  assert.deepEqual([...streams.keys()], ["tweets", "chain-events", "orders"]);
});

test("of every option it says what it is, and then why its default is what it is", () => {
  const told = new Set<string>();
  for (const { flag, option } of namedOptions) {
    assert.match(option.what, /^[A-Z].*\.$/, flag);
    assert.match(option.reason, /^[A-Z0].*\.$/, flag);
    assert.ok(!told.has(option.what), `${flag} is not told apart from another`);
    told.add(option.what);
  }
  for (const line of exampleYaml().split("\n")) assert.ok(line.length <= 100, line);
});
