import { compareSources, PenstockError, type Source } from "@penstock-dev/contract";
import type { Log, NewRecord } from "../log/index.ts";
import { encodeProgress, sourceOf, stateFromOf } from "../streams/index.ts";

/** Records that are read back to find the last source: longer than any append in flight. */
const TAIL_RECORDS = 2000;

/** What the tail of an output says. */
export interface OutputTail {
  /** The last source written; undefined where the output is empty. */
  readonly source: Source | undefined;
  /** The raw offset from which the state behind that source can be rebuilt. */
  readonly stateFrom: number | undefined;
  /** The raw topic that the output came from. */
  readonly rawLogId: string | undefined;
}

/** The header that names the raw topic: on the last record of each append. */
const RAW_LOG = "raw_log";

/** One partition of one topic that a processor writes. */
export class Output {
  readonly #log: Log;
  readonly topic: string;
  readonly #partition: number;
  #head = 0;
  #tail: OutputTail = { source: undefined, stateFrom: undefined, rawLogId: undefined };
  /** Raw records since the output got something. */
  #passed = 0;
  #passedSinceMs = 0;
  #pending: NewRecord[] = [];
  #pendingSource: Source | undefined;

  constructor(log: Log, topic: string, partition: number) {
    this.#log = log;
    this.topic = topic;
    this.#partition = partition;
  }

  get tail(): OutputTail {
    return this.#tail;
  }

  /** Reads where the output stands. */
  async open(): Promise<void> {
    this.#pending = [];
    this.#passed = 0;
    const head = (await this.#log.heads(this.topic))[this.#partition] ?? 0;
    const floor = (await this.#log.floors(this.topic))[this.#partition] ?? 0;
    let source: Source | undefined;
    let stateFrom: number | undefined;
    let rawLogId: string | undefined;
    let next = Math.max(floor, head - TAIL_RECORDS);
    while (next < head) {
      const read = await this.#log.read(this.topic, this.#partition, next, {
        recordsMax: TAIL_RECORDS,
        bytesMax: 16 * 1024 * 1024,
      });
      for (const record of read.records) {
        const found = sourceOf(record);
        rawLogId = record.headers[RAW_LOG] ?? rawLogId;
        if (found === undefined || (source !== undefined && compareSources(found, source) <= 0))
          continue;
        source = found;
        stateFrom = stateFromOf(record) ?? stateFrom;
      }
      if (read.next <= next) break;
      next = read.next;
    }
    this.#head = head;
    this.#pendingSource = source;
    this.#tail = { source, stateFrom, rawLogId };
  }

  /** Whether the output has what came of a source already. */
  has(source: Source): boolean {
    return this.#pendingSource !== undefined && compareSources(source, this.#pendingSource) <= 0;
  }

  add(record: NewRecord, source: Source): void {
    this.#pending.push(record);
    this.#pendingSource = source;
    this.#passed = 0;
  }

  /** Notes that a raw record passed; where too many gave nothing, the output says how far it is. */
  passed(
    source: Source,
    stateFrom: number,
    limits: { readonly records: number; readonly ms: number },
    nowMs: number,
  ): void {
    if (this.has(source)) return;
    if (this.#passed === 0) this.#passedSinceMs = nowMs;
    this.#passed += 1;
    const due = this.#passed >= limits.records || nowMs - this.#passedSinceMs >= limits.ms;
    if (due) this.add(encodeProgress(source, stateFrom), source);
  }

  /** Raw records whose passing no record of the output tells yet. */
  get isOwing(): boolean {
    return this.#passed > 0;
  }

  /**
   * Appends what was added, in order and at the offset where this writer left off.
   *
   * @throws PenstockError `cursor_foreign` where another writer came between
   */
  async flush(recordsMax: number, rawLogId: string): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    for (let at = 0; at < pending.length; at += recordsMax) {
      const records = pending.slice(at, at + recordsMax);
      const last = records.at(-1);
      if (last === undefined) return;
      records[records.length - 1] = { ...last, headers: { ...last.headers, [RAW_LOG]: rawLogId } };
      const appended = await this.#log.append(this.topic, this.#partition, records, {
        expected: this.#head,
      });
      this.#head = appended.firstOffset + records.length;
    }
  }
}

/** Whether an error says that another writer came between. */
export function isOvertaken(caught: unknown): boolean {
  return PenstockError.from(caught).code === "cursor_foreign";
}
