import { parseDurationMs, type Start } from "@penstock-dev/contract";
import { CommandError } from "./target.ts";

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/i;

/**
 * Where `--since` says to begin. A time without a zone is one in UTC, and so is a day, as everywhere
 * in what the program prints.
 *
 * @throws CommandError where it says nothing that can be understood
 */
export function readSince(text: string): Start {
  if (text === "earliest" || text === "now") return text;
  if (parseDurationMs(text) !== undefined) return { ago: text };
  const [, day = "", time = "00:00", zone = "Z"] = TIME.exec(text) ?? [];
  const timeMs = isDay(day) ? Date.parse(`${day}T${time}${zone.toUpperCase()}`) : Number.NaN;
  if (!Number.isNaN(timeMs)) return { time: new Date(timeMs).toISOString() };
  throw new CommandError(
    `--since must be a duration such as 10m, a day such as 2026-01-01, a time such as 2026-01-01T00:00:00Z, earliest or now; it is ${JSON.stringify(text)}`,
  );
}

/** Whether a calendar has it: a `Date` takes the 31st of February for the 3rd of March. */
function isDay(text: string): boolean {
  const timeMs = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(text);
}
