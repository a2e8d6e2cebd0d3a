import type { Config } from "./config.ts";
import { type NamedOption, namedOptions } from "./names.ts";

type Bound = readonly [section: NamedOption["section"], key: string];

/** Pairs of which the first may not be more than the second. */
const ORDERED: readonly (readonly [Bound, Bound])[] = [
  [
    ["transports", "unackedBytesMin"],
    ["transports", "unackedBytesMax"],
  ],
  [
    ["ingest", "sourceRetryMs"],
    ["ingest", "sourceRetryMaxMs"],
  ],
];

/** What options say against each other, each of them right by itself. */
export function contradictions(config: Config): readonly string[] {
  const wrong: string[] = [];
  for (const [low, high] of ORDERED) {
    if (numberOf(config, low) <= numberOf(config, high)) continue;
    wrong.push(`${flagOf(low)} must be at most ${flagOf(high)}`);
  }
  const { host, port, adminHost, adminPort } = config.server;
  if (port !== 0 && port === adminPort && host === adminHost)
    wrong.push(`--admin-port must be another port than --port; both are ${port}`);
  return wrong;
}

function numberOf(config: Config, [section, key]: Bound): number {
  return (config[section] as Readonly<Record<string, number>>)[key] ?? 0;
}

function flagOf([section, key]: Bound): string {
  return namedOptions.find((named) => named.section === section && named.key === key)?.flag ?? key;
}
