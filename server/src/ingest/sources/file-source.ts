import { createReadStream } from "node:fs";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { PenstockError } from "@penstock-dev/contract";
import type { Log, LogRecord } from "../../log/index.ts";
import { type IngestRecord, type Stream, thrownText } from "../../streams/index.ts";
import type { Ingester } from "../ingester.ts";
import { parseRecordBytes } from "../json-text.ts";
import { type Line, readLines } from "../line-reader.ts";
import { readBack } from "./read-back.ts";
import { append, pause, type Tell } from "./source.ts";

/** What a `file` source publishes. */
export interface FileSourceInit {
  readonly path: string;
  /** Raw records a second; infinite: as fast as the log takes them. */
  readonly perSecond: number;
  readonly stream: Stream;
  readonly ingester: Ingester;
  readonly log: Log;
  readonly tell: Tell;
}

/** Names where a record came from: of a file the line, so that a restart goes on behind it. */
export const ORIGIN_HEADER = "origin";

/** The bytes of a file, unpacked where its name ends in `.gz`. */
export function readableFile(path: string, onBytes?: (count: number) => void): Readable {
  const raw = createReadStream(path);
  if (onBytes !== undefined) raw.on("data", (chunk) => onBytes(chunk.length));
  if (!path.endsWith(".gz")) return raw;
  const plain = createGunzip();
  raw.on("error", (caught) => plain.destroy(caught));
  return raw.pipe(plain);
}

/**
 * Publishes a file once: a JSON record a line, or the lines of a known recording. After a restart
 * it goes on behind the lines that the raw topic has.
 */
export function startFileSource(init: FileSourceInit): AsyncDisposable {
  const abort = new AbortController();
  const running = publish(init, abort.signal).catch((caught: unknown) => {
    if (abort.signal.aborted) return;
    const error = caught instanceof Error ? caught.message : String(caught);
    init.tell("error", "a file cannot be published further", { path: init.path, error });
  });
  return {
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await running;
    },
  };
}

async function publish(init: FileSourceInit, signal: AbortSignal): Promise<void> {
  const { path, tell } = init;
  const done = await publishedOf(init, signal);
  const counts = { published: 0, refused: 0, before: 0 };
  const startMs = performance.now();
  for await (const found of recordsOf(init)) {
    if (signal.aborted) return;
    const batch: IngestRecord[] = [];
    for (const { line, at, value } of found) {
      const origin = `${basename(path)}:${line}:${at}`;
      if (done.has(line, origin)) {
        counts.before += 1;
        continue;
      }
      const record = accepted(init, value, origin, line);
      if (record === undefined) counts.refused += 1;
      else batch.push(record);
    }
    const slices = Number.isFinite(init.perSecond) ? batch.map((one) => [one]) : [batch];
    for (const records of slices) {
      if (signal.aborted) return;
      if (records.length === 0) continue;
      await append(init.ingester, init.stream, records, signal);
      counts.published += records.length;
      const dueMs = startMs + (counts.published / init.perSecond) * 1000;
      if (dueMs > performance.now()) await pause(dueMs - performance.now(), signal);
    }
  }
  tell("info", "a file is published", { path, ...counts });
}

/** A record as it is appended; undefined, and told, where it is none. */
function accepted(
  { path, stream, ingester, tell }: FileSourceInit,
  value: unknown,
  origin: string,
  line: number,
): IngestRecord | undefined {
  try {
    if (value instanceof Error) throw new PenstockError("invalid_event", value.message);
    const record = ingester.accept(stream, value, origin);
    return { ...record, headers: { ...record.headers, [ORIGIN_HEADER]: origin } };
  } catch (caught) {
    const { message, errors } = PenstockError.from(caught);
    tell("warn", "a line is passed over", { path, line, reason: message, errors });
    return undefined;
  }
}

/** What a line of the file stands for, among others. */
interface FoundRecord {
  readonly line: number;
  /** Which it is of its line's, from 0. */
  readonly at: number;
  readonly value: unknown;
}

