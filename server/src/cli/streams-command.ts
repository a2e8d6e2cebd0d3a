import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Log, LogRecord } from "../log/index.ts";
import { configOf } from "./flags.ts";
import { ask, CommandError, problemText, targetUrl } from "./target.ts";

const SAMPLE_RECORDS = 1000;
const SAMPLE_BYTES = 64 * 1024 * 1024;

interface ListedStream {
  readonly name: string;
  readonly description: string;
  readonly fields: readonly ListedField[];
}

interface ListedField {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly example: string;
  /** All that there are, where they are few. */
  readonly values?: readonly string[];
}

/** `penstock streams`: what there is, and what a topic could be. */
export function addStreams(program: Command): void {
  const streams = program
    .command("streams")
    .description("list the running server's streams, or infer one from a topic");
  streams
    .command("list", { isDefault: true })
    .description("the streams of the running server")
    .option("--json", "as the server tells them")
    .action(list);
  streams
    .command("infer")
    .description("print a declaration for a topic, from its last thousand records")
    .argument("<topic>", "a topic of the embedded log")
    .option("--data-dir <path>", "where the log lies; otherwise as it is configured")
    .option("--config <file>", "the file that says where the log lies")
    .action(infer);
}

async function list({ json }: { readonly json?: boolean }): Promise<void> {
  const response = await ask(`${targetUrl(process.env)}/v1/streams`);
  if (!response.ok) throw new CommandError(await problemText(response));
  const body = (await response.json()) as { readonly streams: readonly ListedStream[] };
  if (json === true) {
    process.stdout.write(`${JSON.stringify(body)}\n`);
    return;
  }
  for (const { name, description, fields } of body.streams) {
    const examples = fields.flatMap(filtersOf);
    const width = Math.max(...examples.map(([filter]) => filter.length));
    const lines = examples.map(
      ([filter, kind, meaning]) =>
        `  --filter ${filter.padEnd(width)}  ${kind.padEnd(5)}  ${meaning}\n`,
    );
    process.stdout.write(`${name}: ${description}\n${lines.join("")}`);
  }
}

type FilterLine = readonly [filter: string, kind: string, meaning: string];

/** What can be asked of a field, as it is typed. */
function filtersOf({ name, kind, description, example, values }: ListedField): FilterLine[] {
  const names = kind === "range" ? [`min_${name}`, `max_${name}`] : [name];
  const all = values === undefined ? "" : ` One of ${values.join(", ")}.`;
  return names.map((one) => [`${one}=${example}`, kind, `${description}${all}`]);
}

async function infer(topic: string, given: Record<string, unknown>): Promise<void> {
  const { server, log: options } = configOf(given, process.env);
  const { dataDir } = server;
  // Opening a log makes it where it is missing: looking must leave nothing behind.
  if (!existsSync(join(dataDir, "log")))
    throw new CommandError(`${dataDir} holds no log; say where one is with --data-dir`);
  const { openEmbeddedLog } = await import("../log/index.ts");
  const { inferStream } = await import("../streams/index.ts");
  await using log = await openEmbeddedLog({ dataDir, options, now: Date.now });
  const topics = (await log.topics()).map((info) => info.topic).sort();
  if (!topics.includes(topic)) {
    const known = topics.length === 0 ? "it holds none" : `there are ${topics.join(", ")}`;
    throw new CommandError(`${dataDir} has no topic ${JSON.stringify(topic)}; ${known}`);
  }
  const records = await lastRecords(log, topic);
  if (records.length === 0)
    throw new CommandError(`the topic ${topic} has no records to infer from; publish some first`);
  process.stdout.write(inferStream(topic, records));
}

async function lastRecords(log: Log, topic: string): Promise<readonly LogRecord[]> {
  const heads = await log.heads(topic);
  const floors = await log.floors(topic);
  const limits = { recordsMax: SAMPLE_RECORDS, bytesMax: SAMPLE_BYTES };
  const records: LogRecord[] = [];
  for (const [partition, head] of heads.entries()) {
    const from = Math.max(floors[partition] ?? 0, head - Math.ceil(SAMPLE_RECORDS / heads.length));
    records.push(...(await log.read(topic, partition, from, limits)).records);
  }
  return records;
}
