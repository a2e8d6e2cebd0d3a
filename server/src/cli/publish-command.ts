import type { Readable } from "node:stream";
import type { Domain } from "@penstock-dev/contract";
import type { Command } from "commander";
import { readSpeed } from "./pace.ts";
import { Progress } from "./progress.ts";
import { publishRecords } from "./publish-records.ts";
import { InputMeasure, inputRecords, openInput } from "./record-input.ts";
import { ask, CommandError, problemText, targetUrl } from "./target.ts";

interface PublishOptions {
  readonly file?: string;
  readonly speed: string;
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
      "one record a line, or a known recording, as it is or packed with gzip",
    )
    .option(
      "--speed <speed>",
      "max; realtime, as it was recorded, or 10x that; or so many records a second",
      "max",
    )
    .action(async (stream: string, event: string | undefined, options: PublishOptions) => {
      const url = `${targetUrl(process.env)}/v1/ingest/${encodeURIComponent(stream)}`;
      if (event !== undefined && options.file !== undefined)
        throw new CommandError("give one event or --file, not both");
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
  { file, speed: speedText }: PublishOptions,
): Promise<void> {
  const speed = readSpeed(speedText);
  const { input, sizeBytes } = file === undefined ? standardInput() : openInput(file);
  const measure = new InputMeasure(sizeBytes);
  const progress = new Progress(measure.share(0), process.stderr);
  const domain = await domainOf(stream);
  const memory = new Map<string, unknown>();
  const recording = {
    line: (value: unknown, text: string) => domain?.fromRecording?.(value, memory, text),
    end: () => domain?.endOfRecording?.(memory) ?? [],
  };
  const records = inputRecords(input, recording, measure);
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const name = file ?? "standard input";
  const failure = await publishRecords({
    url,
    records,
    speed,
    progress,
    measure,
    signal: abort.signal,
    name,
  });
  if (failure === undefined && !abort.signal.aborted && progress.share !== undefined)
    progress.share = 1;
  progress.finish();
  if (failure === undefined && !abort.signal.aborted && measure.unpackedBytes === 0) {
    throw new CommandError(
      `nothing came from ${name}: one event a line is published, or one as an argument`,
    );
  }
  process.stdout.write(`${progress.accepted} accepted, ${progress.refused} refused\n`);
  if (failure !== undefined) throw new CommandError(failure);
  if (progress.refused > 0) process.exitCode = 1;
  if (abort.signal.aborted) process.exitCode = 130;
}

/**
 * The domain whose recordings a stream takes: the server says which one is behind it, whatever the
 * stream is called. Undefined where there is none, or none that ships; a stream that is not there is
 * the server's to refuse.
 *
 * @throws CommandError where the server cannot be reached
 */
async function domainOf(stream: string): Promise<Domain | undefined> {
  const response = await ask(`${targetUrl(process.env)}/v1/streams`);
  const { shippedDomains } = await import("../serve.ts");
  let name: string | undefined = stream;
  try {
    const { streams } = (await response.json()) as { readonly streams: readonly Described[] };
    name = streams.find((one) => one.name === stream)?.domain;
  } catch {
    // Whoever answers lets events be published, perhaps, and tells nothing of streams: a typed one
    // mostly has its domain's name.
  }
  return shippedDomains.find((domain) => domain.name === name);
}

interface Described {
  readonly name: string;
  readonly domain?: string;
}

function standardInput(): { readonly input: Readable; readonly sizeBytes: undefined } {
  if (process.stdin.isTTY) process.stderr.write("One event a line; Ctrl-D ends.\n");
  return { input: process.stdin, sizeBytes: undefined };
}
