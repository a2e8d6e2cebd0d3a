import type { LogRecord, NewRecord } from "../log.ts";

/**
 * The bytes of the records of one append: a chunk is one entry of the database, so that a scan
 * touches few entries. Layout, little-endian: time (float64), count (uint32); then for each record
 * its offset within the chunk (uint32), the lengths of key, headers and value (uint32 each, the
 * key's being 0xffffffff where it is null), and the three.
 */
const HEAD_BYTES = 12;
const RECORD_HEAD_BYTES = 16;
const NULL_LENGTH = 0xffff_ffff;
const EMPTY_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** What one chunk holds at the most, but for a record that alone is larger: a reader takes it whole. */
const CHUNK_MAX = { records: 1000, bytes: 1024 * 1024 };

/** The chunks of one append, without a time, each with the place of its first record. */
export function encodeChunks(
  records: readonly NewRecord[],
): readonly { readonly at: number; readonly chunk: Buffer }[] {
  const chunks: { at: number; chunk: Buffer }[] = [];
  let at = 0;
  let bytes = 0;
  for (let end = 1; end <= records.length; end++) {
    bytes += records[end - 1]?.value.length ?? 0;
    const next = records[end]?.value.length ?? 0;
    const isFull = end - at === CHUNK_MAX.records || bytes + next > CHUNK_MAX.bytes;
    if (!isFull && end < records.length) continue;
    chunks.push({ at, chunk: encodeChunk(0, records.slice(at, end)) });
    at = end;
    bytes = 0;
  }
  return chunks;
}

export function setChunkTime(chunk: Buffer, timestampMs: number): void {
  chunk.writeDoubleLE(timestampMs, 0);
}

/** @param deltas each record's offset less the chunk's; left out: 0, 1, 2, … */
export function encodeChunk(
  timestampMs: number,
  records: readonly NewRecord[],
  deltas?: readonly number[],
): Buffer {
  const texts = records.map(({ key, headers }) => ({
    key: key === null ? undefined : Buffer.from(key),
    headers:
      headers === undefined || !hasMembers(headers)
        ? undefined
        : Buffer.from(JSON.stringify(headers)),
  }));
  let size = HEAD_BYTES;
  for (const [at, { value }] of records.entries()) {
    size += RECORD_HEAD_BYTES + value.length;
    size += (texts[at]?.key?.length ?? 0) + (texts[at]?.headers?.length ?? 0);
  }
  const chunk = Buffer.allocUnsafe(size);
  chunk.writeDoubleLE(timestampMs, 0);
  chunk.writeUInt32LE(records.length, 8);
  let at = HEAD_BYTES;
  for (const [index, { value }] of records.entries()) {
    const { key, headers } = texts[index] ?? {};
    chunk.writeUInt32LE(deltas?.[index] ?? index, at);
    chunk.writeUInt32LE(records[index]?.key === null ? NULL_LENGTH : (key?.length ?? 0), at + 4);
    chunk.writeUInt32LE(headers?.length ?? 0, at + 8);
    chunk.writeUInt32LE(value.length, at + 12);
    at += RECORD_HEAD_BYTES;
    at += key?.copy(chunk, at) ?? 0;
    at += headers?.copy(chunk, at) ?? 0;
    chunk.set(value, at);
    at += value.length;
  }
  return chunk;
}

function hasMembers(headers: Readonly<Record<string, string>>): boolean {
  for (const _ in headers) return true;
  return false;
}

/** The time of all of a chunk's records. */
export function chunkTimeMs(chunk: Buffer): number {
  return chunk.readDoubleLE(0);
}

/**
 * The records of a chunk from an offset on. Their values are parts of `chunk`.
 *
 * @param take told each record; false ends the reading
 */
export function readChunk(
  chunk: Buffer,
  firstOffset: number,
  from: number,
  take: (record: LogRecord) => boolean,
): boolean {
  const timestampMs = chunkTimeMs(chunk);
  const count = chunk.readUInt32LE(8);
  let at = HEAD_BYTES;
  for (let index = 0; index < count; index++) {
    const offset = firstOffset + chunk.readUInt32LE(at);
    const keyLength = chunk.readUInt32LE(at + 4);
    const headersLength = chunk.readUInt32LE(at + 8);
    const valueLength = chunk.readUInt32LE(at + 12);
    const keyAt = at + RECORD_HEAD_BYTES;
    const headersAt = keyAt + (keyLength === NULL_LENGTH ? 0 : keyLength);
    const valueAt = headersAt + headersLength;
    at = valueAt + valueLength;
    if (offset < from) continue;
    const record: LogRecord = {
      offset,
      timestampMs,
      key: keyLength === NULL_LENGTH ? null : chunk.toString("utf8", keyAt, headersAt),
      headers:
        headersLength === 0
          ? EMPTY_HEADERS
          : (JSON.parse(chunk.toString("utf8", headersAt, valueAt)) as Record<string, string>),
      value: chunk.subarray(valueAt, at),
    };
    if (!take(record)) return false;
  }
  return true;
}
