import { crc32 } from "./crc32.ts";
import { PenstockError } from "./errors.ts";
import { formatSource, parseSource, type Source } from "./source.ts";

/** Where reading goes on in one partition. */
export interface PartitionCursor {
  /** The next offset to read. */
  readonly offset: number;
  /** The last source seen before that offset, where the stream has a process. */
  readonly source?: Source | undefined;
}

/** A place in a stream: what the text `c1.…` means. It holds no secret and grants nothing. */
export interface Cursor {
  readonly stream: string;
  readonly topic: string;
  /** The identity of the log that holds the topic. */
  readonly logId: string;
  /** The generation of that identity in which the cursor was made. */
  readonly generation: number;
  /** By partition; one that is missing was added later and is read from its floor. */
  readonly partitions: ReadonlyMap<number, PartitionCursor>;
}

const PREFIX = "c1.";

/** The text of a cursor: URL-safe, checksummed, opaque to clients. */
export function encodeCursor(cursor: Cursor): string {
  const partitions: (number | string)[][] = [];
  for (const [partition, { offset, source }] of cursor.partitions) {
    partitions.push(
      source === undefined ? [partition, offset] : [partition, offset, formatSource(source)],
    );
  }
  const text = JSON.stringify([
    cursor.stream,
    cursor.topic,
    cursor.logId,
    cursor.generation,
    partitions,
  ]);
  const body = new TextEncoder().encode(text);
  const bytes = new Uint8Array(body.length + 4);
  bytes.set(body);
  new DataView(bytes.buffer).setUint32(body.length, crc32(body));
  return PREFIX + toBase64Url(bytes);
}

/**
 * The cursor that a text means.
 *
 * @throws PenstockError `cursor_invalid` where the text is cut short, altered or no cursor at all
 */
export function decodeCursor(text: string): Cursor {
  if (!text.startsWith(PREFIX)) throw invalid("A cursor begins with `c1.`.");
  const bytes = fromBase64Url(text.slice(PREFIX.length));
  if (bytes === undefined || bytes.length < 5) throw invalid("The cursor is cut short or altered.");
  const body = bytes.subarray(0, bytes.length - 4);
  const checksum = new DataView(bytes.buffer, bytes.byteOffset + body.length, 4).getUint32(0);
  if (crc32(body) !== checksum) throw invalid("The cursor is cut short or altered.");
  return fromJson(new TextDecoder().decode(body));
}

function fromJson(text: string): Cursor {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("The cursor does not hold what a cursor holds.");
  }
  if (!Array.isArray(value) || value.length !== 5) throw invalid("The cursor has no known form.");
  const [stream, topic, logId, generation, list] = value as unknown[];
  if (
    typeof stream !== "string" ||
    typeof topic !== "string" ||
    typeof logId !== "string" ||
    !isOffset(generation) ||
    !Array.isArray(list)
  ) {
    throw invalid("The cursor has no known form.");
  }
  const partitions = new Map<number, PartitionCursor>();
  for (const item of list as unknown[]) {
    if (!Array.isArray(item)) throw invalid("The cursor has no known form.");
    const [partition, offset, sourceText] = item as unknown[];
    const source = typeof sourceText === "string" ? parseSource(sourceText) : undefined;
    const sourceFits = sourceText === undefined || source !== undefined;
    if (!isOffset(partition) || !isOffset(offset) || !sourceFits || partitions.has(partition)) {
      throw invalid("The cursor has no known form.");
    }
    partitions.set(partition, source === undefined ? { offset } : { offset, source });
  }
  return { stream, topic, logId, generation, partitions };
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function invalid(detail: string): PenstockError {
  return new PenstockError("cursor_invalid", detail);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES = new Map([...ALPHABET].map((character, value) => [character, value]));

function toBase64Url(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET.charAt(word >> 18) + ALPHABET.charAt((word >> 12) & 63);
    if (left > 1) text += ALPHABET.charAt((word >> 6) & 63);
    if (left > 2) text += ALPHABET.charAt(word & 63);
  }
  return text;
}

function fromBase64Url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let length = 0;
  for (const character of text) {
    const value = VALUES.get(character);
    if (value === undefined) return undefined;
    word = ((word << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = (word >> bits) & 0xff;
    }
  }
  // Bits that no byte takes must be zero, or two texts would mean the same cursor.
  return (word & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
