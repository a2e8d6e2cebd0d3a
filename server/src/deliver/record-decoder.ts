import { compareSources, type Source } from "@penstock-dev/contract";
import { EventTerms } from "../filter/index.ts";
import type { LogRecord } from "../log/index.ts";
import type { Stream } from "../streams/index.ts";
import { Entry } from "./entry.ts";
import { laterSource } from "./place.ts";

/** How far back the last source of a partition is looked for: longer than any append in flight. */
export const SOURCE_LOOKBACK_RECORDS = 2000;

/** What one record is for those who read: an event, or an offset that holds nothing for anyone. */
export interface ReadRecord {
  readonly offset: number;
  readonly entry: Entry | undefined;
  readonly source: Source | undefined;
  readonly unreadable: string | undefined;
}

/** Reads the records of one partition in order, and passes over the repeats among them. */
export class RecordDecoder {
  readonly #stream: Stream;
  readonly #partition: number;
  #lastSource: Source | undefined;

  constructor(stream: Stream, partition: number, lastSource: Source | undefined) {
    this.#stream = stream;
    this.#partition = partition;
    this.#lastSource = lastSource;
  }

  get lastSource(): Source | undefined {
    return this.#lastSource;
  }

  read(record: LogRecord): ReadRecord {
    const decoded = this.#stream.decode(record);
    const { offset } = record;
    if (decoded.kind === "unreadable") {
      return { offset, entry: undefined, source: undefined, unreadable: decoded.reason };
    }
    const source = decoded.kind === "event" ? decoded.event.source : decoded.source;
    const repeat =
      source !== undefined &&
      this.#lastSource !== undefined &&
      compareSources(source, this.#lastSource) <= 0;
    this.#lastSource = laterSource(this.#lastSource, source);
    if (decoded.kind === "control" || repeat) {
      return { offset, entry: undefined, source, unreadable: undefined };
    }
    const { event } = decoded;
    const type = this.#stream.eventTypes.get(event.event_type);
    const cancels =
      event.removed === true || type?.deletion === true || type?.broadcast !== undefined;
    const terms = new EventTerms(this.#stream, event, this.#partition, offset);
    return {
      offset,
      entry: new Entry(this.#partition, offset, record.timestampMs, terms, cancels),
      source,
      unreadable: undefined,
    };
  }
}
