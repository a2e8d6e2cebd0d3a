import { type Ingester, ORIGIN_HEADER, partitionOf } from "./ingest/index.ts";
import type { Log } from "./log/index.ts";
import { Outsiders } from "./outsiders.ts";
import { type Stream, thrownText } from "./streams/index.ts";

/** Records later than this are not waited for one by one, but sent at once. */
const TICK_MS = 20;

/** What the world's own records say of where they come from. */
const ORIGIN = "demo";

interface DemoInit {
  readonly streams: ReadonlyMap<string, Stream>;
  readonly ingester: Ingester;
  readonly log: Log;
  readonly seed: number;
  readonly now: () => number;
  readonly tell: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * Makes the demonstration world flow through every stream whose domain has one. A key that anyone
 * else publishes to, such as a chain, is left to them, and the rest of the world goes on.
 */
export function startDemo(init: DemoInit): AsyncDisposable {
  const abort = new AbortController();
  const running = [...init.streams.values()].map((stream) =>
    play(stream, init, abort.signal).catch((caught: unknown) =>
      init.tell("the demonstration world of a stream ends: its domain failed", {
        stream: stream.name,
        error: thrownText(caught),
      }),
    ),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await Promise.all(running);
    },
  };
}

async function play(
  stream: Stream,
  { ingester, log, seed, now, tell }: DemoInit,
  signal: AbortSignal,
): Promise<void> {
  const world = stream.domain?.demo?.(seed, now());
  if (world === undefined) return;
  const outsiders = new Outsiders(log, stream.ingestTopic, ORIGIN);
  const left = new Set<string>();
  let dueMs = now();
  for (const { afterMs, raw } of world) {
    dueMs += afterMs;
    while (dueMs - now() > 0 && !signal.aborted)
      await sleep(Math.max(1, Math.min(TICK_MS, dueMs - now())));
    if (signal.aborted) return;
    const record = ingester.accept(stream, raw, undefined);
    const { key } = record;
    if (left.has(key)) continue;
    const partition = partitionOf(record.key, stream.partitions);
    // Where the log cannot be read just now, nobody has been seen in it.
    const isLeft = await outsiders.have(key, partition).catch(() => false);
    if (signal.aborted) return;
    if (isLeft) {
      left.add(key);
      tell("the demonstration world leaves a key to who publishes it", {
        stream: stream.name,
        key,
      });
      continue;
    }
    const headers = { ...record.headers, [ORIGIN_HEADER]: ORIGIN };
    // The next record does not wait for the disk: what falls into one flush shares it.
    ingester.append(stream, [{ ...record, headers }]).catch(() => undefined);
  }
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
