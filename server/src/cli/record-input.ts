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
}

/** What a known recording stands for. */
export interface RecordingReader {
  /** What a line stands for; undefined where the line is a record itself. */
  readonly line: (value: unknown, text: string) => readonly unknown[] | undefined;
  /** What comes behind the last line. */
  readonly end: () => readonly unknown[];
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
 * @param onBytes told how many bytes of the input were read
 * @throws whatever reading and unpacking throw: see `reasonText`
 */
export async function* inputRecords(
  input: Readable,
  recording: RecordingReader,
  onBytes: (count: number) => void,
): AsyncGenerator<InputRecord, void, undefined> {
  let line = 0;
  for await (const bytes of linesOf(await unpacked(counted(input, onBytes)))) {
    line += 1;
    const text = bytes.toString();
    if (text.trim() === "") continue;
    const value = parsed(text);
    const meant = recording.line(value, text);
    if (meant === undefined) yield { bytes, value, line };
    for (const one of meant ?? []) yield inputRecord(one, line);
  }
  for (const one of recording.end()) yield inputRecord(one, line);
}

function inputRecord(value: unknown, line: number): InputRecord {
  const bytes = value instanceof Error ? undefined : Buffer.from(JSON.stringify(value));
  return { bytes, value, line };
}

async function* counted(
  input: Readable,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of input) {
    const bytes = chunk as Buffer;
    onBytes(bytes.length);
    yield bytes;
  }
}

/** The same bytes, unpacked where they are gzip: the first two say so, whatever a file's name. */
async function unpacked(chunks: AsyncGenerator<Buffer, void>): Promise<AsyncIterable<Buffer>> {
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const whole = Readable.from(behind(head, chunks), { objectMode: false });
  if (head[0] !== 0x1f || head[1] !== 0x8b) return whole;
  // What goes wrong is thrown to whoever reads what is unpacked.
  return pipeline(whole, createGunzip(), () => undefined);
}

async function* behind(head: Buffer, chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  if (head.length > 0) yield head;
  yield* chunks;
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
  if (code === "EACCES") return "permission is denied";
  if (code === "Z_BUF_ERROR") return "its gzip is cut short";
  if (code?.startsWith("Z_") === true) return "its gzip is damaged";
  return message;
}
