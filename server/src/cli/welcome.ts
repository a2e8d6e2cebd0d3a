import { styleText } from "node:util";
import type { Config } from "../config/index.ts";
import type { DemoPart, RunningServer } from "../serve.ts";

/** What is worth trying on a stream of a shipped domain, by the domain's name. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  tweets: {
    filter: "hashtags=crypto",
    event: '{"user_id":"user123","text":"Loving #crypto at Coinbase!"}',
    world: "some fifty posts a second",
  },
  "chain-events": {
    filter: "chain=ETH",
    event:
      '{"type":"tx","chain":"ETH","from":"0x1111111111111111111111111111111111111111","to":"0x2222222222222222222222222222222222222222","value":1.5}',
    world: "two chains",
    some: (keys) => `the chain ${keys.join(", ")}`,
  },
};

interface Example {
  readonly filter: string;
  readonly event: string;
  /** What of it flows in the demonstration world. */
  readonly world: string;
  /** The same of some of its keys, where the others are left to whoever published to them. */
  readonly some?: (keys: readonly string[]) => string;
}

/** Streams that get a line of their own: more would hide what is below them. */
const LINES_MAX = 8;

/** Keys that are named, of those that the world leaves to others. */
const KEYS_MAX = 5;

/** What a newcomer sees once the server runs: where it is, and what to try next. */
export function welcome(
  config: Config,
  { url, adminUrl, streams }: Pick<RunningServer, "url" | "adminUrl" | "streams">,
  demoParts: readonly DemoPart[],
): string {
  const at = url === "http://127.0.0.1:8080" ? "" : `PENSTOCK_URL=${url} `;
  const names = streams.map(({ name }) => name).join(", ");
  const lines = [
    "",
    `${styleText("bold", "Penstock")} serves ${names} at ${styleText("cyan", url)}`,
    ...flowing(config, streams, demoParts),
    "It is open to this machine: no credentials are configured.",
    "",
    "Open it in a browser:",
    `  ${url}/`,
    ...(streams.length === 0 ? [] : ["Or in another terminal:"]),
    ...streams.slice(0, LINES_MAX).map(({ name, domain }) => {
      const filter = exampleOf(domain)?.filter;
      return `  curl -N '${url}/v1/${name}/live${filter === undefined ? "" : `?${filter}`}'`;
    }),
    ...streams.slice(0, 1).flatMap(({ name, domain }) => {
      const example = exampleOf(domain);
      return [
        `  ${at}npx penstock tail ${name}${example === undefined ? "" : ` --filter ${example.filter}`}`,
        example === undefined
          ? `  ${at}npx penstock publish ${name} < one-event-a-line.jsonl`
          : `  ${at}npx penstock publish ${name} '${example.event}'`,
      ];
    }),
    `Metrics: ${adminUrl}/metrics   Documentation: ${url}/docs`,
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function exampleOf(domain: string | undefined): Example | undefined {
  return domain === undefined ? undefined : EXAMPLES[domain];
}

/** What comes without anybody publishing it. */
function flowing(
  { server }: Config,
  streams: RunningServer["streams"],
  demoParts: readonly DemoPart[],
): readonly string[] {
  const sources =
    server.sources.length === 0
      ? []
      : [`Its sources are followed: ${server.sources.map(sourceText).join("; ")}.`];
  if (server.demo) return [...worldLines(streams, demoParts), ...sources];
  return sources.length > 0 ? sources : ["Nothing flows until something is published."];
}

/** A source, without the rest of its address: that may be what a node's owner keeps secret. */
function sourceText(text: string): string {
  const [kind, rest = ""] = text.split(/=(.*)/s);
  const [name = "", where = ""] = rest.split(",").map((part) => part.trim());
  if (kind !== "evm") return `the file ${where}, into ${name}`;
  return `the chain ${name}${URL.canParse(where) ? ` of ${new URL(where).host}` : ""}`;
}

/** What the demonstration world has, of the streams that there are and what others left of them. */
function worldLines(
  streams: RunningServer["streams"],
  demoParts: readonly DemoPart[],
): readonly string[] {
  if (!streams.some(({ hasDemo }) => hasDemo))
    return [
      "None of these streams has a demonstration world; `streams` in the configuration names what is served.",
    ];
  const domains = new Map(streams.map(({ name, domain }) => [name, domain]));
  const worlds = demoParts
    .filter(({ playing }) => playing.length > 0)
    .map(({ stream, playing, left }) => {
      const example = exampleOf(domains.get(stream));
      const some = left.length === 0 ? undefined : example?.some?.(playing);
      return some ?? example?.world ?? stream;
    });
  const lines =
    worlds.length === 0
      ? ["Nothing of the demonstration world flows."]
      : [`A demonstration world flows: ${worlds.join(", and ")}.`];
  const left = demoParts.flatMap((part) => part.left);
  return left.length === 0 ? lines : [...lines, leftLine(left)];
}

/** Whose the rest is, and how to see the whole world again. */
function leftLine(keys: readonly string[]): string {
  const others = keys.length - KEYS_MAX;
  const named = others > 0 ? [...keys.slice(0, KEYS_MAX), `${others} more`] : keys;
  const [is, it] = keys.length === 1 ? ["is", "it"] : ["are", "them"];
  return `${new Intl.ListFormat("en").format(named)} ${is} left to whoever published ${it}; the whole world is there with another --data-dir.`;
}
