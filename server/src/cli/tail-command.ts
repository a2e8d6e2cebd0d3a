import {
  Penstock,
  type PenstockEvent,
  PenstockStreamError,
  type StreamOptions,
} from "@penstock-dev/client";
import { type Finality, type Start, WHEN_BEHIND } from "@penstock-dev/contract";
import { type Command, Option } from "commander";
import { eventLine, gapLine } from "./event-line.ts";
import { readSince } from "./since.ts";
import { statusTeller, tell } from "./tail-status.ts";
import { CommandError, problemLine, targetUrl } from "./target.ts";

interface TailOptions {
  readonly filter?: readonly string[];
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
      "a field's value, or several parted by commas; another field must hold too (penstock streams lists them)",
      collect,
    )
    .option(
      "--since <start>",
      "a duration such as 10m, a day or time (UTC) such as 2026-01-01T00:00:00Z, earliest or now",
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

function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

async function tail(name: string, options: TailOptions): Promise<void> {
  const url = targetUrl(process.env);
  const limit = limitOf(options.limit);
  const isPretty = options.json !== true;
  const filters = options.filter ?? [];
  const from = options.cursor === undefined ? (options.since ?? "now") : "a cursor";
  // Whoever reads objects by a program is told nothing that it did not ask for.
  const isAnnounced = isPretty || process.stderr.isTTY === true;
  const followed = { url, stream: name, from, filters, isAnnounced };
  let refusal: CommandError | undefined;
  const stream = new Penstock({ url }).stream<PenstockEvent>(name, {
    ...filtersOf(options.filter),
    ...startOf(options),
    whenBehind: options.whenBehind,
    ...(options.finality === undefined ? {} : { finality: options.finality }),
    onStatus: statusTeller(followed, (error) => {
      refusal = error;
      stream.close();
    }),
    onNotice: ({ code, message }) => tell("yellow", `${code}: ${message}`),
    onGap: (gap) =>
      isPretty ? tell("yellow", gapLine(gap)) : process.stdout.write(`${JSON.stringify(gap)}\n`),
  });
  const stop = (): void => stream.close();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  let count = 0;
  let lastMs: number | undefined;
  try {
    for await (const event of stream) {
      process.stdout.write(`${isPretty ? eventLine(event) : JSON.stringify(event)}\n`);
      count += 1;
      lastMs = event.at;
      if (count >= limit) break;
    }
  } catch (caught) {
    if (!(caught instanceof PenstockStreamError)) throw caught;
    const { code, message, errors } = caught;
    const line = problemLine({ code, detail: message, errors });
    const wasHere = options.cursor === undefined && LOST_PLACES.has(code);
    throw new CommandError(wasHere ? `${line} ${lostText(lastMs)}` : line);
  }
  if (refusal !== undefined) throw refusal;
}

/** What a server says of a cursor that it gave itself, and does not know any more. */
const LOST_PLACES: ReadonlySet<string> = new Set([
  "cursor_foreign",
  "cursor_ahead",
  "cursor_too_old",
]);

/** @param lastMs when the log took the last event that was shown; undefined where there was none */
function lostText(lastMs: number | undefined): string {
  const since = lastMs === undefined ? "" : ` behind ${new Date(lastMs).toISOString()}`;
  return `The server came back with other data than this place is in: what it had${since} and was not shown here cannot be had any more. Start it again to follow from now on, or with --since earliest for all that there is.`;
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
  return since === undefined ? {} : { start: readSince(since) };
}

function filtersOf(texts: readonly string[] = []): Pick<StreamOptions, "filters"> {
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
