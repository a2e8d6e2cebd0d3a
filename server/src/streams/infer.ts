import { RESERVED_NAMES } from "@penstock-dev/contract";
import { stringify } from "yaml";
import type { LogRecord } from "../log/index.ts";

/** What was seen at one path of the sampled records. */
interface Seen {
  count: number;
  readonly values: Set<string>;
  kind: "text" | "number" | "list" | "mixed";
}

const FIELDS_MAX = 12;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/**
 * A declaration of a stream over a topic, guessed from some of its records: a beginning, for a
 * person to mend.
 *
 * @returns a block of YAML, as `streams` in the configuration has it
 */
export function inferStream(topic: string, records: readonly LogRecord[]): string {
  const paths = new Map<string, Seen>();
  let readable = 0;
  for (const record of records) {
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(record.value).toString());
    } catch {
      continue;
    }
    readable += 1;
    walk(value, "$", paths, 0);
  }
  const name = nameOf(topic);
  const present = (path: string): boolean => (paths.get(path)?.count ?? 0) >= readable * 0.9;
  const pick = (candidates: readonly string[]): string | undefined =>
    candidates.map((one) => `$.${one}`).find((path) => present(path) && paths.has(path));
  const noun = name.replaceAll("-", "_").replace(/s$/, "");
  const type = pick(["event_type", "type", "kind"]);
  const id = pick([`${noun}_id`, "id", "uuid", "key"]);
  const time = pick(["created_at", "timestamp", "time", "date", "ts"]);
  const types =
    type === undefined
      ? undefined
      : [...(paths.get(type)?.values ?? [])].filter((one) => /^[\w.-]+$/.test(one));
  const declaration = {
    topic,
    noun,
    ...(type === undefined
      ? {}
      : {
          event_type: type,
          ...(types !== undefined && types.length <= 20 ? { event_types: types } : {}),
        }),
    ...(id === undefined ? {} : { id }),
    ...(time === undefined ? {} : { time }),
    fields: fieldsOf(paths, new Set([type, time])),
  };
  const read = `# ${readable} of ${records.length} records could be read.\n`;
  return read + stringify({ streams: { [name]: declaration } });
}

function walk(value: unknown, path: string, paths: Map<string, Seen>, depth: number): void {
  if (Array.isArray(value)) {
    for (const item of value.slice(0, 5)) note(`${path}[*]`, item, "list", paths);
    return;
  }
  if (typeof value === "object" && value !== null && depth < 4) {
    for (const [member, inner] of Object.entries(value)) {
      if (/^[A-Za-z_][\w-]*$/.test(member)) walk(inner, `${path}.${member}`, paths, depth + 1);
    }
    return;
  }
  note(path, value, typeof value === "number" ? "number" : "text", paths);
}

function note(
  path: string,
  value: unknown,
  kind: "text" | "number" | "list",
  paths: Map<string, Seen>,
): void {
  if (!["string", "number", "boolean"].includes(typeof value)) return;
  const seen = paths.get(path) ?? { count: 0, values: new Set<string>(), kind };
  seen.count += 1;
  if (seen.kind !== kind) seen.kind = "mixed";
  if (seen.values.size < 1000) seen.values.add(String(value));
  paths.set(path, seen);
}

function fieldsOf(paths: ReadonlyMap<string, Seen>, left: ReadonlySet<string | undefined>) {
  const fields: Record<string, { path: string; kind: string }> = {};
  for (const [path, seen] of paths) {
    if (left.has(path) || Object.keys(fields).length >= FIELDS_MAX) continue;
    const name = path
      .slice(2)
      .replaceAll(/\[\*\]/g, "")
      .replaceAll(/[^A-Za-z0-9]+/g, "_")
      .replace(/([a-z])([A-Z])/g, "$1_$2")
      .toLowerCase();
    if (!/^[a-z][a-z0-9_]*$/.test(name) || RESERVED_NAMES.includes(name)) continue;
    fields[name] = { path, kind: kindOf(seen) };
  }
  return fields;
}

function kindOf({ kind, values }: Seen): string {
  if (kind === "list") return "set";
  if (kind === "number") return "range";
  const sample = [...values].slice(0, 50);
  const isProse =
    sample.filter((value) => value.includes(" ") && !TIME.test(value)).length > sample.length / 2;
  return isProse ? "text" : "exact";
}

/** `orders` of `shop.orders.v1`. */
function nameOf(topic: string): string {
  const parts = topic.split(/[._]/).filter((part) => !/^v\d+$/.test(part));
  const name = (parts.at(-1) ?? topic).toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  return /^[a-z]/.test(name) ? name : `stream-${name}`;
}
