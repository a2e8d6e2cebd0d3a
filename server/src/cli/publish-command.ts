import { statSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { Command } from "commander";
import { readableFile } from "../ingest/index.ts";
import { shippedDomains } from "../serve.ts";
import { Progress } from "./progress.ts";
import { ask, CommandError, problemText, targetUrl } from "./target.ts";

interface PublishOptions {
  readonly file?: string;
  readonly speed: string;
}

interface LineAnswer {
  readonly line: number;
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
}

/** `penstock publish`: one event, NDJSON on standard input, or a file. */
export function addPublish(program: Command): void {
  program
    .command("publish")
    .description("publish events: one as an argument, NDJSON on standard input, or a file")
    .argument("<stream>", "the stream to publish to")
    .argument("[event]", "one event as JSON")
    .option(
      "--file <path>",
      "a .jsonl or .jsonl.gz of raw records, or of a known recording's lines",
    )
    .option("--speed <speed>", "max, or so many records a second", "max")
    .action(async (stream: string, event: string | undefined, options: PublishOptions) => {
      const url = `${targetUrl(process.env)}/v1/ingest/${encodeURIComponent(stream)}`;
      if (event !== undefined) await publishOne(url, event);
      else await publishLines(url, stream, options);
    });
}

async function publishOne(url: string, event: string): Promise<void> {
  const response = await ask(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: event,
  });
  if (response.status !== 202) throw new CommandError(await problemText(response));
  const { id, position } = (await response.json()) as { id: string; position: string };
  process.stdout.write(`published ${id} at ${position}\n`);
}

async function publishLines(
  url: string,
  stream: string,
  { file, speed }: PublishOptions,
): Promise<void> {
  const perSecond = readSpeed(speed);
  const size = file === undefined ? undefined : fileSize(file);
  const progress = new Progress(size, process.stderr);
  const input =
    file === undefined ? process.stdin : readableFile(file, (count) => progress.read(count));
  const body = Readable.toWeb(
    Readable.from(records(stream, input, perSecond, progress)),
  ) as ReadableStream;
  const init = {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body,
    duplex: "half",
  };
  const response = await ask(url, init as RequestInit);
  if (response.status !== 200 || response.body === null)
    throw new CommandError(await problemText(response));
  for await (const line of createInterface({ input: Readable.fromWeb(response.body as never) })) {
    const answer = JSON.parse(line) as LineAnswer;
    if (answer.status === 202) progress.accepted += 1;
    else progress.refuse(`line ${answer.line}: ${answer.code}: ${answer.detail}`);
    progress.show();
  }
  progress.finish();
  process.stdout.write(`${progress.accepted} accepted, ${progress.refused} refused\n`);
  if (progress.refused > 0) process.exitCode = 1;
}

function readSpeed(speed: string): number {
  if (speed === "max") return Number.POSITIVE_INFINITY;
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(?:\/s)?$/.exec(speed);
  if (match === null || Number(match[1]) === 0)
    throw new CommandError("--speed is max, or so many records a second, such as 100");
  return Number(match[1]);
}

function fileSize(path: string): number {
  try {
    return statSync(path).size;
  } catch (caught) {
    throw new CommandError(
      `${path} cannot be read: ${caught instanceof Error ? caught.message : String(caught)}`,
    );
  }
}

/** The records of the lines: as they are, or what a known recording's lines stand for. */
async function* records(
  stream: string,
  input: Readable,
  perSecond: number,
  progress: Progress,
): AsyncIterable<string> {
  const domain = shippedDomains.find(({ name }) => name === stream);
  const memory = new Map<string, unknown>();
  const startMs = Date.now();
  let sent = 0;
  try {
    for await (const line of createInterface({ input })) {
      if (line.trim() === "") continue;
      for (const record of expand(line, (value) => domain?.fromRecording?.(value, memory))) {
        const dueMs = startMs + (sent / perSecond) * 1000;
        if (dueMs > Date.now())
          await new Promise((resolve) => setTimeout(resolve, dueMs - Date.now()));
        sent += 1;
        yield `${record}\n`;
      }
    }
  } catch (caught) {
    progress.refuse(
      `the input ended early: ${caught instanceof Error ? caught.message : String(caught)}`,
    );
  }
}

function expand(
  line: string,
  fromRecording: (value: unknown) => readonly unknown[] | undefined,
): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return [line];
  }
  return fromRecording(value)?.map((record) => JSON.stringify(record)) ?? [line];
}
