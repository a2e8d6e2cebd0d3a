import { styleText } from "node:util";
import type { Config } from "../config/index.ts";
import type { RunningServer } from "../serve.ts";

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
  },
};

interface Example {
  readonly filter: string;
  readonly event: string;
  /** What of it flows in the demonstration world. */
  readonly world: string;
}

/** Streams that get a line of their own: more would hide what is below them. */
const LINES_MAX = 8;

/** What a newcomer sees once the server runs: where it is, and what to try next. */
export function welcome(
  config: Config,
  { url, adminUrl, streams }: Pick<RunningServer, "url" | "adminUrl" | "streams">,
): string {
  const at = url === "http://127.0.0.1:8080" ? "" : `PENSTOCK_URL=${url} `;
  const names = streams.map(({ name }) => name).join(", ");
  const lines = [
    "",
    `${styleText("bold", "Penstock")} serves ${names} at ${styleText("cyan", url)}`,
    config.server.demo ? flowing(streams) : "Nothing flows until something is published.",
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

/** What the demonstration world has, of the streams that there are. */
function flowing(streams: RunningServer["streams"]): string {
  const worlds = streams.filter(({ hasDemo }) => hasDemo);
  if (worlds.length === 0) return "None of these streams has a demonstration world: nothing flows.";
  const parts = worlds.map(({ name, domain }) => exampleOf(domain)?.world ?? name);
  return `A demonstration world flows: ${parts.join(", and ")}.`;
}
