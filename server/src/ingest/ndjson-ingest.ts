import { Readable } from "node:stream";
import { PenstockError } from "@penstock-dev/contract";
import type { IngestRecord, Stream } from "../streams/index.ts";
import { AnswerQueue } from "./answer-queue.ts";
import type { Ingester } from "./ingester.ts";
import { parseRecordBytes } from "./json-text.ts";
import { type Line, readLines } from "./line-reader.ts";

/** What a request says of all its lines. */
interface Said {
  readonly idempotencyKey: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Ingests a body of one record a line, and answers each line in the order of the lines, while the
 * body still comes. What waits is bounded: some batches for the log, and the answers that the
 * client has not read hold back the reading of its lines.
 */
export function ingestLines(
  ingester: Ingester,
  stream: Stream,
  body: Readable,
  said: Said,
): Readable {
  const answers = new AnswerQueue(ingester.options.batchesInFlight);
  void readBody(ingester, stream, body, said, answers);
  return Readable.from(answers.read(), { highWaterMark: 1 });
}

async function readBody(
  ingester: Ingester,
  stream: Stream,
  body: Readable,
  said: Said,
  answers: AnswerQueue,
): Promise<void> {
  const { lineBytesMax, batchLinesMax } = ingester.options;
  try {
    const held = ingester.holding();
    for await (const lines of readLines(body, { lineBytesMax, batchLinesMax, held })) {
      if (!(await answers.add(ingestBatch(ingester, stream, lines, said)))) return;
    }
    answers.end();
  } catch (caught) {
    // The client left in the middle: what it sent whole is in the log, and nobody is there to tell.
    answers.end(body.readableAborted ? undefined : caught);
  }
}

async function ingestBatch(
  ingester: Ingester,
  stream: Stream,
  lines: readonly Line[],
  said: Said,
): Promise<string> {
  const answers: string[] = new Array(lines.length);
  const accepted: IngestRecord[] = [];
  const places: number[] = [];
  for (const [place, line] of lines.entries()) {
    try {
      const value = parseLine(line);
      const { idempotencyKey, headers } = said;
      const key = idempotencyKey === undefined ? undefined : `${idempotencyKey}:${line.number}`;
      accepted.push(ingester.accept(stream, value, key, headers));
      places.push(place);
    } catch (caught) {
      answers[place] = refusal(line, PenstockError.from(caught));
    }
  }
  try {
    const ingested = accepted.length === 0 ? [] : await ingester.append(stream, accepted);
    for (const [at, { id, position }] of ingested.entries()) {
      const place = places[at] ?? 0;
      answers[place] =
        `{"line":${lines[place]?.number},"status":202,"id":${JSON.stringify(id)},"position":"${position}"}\n`;
    }
  } catch (caught) {
    const error = PenstockError.from(caught);
    for (const place of places) answers[place] = refusal(lines[place] as Line, error);
  }
  return answers.join("");
}

function parseLine({ bytes }: Line): unknown {
  if (bytes instanceof PenstockError) throw bytes;
  return parseRecordBytes(bytes);
}

function refusal({ number }: Line, error: PenstockError): string {
  const { status, code, message, errors, retryAfterMs } = error;
  const answer = {
    line: number,
    status,
    code,
    detail: message,
    ...(errors.length > 0 ? { errors } : {}),
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  };
  return `${JSON.stringify(answer)}\n`;
}