/** The records of the file, in batches of some lines. */
async function* recordsOf({ path, stream, ingester }: FileSourceInit) {
  const { lineBytesMax, batchLinesMax } = ingester.options;
  const memory = new Map<string, unknown>();
  // A file is read one line at a time: there is nothing to count.
  const held = { add: () => undefined, release: () => undefined };
  let last = 0;
  const named = (line: number, values: readonly unknown[]): FoundRecord[] =>
    values.map((value, at) => ({ line, at, value }));
  for await (const lines of readLines(readableFile(path), { lineBytesMax, batchLinesMax, held })) {
    last = lines.at(-1)?.number ?? last;
    yield lines.flatMap(({ number, bytes }) => named(number, lineRecords(stream, bytes, memory)));
  }
  yield named(last + 1, stream.domain?.endOfRecording?.(memory) ?? []);
}

function lineRecords(
  stream: Stream,
  bytes: Line["bytes"],
  memory: Map<string, unknown>,
): readonly unknown[] {
  // A line that is too long or no JSON is refused like any other, with its number.
  if (bytes instanceof PenstockError) return [undefined];
  let value: unknown;
  try {
    value = parseRecordBytes(bytes);
  } catch {
    return [undefined];
  }
  try {
    return stream.domain?.fromRecording?.(value, memory, bytes.toString()) ?? [value];
  } catch (caught) {
    return [new Error(`the domain failed: ${thrownText(caught)}`)];
  }
}

/** A record of a file that the raw topic has. */
interface Origin {
  readonly line: number;
  readonly origin: string;
}

/** What of a file the raw topic has: its batches go in order, each whole or in part. */
class Published {
  readonly #origins = new Set<string>();
  readonly #batchLines: number;
  #lastLine = 0;

  constructor(batchLines: number) {
    this.#batchLines = batchLines;
  }

  add({ line, origin }: Origin): void {
    this.#lastLine = Math.max(this.#lastLine, line);
    if (!this.#isWhole(line)) this.#origins.add(origin);
  }

  /** Whether a partition, in which lines come in their order, has nothing to tell before these. */
  isKnownBefore(found: readonly Origin[]): boolean {
    return found.some(({ line }) => this.#isWhole(line));
  }

  /** Whether a record of a line is there. */
  has(line: number, origin: string): boolean {
    return this.#isWhole(line) || this.#origins.has(origin);
  }

  /** All lines that stand a batch before the last one are there. */
  #isWhole(line: number): boolean {
    return line <= this.#lastLine - this.#batchLines;
  }
}

/**
 * What the raw topic has of a file. Each partition is read back until the file's last batch lies
 * behind, or to its floor, where it has nothing of the file: so it does not matter how much came
 * behind it.
 *
 * @throws the signal's reason, and what the log throws
 */
async function publishedOf(init: FileSourceInit, signal: AbortSignal): Promise<Published> {
  const { log, stream, path, ingester } = init;
  const published = new Published(ingester.options.batchLinesMax);
  const prefix = `${basename(path)}:`;
  const find = ({ headers }: LogRecord): Origin | undefined => {
    const origin = headers[ORIGIN_HEADER];
    if (origin === undefined || !origin.startsWith(prefix)) return undefined;
    return { line: Number(origin.split(":").at(-2)), origin };
  };
  const { length } = await log.heads(stream.ingestTopic);
  let readers = Array.from({ length }, (_, partition) =>
    readBack(log, stream.ingestTopic, partition, signal, find),
  );
  // All a step each, in turn: what one has says how far back the others are of interest.
  while (readers.length > 0) {
    const going: typeof readers = [];
    for (const reader of readers) {
      const { done, value: found = [] } = await reader.next();
      for (const one of found) published.add(one);
      if (done !== true && !published.isKnownBefore(found)) going.push(reader);
    }
    readers = going;
  }
  return published;
}
