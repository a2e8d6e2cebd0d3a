import type { Logger } from "pino";
import { ConfigError } from "./config/index.ts";
import type { Ingester } from "./ingest/index.ts";
import type { Log } from "./log/index.ts";
import type { Stream } from "./streams/index.ts";

/** Starts what brings events besides HTTP. @throws ConfigError naming the source that is wrong */
export async function startSources(
  texts: readonly string[],
  _context: {
    readonly ingester: Ingester;
    readonly streams: ReadonlyMap<string, Stream>;
    readonly log: Log;
    readonly now: () => number;
    readonly logger: Logger;
  },
): Promise<AsyncDisposable> {
  const [first] = texts;
  if (first !== undefined) throw new ConfigError(`--source ${first} is none that there is`);
  return { [Symbol.asyncDispose]: async () => undefined };
}
