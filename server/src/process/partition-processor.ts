import type { Domain, ProcessOutcome, Source } from "@penstock-dev/contract";
import type { Log, LogRecord, NewRecord } from "../log/index.ts";
import type { OptionValues } from "../option.ts";
import { readJson, type Stream, thrownText } from "../streams/index.ts";
import { encodeOutcome, type Given } from "./encode-outcome.ts";
import type { processOptions } from "./options.ts";
import { isOvertaken, Output } from "./output.ts";

/** What an operator may want to know, besides the counters. */
export interface ProcessReport {
  readonly kind: "dead_letter" | "notice" | "restarted" | "generation" | "lost" | "failed";
  readonly stream: string;
  /** Of the raw record, or of the partition. */
  readonly position: string;
  readonly reason: string;
}

export interface ProcessorInit {
  readonly log: Log;
  readonly stream: Stream;
  readonly deadTopic: string;
  readonly options: OptionValues<typeof processOptions>;
  readonly now: () => number;
  readonly report: (report: ProcessReport) => void;
}

const READ_BYTES_MAX = 16 * 1024 * 1024;

/** Turns the raw records of one partition into events, and goes on exactly where it stopped. */
export class PartitionProcessor {
  readonly #init: ProcessorInit;
  readonly #domain: Domain;
  readonly #partition: number;
  readonly #tombstones: Output | undefined;
  readonly #enriched: Output;
  readonly #final: Output | undefined;
  /** In the order in which they are written: what hides content comes before what tells of it. */
  readonly #outputs: readonly Output[];
  #state: unknown;
  #generation = 0;
  #rawLogId = "";
  #next = 0;
  /** What the domain last said that the state depends on; the beginning, where it never said. */
  #knownStateFrom = 0;
  #dead: NewRecord[] = [];

