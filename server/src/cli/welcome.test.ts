import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { loadConfig } from "../config/index.ts";
import type { DemoPart } from "../serve.ts";
import { welcome } from "./welcome.ts";

const SHIPPED = [
  { name: "tweets", domain: "tweets", hasDemo: true },
  { name: "chain-events", domain: "chain-events", hasDemo: true },
];
const POSTS: DemoPart = { stream: "tweets", playing: ["ann", "bob"], left: [] };

function welcomed(
  flags: Readonly<Record<string, string>>,
  parts: readonly DemoPart[] = [],
  streams: Parameters<typeof welcome>[1]["streams"] = SHIPPED,
): string {
  const config = loadConfig({ flags, env: {}, yaml: undefined, yamlName: "penstock.yaml" });
  const server = { url: "http://127.0.0.1:8080", adminUrl: "http://127.0.0.1:9464", streams };
  return stripVTControlCharacters(welcome(config, server, parts));
}

describe("what flows", () => {
  test("is nothing where there is neither a world nor a source", () => {
    assert.match(welcomed({}), /^Nothing flows until something is published\.$/m);
  });

  test("is what sources bring, without what addresses keep secret", () => {
    const text = welcomed({
      sources: "evm=ETH,wss://me:secret@node.example:8546/v3/key,from=7;file=tweets,./posts.gz,50",
    });
    assert.match(
      text,
      /^Its sources are followed: the chain ETH of node\.example:8546; the file \.\/posts\.gz, into tweets\.$/m,
    );
    assert.doesNotMatch(text, /Nothing flows|secret|key/);
  });

  test("is the world, but for what it leaves to others", () => {
    const chains = (playing: readonly string[], left: readonly string[]): string =>
      welcomed({ demo: "true" }, [POSTS, { stream: "chain-events", playing, left }]);
    const whole = chains(["ETH", "BTC"], []);
    assert.match(
      whole,
      /^A demonstration world flows: some fifty posts a second, and two chains\.$/m,
    );
    assert.doesNotMatch(whole, /--data-dir/);
    const half = chains(["BTC"], ["ETH"]);
    assert.match(
      half,
      /^A demonstration world flows: some fifty posts a second, and the chain BTC\.$/m,
    );
    assert.match(half, /^ETH is left to whoever published it; .*--data-dir/m);
    const none = chains([], ["ETH", "BTC"]);
    assert.match(none, /^A demonstration world flows: some fifty posts a second\.$/m);
    assert.match(none, /^ETH and BTC are left to whoever published them; .*--data-dir/m);
  });

  test("is told where a stream has no world, or nothing of it is left", () => {
    const orders = [{ name: "orders", domain: undefined, hasDemo: false }];
    assert.match(welcomed({ demo: "true" }, [], orders), /^None of these streams has a demonstr/m);
    const left = { stream: "chain-events", playing: [], left: ["BTC", "ETH"] };
    assert.match(
      welcomed({ demo: "true" }, [left]),
      /^Nothing of the demonstration world flows\.$/m,
    );
  });
});
