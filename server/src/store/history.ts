import { EventTerms, type Filters, matches } from "../filter/index.ts";
import type { LogRecord } from "../log/index.ts";
import type { Stream, StreamEvent } from "../streams/index.ts";
import type { ArchiveRows } from "./archive-rows.ts";
import type { Row, RowKey } from "./archive-tables.ts";
import { byTime } from "./by-time.ts";
import { eventBody } from "./event-body.ts";

/** What is looked at in one turn: live delivery waits for no longer than that. */
const ROWS_PER_TURN = 500;
const CHARACTERS_PER_TURN = 1024 * 1024;

/** What a page of history asks, besides where it begins. */
export interface PageQuery {
  readonly limit: number;
  readonly endMs: number | undefined;
  /** The partition key. */
  readonly key: string | undefined;
  /** Rows that are looked at, and characters of events that are found, before it answers with what it has. */
  readonly scanMax: number;
  readonly charactersMax: number;
}

/** One page of history. */
export interface Page {
  readonly bodies: readonly string[];
  /** Where the next page begins, by partition. */
  readonly offsets: readonly number[];
  /** Whether there are others; where a bound ended the page: whether there are more rows to look at. */
  readonly more: boolean;
}

type Item = { readonly key: RowKey; readonly value: Row };
const timeOf = ({ value }: Item): number => value.at;

/** Reads the archived events of a stream that match, oldest first, from some offsets on. */
export async function readPage(
  rows: ArchiveRows,
  stream: Stream,
  filters: Filters,
  query: PageQuery,
  from: readonly number[],
): Promise<Page> {
  const offsets = [...from];
  const bodies: string[] = [];
  let characters = 0;
  for (let scanned = 0; ; ) {
    const lists = offsets.map((offset, partition) =>
      rows.rows(stream.topic, partition, offset)[Symbol.iterator](),
    );
    let looked = 0;
    let lookedCharacters = 0;
    let isEnd = true;
    for (const { key, value } of byTime<Item>(lists, timeOf)) {
      // Times rise in each partition: what follows is later still.
      if (query.endMs !== undefined && value.at >= query.endMs)
        return { bodies, offsets, more: false };
      if (scanned === query.scanMax || characters >= query.charactersMax)
        return { bodies, offsets, more: true };
      if (looked === ROWS_PER_TURN || lookedCharacters >= CHARACTERS_PER_TURN) {
        isEnd = false;
        break;
      }
      const [, partition, offset] = key;
      const body =
        query.key === undefined || value.key === query.key
          ? listed(rows, stream, filters, partition, recordOf(offset, value))
          : undefined;
      if (body !== undefined && bodies.length === query.limit)
        return { bodies, offsets, more: true };
      if (body !== undefined) bodies.push(body);
      characters += body?.length ?? 0;
      offsets[partition] = offset + 1;
      looked += 1;
      lookedCharacters += value.value.length;
      scanned += 1;
    }
    if (isEnd) return { bodies, offsets, more: false };
    await new Promise((resolve) => setImmediate(resolve));
    rows.refresh();
  }
}

/** An archived row as the record that it was. */
export function recordOf(offset: number, { at, key, headers, value }: Row): LogRecord {
  return { offset, timestampMs: at, key, headers, value: Buffer.from(value) };
}

/** An event as it is listed; undefined of deletes, undos, what they take back, and what does not match. */
function listed(
  rows: ArchiveRows,
  stream: Stream,
  filters: Filters,
  partition: number,
  record: LogRecord,
): string | undefined {
  const terms = listable(stream, partition, record);
  if (terms === undefined || matches(filters, terms) === undefined) return undefined;
  const { offset, timestampMs } = record;
  if (isUndone(rows, stream, terms, partition, offset)) return undefined;
  return eventBody(terms.event, partition, offset, timestampMs);
}

/** The event of a record; undefined where it is none that queries list, whatever else they ask. */
export function listable(
  stream: Stream,
  partition: number,
  record: LogRecord,
): EventTerms | undefined {
  const decoded = stream.decode(record);
  if (decoded.kind !== "event" || !isListable(stream, decoded.event)) return undefined;
  return new EventTerms(stream, decoded.event, partition, record.offset);
}

/** Whether queries list an event: they do not list undos, deletions and broadcasts. */
export function isListable(stream: Stream, event: StreamEvent): boolean {
  const type = stream.eventTypes.get(event.event_type);
  return event.removed !== true && type?.deletion !== true && type?.broadcast === undefined;
}

/** Whether an event was undone behind its offset. */
export function isUndone(
  rows: ArchiveRows,
  stream: Stream,
  { event }: EventTerms,
  partition: number,
  offset: number,
): boolean {
  return (
    stream.finalTopic !== undefined && rows.isUndone(stream.topic, event.id, partition, offset)
  );
}