  constructor(init: ProcessorInit, domain: Domain, partition: number) {
    const { log, stream } = init;
    this.#init = init;
    this.#domain = domain;
    this.#partition = partition;
    const make = (topic: string) => new Output(log, topic, partition);
    this.#tombstones =
      stream.tombstoneTopic === undefined ? undefined : make(stream.tombstoneTopic);
    this.#enriched = make(stream.topic);
    this.#final = stream.finalTopic === undefined ? undefined : make(stream.finalTopic);
    this.#outputs = [this.#tombstones, this.#enriched, this.#final].filter(
      (output) => output !== undefined,
    );
  }

  /** The next raw offset to process. */
  get next(): number {
    return this.#next;
  }

  /** Processes until the signal aborts; whatever fails is told and begun again from the tail. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#open();
        await this.#follow(signal);
      } catch (caught) {
        if (signal.aborted) return;
        const kind = isOvertaken(caught) ? "restarted" : "failed";
        this.#report(kind, String(this.#partition), String(caught));
        if (kind === "failed") await delay(this.#init.options.retryMs, signal);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { log, stream, options } = this.#init;
    while (!signal.aborted) {
      const read = await log.read(stream.ingestTopic, this.#partition, this.#next, {
        recordsMax: options.batchRecordsMax,
        bytesMax: READ_BYTES_MAX,
      });
      for (const record of read.records) this.#take(record);
      this.#next = read.next;
      await this.#flush();
      if (read.records.length > 0) continue;
      await this.#wait(signal);
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { log, stream, options } = this.#init;
    const positions: number[] = new Array(stream.partitions).fill(Number.MAX_SAFE_INTEGER);
    positions[this.#partition] = this.#next;
    const owing = this.#outputs.some((output) => output.isOwing);
    const wake = owing
      ? AbortSignal.any([signal, AbortSignal.timeout(options.progressMs)])
      : signal;
    await log.waitForMore(stream.ingestTopic, positions, wake);
    if (!owing || signal.aborted || this.#next === 0) return;
    // Time passed without output: say how far processing is.
    this.#pass({ generation: this.#generation, offset: this.#next - 1, index: 0, last: true });
    await this.#flush();
  }

  /** Finds from the outputs where to go on, and rebuilds the state that was there. */
  async #open(): Promise<void> {
    const { log, stream } = this.#init;
    for (const output of this.#outputs) await output.open();
    this.#dead = [];
    this.#state = this.#domain.process?.create();
    this.#rawLogId = (await log.describe(stream.ingestTopic)).logId;
    const floor = (await log.floors(stream.ingestTopic))[this.#partition] ?? 0;
    const head = (await log.heads(stream.ingestTopic))[this.#partition] ?? 0;
    this.#knownStateFrom = floor;
    const tails = this.#outputs.map(({ tail }) => tail);
    const sources = tails.map(({ source }) => source).filter((source) => source !== undefined);
    this.#generation = Math.max(0, ...sources.map(({ generation }) => generation));
    // An output that a crash left in the generation before may still name the topic of that one.
    const foreign = tails.some(
      ({ source, rawLogId }) =>
        source?.generation === this.#generation &&
        rawLogId !== undefined &&
        rawLogId !== this.#rawLogId,
    );
    if (
      foreign ||
      sources.some(({ offset, generation }) => generation === this.#generation && offset >= head)
    ) {
      this.#generation += 1;
      this.#report(
        "generation",
        String(this.#partition),
        "the raw topic is not the one that the output came from: starting anew at its floor",
      );
      this.#next = floor;
      return;
    }
    // An output that has nothing, or nothing of this generation, wants all that is there. That is
    // so only in the beginning: once `progressRecords` or `progressMs` have passed, every output
    // says at least how far it is. What the others have already is not written again.
    const current = sources.filter(({ generation }) => generation === this.#generation);
    const complete = current.length === this.#outputs.length;
    const resume = complete
      ? Math.min(...current.map(({ offset, last }) => (last ? offset + 1 : offset)))
      : floor;
    const lowest = tails.find(
      ({ source }) =>
        source !== undefined && (source.last ? source.offset + 1 : source.offset) === resume,
    );
    const stateFrom = complete ? Math.max(floor, lowest?.stateFrom ?? floor) : floor;
    if (resume < floor) {
      this.#report(
        "lost",
        String(this.#partition),
        `raw records ${resume} to ${floor - 1} left the log before they were processed`,
      );
    }
    this.#knownStateFrom = Math.min(stateFrom, resume);
    await this.#rebuild(this.#knownStateFrom, resume);
    this.#next = Math.max(resume, floor);
  }

  /** Applies raw records for the sake of the state alone. */
  async #rebuild(from: number, until: number): Promise<void> {
    const { log, stream, options } = this.#init;
    let next = from;
    while (next < until) {
      const read = await log.read(stream.ingestTopic, this.#partition, next, {
        recordsMax: Math.min(options.batchRecordsMax, until - next),
        bytesMax: READ_BYTES_MAX,
      });
      for (const record of read.records) if (record.offset < until) this.#apply(record);
      if (read.next <= next) return;
      next = read.next;
    }
  }

  #take(record: LogRecord): void {
    // Taken before the record is: a crash may leave a part of what it gives, and then the record is
    // taken again, in the state before it.
    const stateFrom = this.#stateFrom(record.offset);
    const outcome = this.#apply(record);
    let given: readonly Given<Output>[];
    try {
      given = this.#encode(outcome, record, stateFrom);
    } catch (caught) {
      const dead = `the domain gave what is no event: ${thrownText(caught)}`;
      given = this.#encode({ enriched: [] }, record, stateFrom);
      this.#bury(record, dead);
    }
    if (outcome.dead !== undefined) this.#bury(record, outcome.dead);
    if (outcome.notice !== undefined)
      this.#report("notice", this.#positionOf(record), outcome.notice);
    for (const { output, records } of given) this.#emit(output, records, record.offset, stateFrom);
  }

  #encode(
    outcome: ProcessOutcome,
    { offset, key }: LogRecord,
    stateFrom: number,
  ): readonly Given<Output>[] {
    const outputs = { tombstones: this.#tombstones, enriched: this.#enriched, final: this.#final };
    const generation = this.#generation;
    return encodeOutcome(outcome, outputs, { generation, offset, key: key ?? "", stateFrom });
  }

  #emit(
    output: Output,
    records: Given<Output>["records"],
    offset: number,
    stateFrom: number,
  ): void {
    for (const { source, record } of records) {
      if (!output.has(source)) output.add(record, source);
    }
    if (records.length > 0) return;
    const generation = this.#generation;
    const { progressRecords, progressMs } = this.#init.options;
    const limits = { records: progressRecords, ms: progressMs };
    output.passed(
      { generation, offset, index: 0, last: true },
      stateFrom,
      limits,
      this.#init.now(),
    );
  }

  #pass(source: Source): void {
    for (const output of this.#outputs) {
      if (output.isOwing)
        output.passed(
          source,
          this.#stateFrom(source.offset),
          { records: 0, ms: 0 },
          this.#init.now(),
        );
    }
  }

  /** The raw offset from which the state can be rebuilt in which the record at `offset` is taken. */
  #stateFrom(offset: number): number {
    try {
      const told = this.#domain.process?.stateFrom(this.#state) ?? offset;
      if (!Number.isSafeInteger(told)) throw new TypeError("it gave what is no offset");
      this.#knownStateFrom = Math.min(offset, told);
    } catch (caught) {
      // From an earlier record on, the same state comes of it.
      this.#init.stream.failures.note(
        "process.stateFrom",
        "its state is rebuilt from further back",
        caught,
        `${this.#partition}:${offset}`,
      );
    }
    return this.#knownStateFrom;
  }

  #apply(record: LogRecord): ProcessOutcome {
    const read = readJson(record.value);
    if ("wrong" in read) return { enriched: [], dead: read.wrong };
    try {
      const parsed = this.#domain.ingest.parse(read.body);
      if (!parsed.ok) {
        const reasons = parsed.errors.map(({ path, message }) => `${path} ${message}`);
        return { enriched: [], dead: reasons.slice(0, 5).join("; ") };
      }
      const { offset, headers } = record;
      const outcome = this.#domain.process?.apply(parsed.value, this.#state, offset, headers);
      return outcome ?? { enriched: [] };
    } catch (caught) {
      return { enriched: [], dead: `the domain failed: ${thrownText(caught)}` };
    }
  }

  #bury(record: LogRecord, reason: string): void {
    const position = this.#positionOf(record);
    this.#dead.push({
      key: record.key,
      value: record.value,
      headers: { ...record.headers, reason: reason.slice(0, 1000), position },
    });
    this.#report("dead_letter", position, reason);
  }

  /**
   * Writes what was added. Dead letters go first, and may come twice where what follows fails; whoever
   * reads them tells repeats by their position.
   */
  async #flush(): Promise<void> {
    const { log, deadTopic, options } = this.#init;
    if (this.#dead.length > 0) {
      const dead = this.#dead;
      this.#dead = [];
      await log.append(deadTopic, this.#partition, dead);
    }
    for (const output of this.#outputs) await output.flush(options.batchRecordsMax, this.#rawLogId);
  }

  #positionOf(record: LogRecord): string {
    return `${this.#partition}:${record.offset}`;
  }

  #report(kind: ProcessReport["kind"], position: string, reason: string): void {
    this.#init.report({ kind, stream: this.#init.stream.name, position, reason });
  }
}

async function delay(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
