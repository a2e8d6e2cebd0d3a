import { type Ingester, ORIGIN_HEADER, partitionOf } from "./ingest/index.ts";
import type { Log } from "./log/index.ts";
import { Outsiders } from "./outsiders.ts";
import { type Stream, thrownText } from "./streams/index.ts";

/** Records later than this are not waited for one by one, but sent at once. */
const TICK_MS = 20;

/** What the world's own records say of where they come from. */
const ORIGIN = "demo";

/** Records of a world's beginning that are looked through for its keys: a minute and more of it. */
const SAMPLE_RECORDS = 300;

interface DemoInit {
  readonly streams: ReadonlyMap<string, Stream>;
  readonly ingester: Ingester;
  readonly log: Log;
  readonly seed: number;
  readonly now: () => number;
  readonly tell: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** What of a stream's world flows, by the keys at its beginning. */
export interface DemoPart {
  readonly stream: string;
  readonly playing: readonly string[];
  /** Keys that are left to whoever else published to them. */
  readonly left: readonly string[];
}

/** The demonstration world, while it flows. */
export interface Demo extends AsyncDisposable {
  /** What flows, and what is left to others, by what lies in the log now. */
  readonly parts: () => Promise<readonly DemoPart[]>;
}

/**
 * Makes the demonstration world flow through every stream whose domain has one. A key that anyone
 * else publishes to, such as a chain, is left to them, and the rest of the world goes on.
 */
export function startDemo(init: DemoInit): Demo {
  const abort = new AbortController();
  const played = [...init.streams.values()]
    .filter((stream) => stream.domain?.demo !== undefined)
    .map((stream) => ({ stream, outsiders: new Outsiders(init.log, stream.ingestTopic, ORIGIN) }));
  const running = played.map((one) =>
    play(one, init, abort.signal).catch((caught: unknown) =>
      init.tell("the demonstration world of a stream ends: its domain failed", {
        stream: one.stream.name,
        error: thrownText(caught),
      }),
    ),
  );
  return {
    parts: async () => await Promise.all(played.map((one) => partOf(one, init))),
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await Promise.all(running);
    },
  };
}

/** A stream whose world is played, and who else writes to it. */
interface Played {
  readonly stream: Stream;
  readonly outsiders: Outsiders;
}

async function partOf(
  { stream, outsiders }: Played,
  { ingester, seed, now }: DemoInit,
): Promise<DemoPart> {
  const keys = new Set<string>();
  let count = 0;
  for (const { raw } of stream.domain?.demo?.(seed, now()) ?? []) {
    const { key } = ingester.accept(stream, raw, undefined);
    keys.add(key);
    count += 1;
    if (count === SAMPLE_RECORDS) break;
  }
  const part = { stream: stream.name, playing: [] as string[], left: [] as string[] };
  for (const key of keys) {
    const isLeft = await outsiders
      .have(key, partitionOf(key, stream.partitions))
      .catch(() => false);
    (isLeft ? part.left : part.playing).push(key);
  }
  return part;
}

async function play(
  { stream, outsiders }: Played,
  { ingester, seed, now, tell }: DemoInit,
  signal: AbortSignal,
): Promise<void> {
  const world = stream.domain?.demo?.(seed, now());
  if (world === undefined) return;
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
