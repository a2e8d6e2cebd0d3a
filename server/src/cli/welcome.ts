import { styleText } from "node:util";
import type { Config } from "../config/index.ts";
import type { RunningServer } from "../serve.ts";

/** What a newcomer sees once the server runs: where it is, and what to try next. */
export function welcome(config: Config, server: RunningServer): string {
  const at = server.url === "http://127.0.0.1:8080" ? "" : `PENSTOCK_URL=${server.url} `;
  const { demo } = config.server;
  const lines = [
    "",
    `${styleText("bold", "Penstock")} serves ${server.streams.join(", ")} at ${styleText("cyan", server.url)}`,
    demo
      ? "A demonstration world flows: some fifty posts a second, and two chains."
      : "Nothing flows until something is published.",
    "It is open to this machine: no credentials are configured.",
    "",
    "Open it in a browser:",
    `  ${server.url}/`,
    "Or in another terminal:",
    `  curl -N '${server.url}/v1/tweets/live?hashtags=crypto'`,
    `  ${at}npx penstock tail tweets --filter hashtags=crypto`,
    `  ${at}npx penstock publish tweets '{"user_id":"user123","text":"Loving #crypto at Coinbase!"}'`,
    `Metrics: ${server.adminUrl}/metrics   Documentation: ${server.url}/docs`,
    "",
  ];
  return `${lines.join("\n")}\n`;
}
