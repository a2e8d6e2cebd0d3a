import type { Ingester } from "./ingest/index.ts";
import type { Stream } from "./streams/index.ts";

/** Records later than this are not waited for one by one, but sent at once. */
const TICK_MS = 20;

/** Makes the demonstration world flow through every stream whose domain has one. */
export function startDemo(init: {
  readonly streams: ReadonlyMap<string, Stream>;
  readonly ingester: Ingester;
  readonly seed: number;
  readonly now: () => number;
}): AsyncDisposable {
  const abort = new AbortController();
  const running = [...init.streams.values()].map((stream) => play(stream, init, abort.signal));
  return {
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await Promise.all(running);
    },
  };
}

async function play(
  stream: Stream,
  {
    ingester,
    seed,
    now,
  }: { readonly ingester: Ingester; readonly seed: number; readonly now: () => number },
  signal: AbortSignal,
): Promise<void> {
  const world = stream.domain?.demo?.(seed, now());
  if (world === undefined) return;
  let dueMs = now();
  for (const { afterMs, raw } of world) {
    dueMs += afterMs;
    while (dueMs - now() > 0 && !signal.aborted)
      await sleep(Math.max(1, Math.min(TICK_MS, dueMs - now())));
    if (signal.aborted) return;
    const record = ingester.accept(stream, raw, undefined);
    // The next record does not wait for the disk: what falls into one flush shares it.
    ingester.append(stream, [record]).catch(() => undefined);
  }
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
