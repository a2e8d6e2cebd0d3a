import { styleText } from "node:util";
import type { GapFrame, PenstockEvent } from "@penstock-dev/contract";

const TYPE_WIDTH = 9;
const TEXT_MAX = 240;

/** An event as a person reads it, in one line. The time is UTC. */
export function eventLine(event: PenstockEvent): string {
  const time = styleText("dim", new Date(event.at).toISOString().slice(11));
  const name = event.removed === true ? `-${event.event_type}` : event.event_type;
  const colour =
    event.removed === true || event.event_type === "delete"
      ? "red"
      : event.event_type === "reorg"
        ? "magenta"
        : "cyan";
  const type = styleText(colour, clean(name).padEnd(TYPE_WIDTH));
  const tags =
    event.tags === undefined ? "" : styleText("yellow", ` [${event.tags.map(clean).join(", ")}]`);
  return `${time} ${type}${tags} ${bodyText(event)}`;
}

/** What was not delivered, as a person reads it. */
export function gapLine(gap: GapFrame): string {
  const events = gap.count === 1 ? "event" : "events";
  const were = gap.exact && gap.count === 1 ? "was" : "were";
  return `gap (${gap.reason}): ${gap.exact ? "" : "up to "}${gap.count} ${events} ${were} not delivered`;
}

function bodyText(event: PenstockEvent): string {
  const known = new Set(["event_type", "position", "at", "id", "removed", "tags"]);
  const noun = Object.keys(event).find((name) => !known.has(name));
  const payload = noun === undefined ? undefined : event[noun];
  if (typeof payload !== "object" || payload === null) return clean(event.id);
  const { text, user_id, id, retweet_id: repeated } = payload as Record<string, unknown>;
  if (typeof text === "string") {
    const said =
      text === "" && repeated ? styleText("dim", `repeats ${clean(repeated)}`) : clean(text);
    return `${styleText("bold", `@${clean(user_id ?? "")}`)} ${said}`;
  }
  if (event.event_type === "delete") return `@${clean(user_id)} deleted ${clean(id)}`;
  return chainText(payload as Record<string, unknown>) ?? clean(JSON.stringify(payload));
}

function chainText(payload: Record<string, unknown>): string | undefined {
  const { chain, number, hash, value, amount, contract, removed, added, standard } = payload;
  if (chain === undefined) return undefined;
  const name = clean(chain);
  const way = `from ${short(payload.from)} to ${short(payload.to)}`;
  if (removed !== undefined)
    return `${name} replaced ${lengthOf(removed)} block(s) by ${lengthOf(added)}`;
  if (standard !== undefined)
    return `${name} ${clean(standard)} ${short(payload.token)}: ${clean(amount)} ${way}`;
  if (value !== undefined)
    return `${name} ${clean(value)} ${way} ${styleText("dim", clean(hash ?? ""))}`;
  if (contract !== undefined) return `${name} log of ${short(contract)}`;
  return `${name} ${clean(number)} ${styleText("dim", clean(hash))}`;
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function short(address: unknown): string {
  const text = clean(address ?? "nobody");
  return text.length > 14 ? `${text.slice(0, 8)}…${text.slice(-4)}` : text;
}

/** What somebody else wrote, on one line, without anything that a terminal would obey or turn round. */
function clean(value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const flat = text.replaceAll(/\s+/g, " ");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out.
  const plain = flat.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "");
  const characters = plain.length > TEXT_MAX ? [...plain] : [];
  return characters.length > TEXT_MAX ? `${characters.slice(0, TEXT_MAX).join("")}…` : plain;
}
