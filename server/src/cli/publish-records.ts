import { Readable } from "node:stream";
import { Pace, type Speed, TIME_MEMBERS } from "./pace.ts";
import type { Progress } from "./progress.ts";
import { type InputMeasure, type InputRecord, linesOf, reasonText } from "./record-input.ts";
import { ask, CommandError, causeText, type Problem, problemLine, problemText } from "./target.ts";

interface LineAnswer extends Problem {
  readonly line: number;
  readonly status: number;
}

/** Records without a time that are published before a pace by recorded times is given up. */
const TIMELESS_MAX = 10;

/** What is published, where, and how. */
export interface Publication {
  readonly url: string;
  readonly records: AsyncGenerator<InputRecord, void, undefined>;
  readonly speed: Speed;
  readonly progress: Progress;
  /** What tells how much of the input lies before a record. */
  readonly measure: InputMeasure;
  /** Ends it early: what was sent is still answered. */
  readonly signal: AbortSignal;
  /** What the records are read from, as a person calls it. */
  readonly name: string;
}

/**
 * Sends records as one body of NDJSON, and counts how the server answers each.
 *
 * @returns what ended it before the last record; undefined where all of them were answered
 * @throws CommandError where the server cannot be reached, or takes none of it
 */
export async function publishRecords(publication: Publication): Promise<string | undefined> {
  const { url, progress, measure } = publication;
  const sending = new Sending(publication);
  const response = await ask(url, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: Readable.toWeb(Readable.from(sending.lines())) as ReadableStream,
    duplex: "half",
    // A body that is read once cannot go elsewhere; and for a redirect, a copy of all of it is kept.
    redirect: "error",
  } as RequestInit);
  if (response.status !== 200 || response.body === null)
    throw new CommandError(await problemText(response));
  let lost: unknown;
  try {
    const input = Readable.fromWeb(response.body as never);
    for await (const text of linesOf(input)) {
      const answer = JSON.parse(String(text)) as LineAnswer;
      const sent = sending.answered(answer.line);
      if (answer.status === 202) progress.accepted += 1;
      else progress.refuse(`line ${sent?.line}: ${problemLine(answer)}`);
      if (sent !== undefined) progress.share = measure.share(sent.endBytes);
      progress.show();
    }
  } catch (caught) {
    lost = caught;
  }
  return sending.failure(lost);
}

/** Where a record that was sent stands in the input. */
type Sent = Pick<InputRecord, "line" | "endBytes">;

/** The way of the records to the server: when each is due, and which have no answer yet. */
class Sending {
  readonly #publication: Publication;
  readonly #pace: Pace;
  /** What has no answer yet, by the number that the server gives it. */
  readonly #unanswered = new Map<number, Sent>();
  #sent = 0;
  #ended: string | undefined;
  /** Ends the wait for the record of the moment. */
  #stop: () => void = () => undefined;

  constructor(publication: Publication) {
    this.#publication = publication;
    this.#pace = new Pace(publication.speed, performance.now());
    publication.signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  async *lines(): AsyncIterable<string | Uint8Array> {
    const { signal, name, progress } = this.#publication;
    try {
      for (;;) {
        const record = await this.#next();
        if (record === undefined) return;
        const { bytes, value, line, endBytes } = record;
        if (bytes === undefined) {
          progress.refuse(`line ${line}: ${(value as Error).message}`);
          continue;
        }
        await this.#wait(record);
        if (signal.aborted || this.#ended !== undefined) return;
        this.#sent += 1;
        this.#unanswered.set(this.#sent, { line, endBytes });
        yield bytes;
        yield "\n";
      }
    } catch (caught) {
      this.#ended = `${name} could not be read to its end: ${reasonText(caught)}`;
    }
  }

  /**
   * The next record, or undefined where none follows or the publication is to end. A race against a
   * promise that lasts as long as the publication would keep every record in that promise.
   */
  #next(): Promise<InputRecord | undefined> {
    const { records, signal } = this.#publication;
    return new Promise((resolve, reject) => {
      this.#stop = () => resolve(undefined);
      if (signal.aborted) this.#stop();
      else records.next().then(({ value }) => resolve(value ?? undefined), reject);
    });
  }

  async #wait({ value }: InputRecord): Promise<void> {
    const dueMs = this.#pace.dueMs(value);
    if (this.#pace.isLost && this.#sent >= TIMELESS_MAX) {
      this.#ended = `--speed realtime needs the time of each record in ${TIME_MEMBERS.join(", ")}, and the first ${TIMELESS_MAX} have none; say so many a second instead, such as --speed 100`;
    }
    const { signal } = this.#publication;
    while (dueMs > performance.now() && !signal.aborted) {
      await pause(Math.min(60_000, Math.max(1, dueMs - performance.now())), signal);
    }
  }

  /** Notes an answer; returns what it is about. @param number from 1 */
  answered(number: number): Sent | undefined {
    const sent = this.#unanswered.get(number);
    this.#unanswered.delete(number);
    return sent;
  }

  /** What ended it before the last record. @param lost why no more answers came */
  failure(lost: unknown): string | undefined {
    const [first] = this.#unanswered.values();
    if (lost === undefined && first === undefined) return this.#ended;
    const reason = lost === undefined ? "it ended the answer" : causeText(lost);
    const open =
      first === undefined
        ? "every record that was sent has its answer"
        : `${this.#unanswered.size} records have no answer, the first at line ${first.line} of ${this.#publication.name}: publish again from there`;
    return `the server went away (${reason}); ${open}`;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
