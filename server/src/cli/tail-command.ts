import { styleText } from "node:util";
import {
  Penstock,
  type PenstockEvent,
  PenstockStreamError,
  type StreamStatus,
} from "@penstock-dev/client";
import { parseDurationMs, type Start } from "@penstock-dev/contract";
import type { Command } from "commander";
import { eventLine, gapLine } from "./event-line.ts";
import { CommandError, targetUrl } from "./target.ts";

interface TailOptions {
  readonly filter: readonly string[];
  readonly since?: string;
  readonly cursor?: string;
  readonly json?: boolean;
  readonly limit?: string;
  readonly whenBehind?: string;
  readonly finality?: string;
}

/** `penstock tail`: a stream's events as they come, readable or as JSON, across reconnects. */
export function addTail(program: Command): void {
  program
    .command("tail")
    .description("follow a stream")
    .argument("<stream>", "the stream to follow")
    .option(
      "--filter <field=value>",
      "a field's value; the same field again adds a value",
      collect,
      [],
    )
    .option(
      "--since <start>",
      "a duration such as 10m, a time such as 2026-01-01T00:00:00Z, or earliest",
    )
    .option("--cursor <cursor>", "go on where a cursor stands")
    .option("--limit <count>", "end after so many events")
    .option("--when-behind <policy>", "skip, wait, latest or disconnect", "wait")
    .option("--finality <finality>", "all, or final for a stream without undo")
    .option("--json", "one JSON object a line")
    .action(tail);
}

function collect(value: string, all: readonly string[]): readonly string[] {
  return [...all, value];
}

async function tail(name: string, options: TailOptions): Promise<void> {
  const url = targetUrl(process.env);
  const start = startOf(options);
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (!(limit >= 1)) throw new CommandError("--limit is a whole number of at least 1");
  const isPretty = options.json !== true;
  const tell = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  const stream = new Penstock({ url }).stream<PenstockEvent>(name, {
    ...filtersOf(options.filter),
    ...(start === undefined ? {} : { start }),
    whenBehind: (options.whenBehind ?? "wait") as "wait",
    ...(options.finality === undefined ? {} : { finality: options.finality as "final" }),
    onStatus: statusTeller(url, tell),
    onNotice: ({ code, message }) => tell(styleText("yellow", `${code}: ${message}`)),
    onGap: (gap) =>
      isPretty ? tell(gapLine(gap)) : process.stdout.write(`${JSON.stringify(gap)}\n`),
  });
  const stop = (): void => stream.close();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  let count = 0;
  try {
    for await (const event of stream) {
      process.stdout.write(`${isPretty ? eventLine(event) : JSON.stringify(event)}\n`);
      count += 1;
      if (count >= limit) break;
    }
  } catch (caught) {
    if (!(caught instanceof PenstockStreamError)) throw caught;
    const meant = caught.errors.find(
      ({ did_you_mean }) => did_you_mean !== undefined,
    )?.did_you_mean;
    throw new CommandError(
      `${caught.code}: ${caught.message}${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
    );
  }
}

/** Says once that the server is away, and once that it is back. */
function statusTeller(url: string, tell: (text: string) => void): (status: StreamStatus) => void {
  let isAway = false;
  return (status) => {
    if (status.state === "waiting" && !isAway) {
      isAway = true;
      tell(styleText("yellow", `${url} is not there (${status.reason}); trying again until it is`));
    } else if (status.state === "open") {
      if (isAway) tell(styleText("green", "connected again"));
      isAway = false;
    }
  };
}

function startOf({ since, cursor }: TailOptions): Start | undefined {
  if (cursor !== undefined) return { cursor };
  if (since === undefined) return undefined;
  if (since === "earliest" || since === "now") return since;
  if (parseDurationMs(since) !== undefined) return { ago: since };
  if (/^\d{4}-\d\d-\d\dT/.test(since) && !Number.isNaN(Date.parse(since)))
    return { time: new Date(since).toISOString() };
  throw new CommandError(
    "--since is a duration such as 10m, a time such as 2026-01-01T00:00:00Z, or earliest",
  );
}

function filtersOf(texts: readonly string[]): { filters?: Record<string, string | string[]> } {
  const values = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1)
      throw new CommandError(`--filter ${text} is no field=value, such as hashtags=crypto`);
    const field = text.slice(0, at);
    values.set(field, [...(values.get(field) ?? []), ...text.slice(at + 1).split(",")]);
  }
  if (values.size === 0) return {};
  const filters = [...values].map(([field, list]): [string, string | string[]] => [
    field,
    /^(min|max)_/.test(field) && list.length === 1 ? (list[0] ?? "") : list,
  ]);
  return { filters: Object.fromEntries(filters) };
}
