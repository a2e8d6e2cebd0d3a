import { styleText } from "node:util";
import {
  Penstock,
  type PenstockEvent,
  PenstockStreamError,
  type StreamOptions,
  type StreamStatus,
} from "@penstock-dev/client";
import { type Finality, parseDurationMs, type Start, WHEN_BEHIND } from "@penstock-dev/contract";
import { type Command, Option } from "commander";
import { eventLine, gapLine } from "./event-line.ts";
import { CommandError, problemLine, targetUrl } from "./target.ts";

interface TailOptions {
  readonly filter: readonly string[];
  readonly since?: string;
  readonly cursor?: string;
  readonly json?: boolean;
  readonly limit?: string;
  readonly whenBehind: (typeof WHEN_BEHIND)[number];
  readonly finality?: Finality;
}

const FINALITIES: readonly Finality[] = ["all", "final"];

/** `penstock tail`: a stream's events as they come, readable or as JSON, across reconnects. */
export function addTail(program: Command): void {
  program
    .command("tail")
    .description("follow a stream")
    .argument("<stream>", "the stream to follow")
    .option(
      "--filter <field=value>",
      "a field's value, or several parted by commas; another field must hold too",
      collect,
      [] as const,
    )
    .option(
      "--since <start>",
      "a duration such as 10m, a time such as 2026-01-01T00:00:00Z, earliest or now",
    )
    .option("--cursor <cursor>", "go on where a cursor stands")
    .option("--limit <count>", "end after so many events")
    .addOption(
      new Option("--when-behind <policy>", "what happens when you read slower than events come")
        .choices(WHEN_BEHIND)
        .default("wait"),
    )
    .addOption(
      new Option("--finality <finality>", "final: a stream without undo").choices(FINALITIES),
    )
    .option("--json", "one JSON object a line")
    .action(tail);
}

function collect(value: string, all: readonly string[]): readonly string[] {
  return [...all, value];
}

async function tail(name: string, options: TailOptions): Promise<void> {
  const url = targetUrl(process.env);
  const limit = limitOf(options.limit);
  const isPretty = options.json !== true;
  const stream = new Penstock({ url }).stream<PenstockEvent>(name, {
    ...filtersOf(options.filter),
    ...startOf(options),
    whenBehind: options.whenBehind,
    ...(options.finality === undefined ? {} : { finality: options.finality }),
    onStatus: statusTeller(url),
    onNotice: ({ code, message }) => tell("yellow", `${code}: ${message}`),
    onGap: (gap) =>
      isPretty ? tell("yellow", gapLine(gap)) : process.stdout.write(`${JSON.stringify(gap)}\n`),
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
    const { code, message, errors } = caught;
    throw new CommandError(problemLine({ code, detail: message, errors }));
  }
}

function tell(colour: "yellow" | "green", text: string): void {
  process.stderr.write(`${styleText(colour, text, { stream: process.stderr })}\n`);
}

/** Says once that the server is away, and once that it is back. */
function statusTeller(url: string): (status: StreamStatus) => void {
  let isAway = false;
  let wasThere = false;
  return (status) => {
    if (status.state === "waiting" && !isAway) {
      isAway = true;
      const advice = wasThere ? "" : " Start one with `npm start`, or set PENSTOCK_URL.";
      tell("yellow", `no server at ${url} (${status.reason}); trying until there is one.${advice}`);
    } else if (status.state === "open") {
      if (isAway) tell("green", wasThere ? "connected again" : "connected");
      isAway = false;
      wasThere = true;
    }
  };
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^\d{1,15}$/.test(text) && Number(text) >= 1) return Number(text);
  throw new CommandError(
    `--limit must be a whole number, at least 1; it is ${JSON.stringify(text)}`,
  );
}

function startOf({ since, cursor }: TailOptions): { readonly start?: Start } {
  if (cursor !== undefined && since !== undefined)
    throw new CommandError("give --since or --cursor, not both: each says where to start");
  if (cursor !== undefined) return { start: { cursor } };
  if (since === undefined) return {};
  if (since === "earliest" || since === "now") return { start: since };
  if (parseDurationMs(since) !== undefined) return { start: { ago: since } };
  if (/^\d{4}-\d\d-\d\dT/.test(since) && !Number.isNaN(Date.parse(since)))
    return { start: { time: new Date(since).toISOString() } };
  throw new CommandError(
    `--since must be a duration such as 10m, a time such as 2026-01-01T00:00:00Z, earliest or now; it is ${JSON.stringify(since)}`,
  );
}

function filtersOf(texts: readonly string[]): Pick<StreamOptions, "filters"> {
  const values = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at < 1) {
      throw new CommandError(
        `--filter must be a field and its value, such as hashtags=crypto; it is ${JSON.stringify(text)}`,
      );
    }
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
