import { type Domain, nearest, RESERVED_NAMES } from "@penstock-dev/contract";
import { wrong } from "./declaration-error.ts";
import { declaredStream } from "./declared-stream.ts";
import { readPartitions } from "./partitions.ts";
import type { Stream } from "./stream.ts";
import { typedStream } from "./typed-stream.ts";

/**
 * The configured streams.
 *
 * @param config the file's `streams`, or undefined for each domain under its own name
 * @param domains by name
 * @throws PenstockError `invalid_request`, naming what is wrong and where
 */
export function loadStreams(
  config: unknown,
  domains: ReadonlyMap<string, Domain>,
  partitions: number,
): ReadonlyMap<string, Stream> {
  const streams = new Map<string, Stream>();
  if (config === undefined) {
    for (const [name, domain] of domains)
      streams.set(name, typedStream(name, domain, { partitions }));
    return streams;
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw wrong("streams", "must be a mapping of streams by name");
  }
  if (Object.keys(config).length === 0) {
    const [first] = domains.keys();
    throw wrong(
      "streams",
      `names none: write one below it, such as \`${first}: { domain: ${first} }\`, or leave it out, and ${[...domains.keys()].join(" and ")} are served`,
    );
  }
  for (const [name, entry] of Object.entries(config)) {
    streams.set(name, loadStream(name, entry, domains, partitions));
  }
  return streams;
}

function loadStream(
  name: string,
  entry: unknown,
  domains: ReadonlyMap<string, Domain>,
  partitions: number,
): Stream {
  const path = `streams.${name}`;
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name))
    throw wrong(path, "must be named in lower case, with digits and dashes");
  if (RESERVED_NAMES.includes(name)) throw wrong(path, "has a name that the addresses use");
  if (typeof entry !== "object" || entry === null || Array.isArray(entry))
    throw wrong(path, "must be a mapping");
  if (!("domain" in entry)) return declaredStream(name, entry, partitions);
  const {
    domain: domainName,
    partitions: own,
    ...rest
  } = entry as { domain: unknown; partitions?: unknown };
  const [extra] = Object.keys(rest);
  if (extra !== undefined)
    throw wrong(
      `${path}.${extra}`,
      "is no member of a typed stream, which has domain and partitions",
    );
  const domain = domains.get(String(domainName));
  if (domain === undefined) {
    const meant = nearest(String(domainName), domains.keys());
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    throw wrong(`${path}.domain`, `must be one of ${[...domains.keys()].join(", ")}${hint}`);
  }
  return typedStream(name, domain, { partitions: readPartitions(path, own) ?? partitions });
}
