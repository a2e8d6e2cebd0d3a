import { styleText } from "node:util";
import type { GapFrame, PenstockEvent } from "@penstock-dev/contract";

const TYPE_WIDTH = 9;
const LINE_MAX = 240;

/** An event as a person reads it, in one line. */
export function eventLine(event: PenstockEvent): string {
  const time = styleText("dim", new Date(event.at).toISOString().slice(11, 23));
  const type = event.removed === true ? `-${event.event_type}` : event.event_type;
  const colour =
    event.removed === true || event.event_type === "delete"
      ? "red"
      : event.event_type === "reorg"
        ? "magenta"
        : "cyan";
  const tags = event.tags === undefined ? "" : styleText("yellow", ` [${event.tags.join(", ")}]`);
  return `${time} ${styleText(colour, type.padEnd(TYPE_WIDTH))}${tags} ${bodyText(event)}`;
}

/** What was not delivered, as a person reads it. */
export function gapLine(gap: GapFrame): string {
  const count = gap.exact ? `${gap.count} events` : `up to ${gap.count} events`;
  return styleText("yellow", `gap (${gap.reason}): ${count} were not delivered`);
}

function bodyText(event: PenstockEvent): string {
  const known = new Set(["event_type", "position", "at", "id", "removed", "tags"]);
  const noun = Object.keys(event).find((name) => !known.has(name));
  const payload = noun === undefined ? undefined : event[noun];
  if (typeof payload !== "object" || payload === null) return event.id;
  const { text, user_id, id } = payload as Record<string, unknown>;
  if (typeof text === "string")
    return clean(`${styleText("bold", `@${String(user_id ?? "")}`)} ${text}`);
  if (event.event_type === "delete") return clean(`@${String(user_id)} deleted ${String(id)}`);
  return clean(chainText(payload as Record<string, unknown>) ?? JSON.stringify(payload));
}

function chainText(payload: Record<string, unknown>): string | undefined {
  const {
    chain,
    number,
    hash,
    from,
    to,
    value,
    amount,
    token,
    contract,
    removed,
    added,
    standard,
  } = payload;
  if (chain === undefined) return undefined;
  if (removed !== undefined)
    return `${String(chain)} replaced ${lengthOf(removed)} block(s) by ${lengthOf(added)}`;
  if (standard !== undefined)
    return `${String(chain)} ${String(standard)} ${short(token)}: ${String(amount)} from ${short(from)} to ${short(to)}`;
  if (value !== undefined)
    return `${String(chain)} ${String(value)} from ${short(from)} to ${short(to)} ${styleText("dim", String(hash ?? ""))}`;
  if (contract !== undefined) return `${String(chain)} log of ${short(contract)}`;
  return `${String(chain)} ${String(number)} ${styleText("dim", String(hash))}`;
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function short(address: unknown): string {
  const text = String(address ?? "nobody");
  return text.length > 14 ? `${text.slice(0, 8)}…${text.slice(-4)}` : text;
}

/** One line, and nothing that a terminal would obey. */
function clean(text: string): string {
  const flat = text.replaceAll(/[\r\n\t]+/g, " ");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out.
  const plain = flat.replaceAll(/(?!\u001b\[\d{1,2}m)[\u0000-\u001f\u007f-\u009f]/g, "");
  return plain.length > LINE_MAX ? `${plain.slice(0, LINE_MAX)}…` : plain;
}
