import { createReadStream, type Stats, statSync } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { CommandError } from "./target.ts";

/** A record to publish, and where it stands. */
export interface InputRecord {
  /** What to send; undefined where nothing can be made of it. */
  readonly bytes: Uint8Array | undefined;
  /** What it says; undefined where it is no JSON, an Error where that is why there is no record. */
  readonly value: unknown;
  /** Its line in the input, from 1. */
  readonly line: number;
  /** Bytes of the input, unpacked, up to the end of that line. */
  readonly endBytes: number;
}

/** What a known recording stands for. */
export interface RecordingReader {
  /** What a line stands for; undefined where the line is a record itself. */
  readonly line: (value: unknown, text: string) => readonly unknown[] | undefined;
  /** What comes behind the last line. */
  readonly end: () => readonly unknown[];
}

/** How much of an input lies before a place in it, packed or not. */
export class InputMeasure {
  readonly #sizeBytes: number | undefined;
  /** Bytes as the input has them, and what they were unpacked to, so far. */
  #taken: () => number = () => 0;
  unpackedBytes = 0;

  /** @param sizeBytes of the input as it is; undefined where nobody knows */
  constructor(sizeBytes: number | undefined) {
    this.#sizeBytes = sizeBytes;
  }

  /** @param taken how many bytes were unpacked so far */
  unpackedFrom(taken: () => number): void {
    this.#taken = taken;
  }

  /**
   * The share of the input before a place, from 0 to 1; undefined where its size is not known. What
   * is not unpacked yet is taken to be packed as well as what is.
   *
   * @param endBytes of what is unpacked
   */
  share(endBytes: number): number | undefined {
    if (this.#sizeBytes === undefined) return undefined;
    const ratio = this.unpackedBytes === 0 ? 1 : this.#taken() / this.unpackedBytes;
    return this.#sizeBytes === 0 ? 1 : Math.min(1, (endBytes * ratio) / this.#sizeBytes);
  }
}

/** Longer than any server takes: a file without lines is told as such before memory ends. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/**
 * A file to read, and its size in bytes.
 *
 * @throws CommandError where there is none
 */
export function openInput(path: string): { readonly input: Readable; readonly sizeBytes: number } {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (caught) {
    throw new CommandError(`--file ${path} cannot be read: ${reasonText(caught)}`);
  }
  if (stats.isDirectory())
    throw new CommandError(`--file ${path} is a folder; name a file of one record a line`);
  return { input: createReadStream(path), sizeBytes: stats.size };
}

/**
 * The records of an input of one a line, packed with gzip or not; blank lines are passed over. Bytes
 * go through as they are: what is no UTF-8 is the server's to refuse.
 *
 * @param measure told what is read
 * @throws whatever reading and unpacking throw: see `reasonText`
 */
export async function* inputRecords(
  input: Readable,
  recording: RecordingReader,
  measure: InputMeasure,
): AsyncGenerator<InputRecord, void, undefined> {
  let line = 0;
  let endBytes = 0;
  for await (const bytes of linesOf(counted(await unpacked(input, measure), measure))) {
    line += 1;
    endBytes += bytes.length + 1;
    const text = bytes.toString();
    if (text.trim() === "") continue;
    const value = parsed(text);
    const meant = recording.line(value, text);
    if (meant === undefined) yield { bytes, value, line, endBytes };
    for (const one of meant ?? []) yield inputRecord(one, line, endBytes);
  }
  for (const one of recording.end()) yield inputRecord(one, line, endBytes);
}

function inputRecord(value: unknown, line: number, endBytes: number): InputRecord {
  const bytes = value instanceof Error ? undefined : Buffer.from(JSON.stringify(value));
  return { bytes, value, line, endBytes };
}

async function* counted(
  chunks: AsyncIterable<Buffer>,
  measure: InputMeasure,
): AsyncIterable<Buffer> {
  for await (const bytes of chunks) {
    measure.unpackedBytes += bytes.length;
    yield bytes;
  }
}

/** The same bytes, unpacked where they are gzip: the first two say so, whatever a file's name. */
async function unpacked(input: Readable, measure: InputMeasure): Promise<AsyncIterable<Buffer>> {
  const chunks = (input as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const whole = Readable.from(behind(head, chunks), { objectMode: false });
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    measure.unpackedFrom(() => measure.unpackedBytes);
    return whole;
  }
  const gunzip = createGunzip();
  measure.unpackedFrom(() => gunzip.bytesWritten);
  // What goes wrong is thrown to whoever reads what is unpacked.
  return pipeline(whole, gunzip, () => undefined);
}

async function* behind(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  if (head.length > 0) yield head;
  yield* { [Symbol.asyncIterator]: () => chunks };
}

/** Lines end in a line feed and in nothing else: JSON may hold every other separator. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let carry: Buffer[] = [];
  let carriedBytes = 0;
  let isFirst = true;
  const whole = (rest: Buffer): Buffer => {
    const line = carry.length === 0 ? rest : Buffer.concat([...carry, rest]);
    carry = [];
    carriedBytes = 0;
    const marked = isFirst && line.indexOf(BYTE_ORDER_MARK) === 0;
    isFirst = false;
    return marked ? line.subarray(BYTE_ORDER_MARK.length) : line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      yield whole(chunk.subarray(from, end));
      from = end + 1;
    }
    if (from < chunk.length) carry.push(chunk.subarray(from));
    carriedBytes += chunk.length - from;
    if (carriedBytes > LINE_BYTES_MAX)
      throw new Error(`a line is longer than ${LINE_BYTES_MAX / 1024 ** 2} MiB`);
  }
  if (carry.length > 0) yield whole(Buffer.alloc(0));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The server answers this line as it does any that is wrong.
    return undefined;
  }
}

/** Why something cannot be read, in words. */
export function reasonText(caught: unknown): string {
  const { code, message } = caught as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "it is a folder";
  if (code === "ENOTDIR") return "a part of its path is a file";
  if (code === "EACCES") return "permission is denied";
  if (code === "Z_BUF_ERROR") return "its gzip is cut short";
  if (code?.startsWith("Z_") === true) return "its gzip is damaged";
  return message;
}
