import { ENVELOPE_MEMBERS, RESERVED_NAMES } from "@penstock-dev/contract";
import { Document, isMap, visit } from "yaml";
import type { LogRecord } from "../log/index.ts";

type SeenKind = "text" | "number" | "boolean" | "list";

/** What was seen at one path of the sampled records. */
interface Seen {
  count: number;
  readonly values: Set<string>;
  kind: SeenKind | "mixed";
}

type Paths = Map<string, Seen>;

const FIELDS_MAX = 12;
const TYPES_MAX = 20;
const VALUES_MAX = 1000;
const DEPTH_MAX = 4;
/** A path counts as every record's where so many of them have it. */
const SHARE_MIN = 0.9;
/** What holds so many of all paths is an envelope's content, and what stands beside it is not. */
const CONTENT_SHARE_MIN = 0.75;
/** Columns of a line of YAML. */
const LINE_WIDTH = 100;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const DECIMAL = /^-?(0|[1-9]\d{0,60})(\.\d{1,60})?$/;

/**
 * A declaration of a stream over a topic, guessed from some of its records: a beginning, for a
 * person to mend. It can be loaded as it is.
 *
 * @returns a block of YAML, as `streams` in the configuration has it
 */
export function inferStream(topic: string, records: readonly LogRecord[]): string {
  const bodies = records.map(bodyOf).filter((body) => body !== undefined);
  const paths: Paths = new Map();
  for (const body of bodies) walk(body, "$", paths, 0);
  const name = nameOf(topic);
  const noun = nounOf(name);
  const content = contentOf(paths);
  const pick = (members: readonly string[], isOne: (seen: Seen) => boolean): string | undefined =>
    members
      .flatMap((member) => [`$.${member}`, `${content}.${member}`])
      .find((path) => {
        const seen = paths.get(path);
        return seen !== undefined && seen.count >= bodies.length * SHARE_MIN && isOne(seen);
      });
  const type = pick(["event_type", "type", "kind"], ({ kind }) => kind === "text");
  const id = pick([`${noun}_id`, "id", "uuid", "key"], isDistinct);
  const time = pick(["created_at", "timestamp", "time", "date", "ts"], () => true);
  const types = [...(paths.get(type ?? "")?.values ?? [])];
  const declaration = {
    topic,
    noun,
    ...(type === undefined ? {} : { event_type: type }),
    ...(types.length === 0 || types.length > TYPES_MAX ? {} : { event_types: types }),
    ...(id === undefined ? {} : { id }),
    ...(time === undefined ? {} : { time }),
    fields: fieldsOf(paths, content, new Set([type, time])),
  };
  const read = `# ${bodies.length} of ${records.length} records could be read.
# What they do not show is not here: a rare event type, a field that few have.
`;
  return read + blockOf({ streams: { [name]: declaration } });
}

/** As a person would write it: a field, and a list, in one line each. */
function blockOf(value: object): string {
  const document = new Document(value);
  visit(document, {
    Seq: (_, list) => {
      list.flow = true;
    },
    Map: (_, map) => {
      map.flow =
        map.items.length > 0 && map.items.every(({ value }) => !isMap(value)) && map.has("kind");
    },
  });
  return document.toString({ lineWidth: LINE_WIDTH });
}

/** Where nearly everything stands: `$.msg` of `{"received":…,"msg":{…}}`, or `$`. */
function contentOf(paths: Paths): string {
  const counts = new Map<string, number>();
  for (const path of paths.keys()) {
    const root = /^\$\.[^.[]+(?=\.)/.exec(path)?.[0] ?? "$";
    counts.set(root, (counts.get(root) ?? 0) + 1);
  }
  const [content] = [...counts].find(([, count]) => count >= paths.size * CONTENT_SHARE_MIN) ?? [];
  return content ?? "$";
}

function bodyOf({ value }: LogRecord): object | undefined {
  try {
    const body: unknown = JSON.parse(Buffer.from(value).toString());
    return typeof body === "object" && body !== null && !Array.isArray(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function walk(value: unknown, path: string, paths: Paths, depth: number): void {
  if (Array.isArray(value)) {
    for (const item of value.slice(0, 5)) note(`${path}[*]`, item, "list", paths);
  } else if (typeof value === "object" && value !== null) {
    if (depth >= DEPTH_MAX) return;
    for (const [member, inner] of Object.entries(value)) {
      if (/^[A-Za-z_][\w-]*$/.test(member)) walk(inner, `${path}.${member}`, paths, depth + 1);
    }
  } else if (typeof value === "number" || typeof value === "boolean") {
    note(path, value, typeof value as "number" | "boolean", paths);
  } else {
    note(path, value, "text", paths);
  }
}

function note(path: string, value: unknown, kind: SeenKind, paths: Paths): void {
  if (!["string", "number", "boolean"].includes(typeof value)) return;
  const seen = paths.get(path) ?? { count: 0, values: new Set<string>(), kind };
  seen.count += 1;
  if (seen.kind !== kind) seen.kind = "mixed";
  if (seen.values.size < VALUES_MAX) seen.values.add(String(value));
  paths.set(path, seen);
}

function isDistinct({ values, count, kind }: Seen): boolean {
  return (kind === "text" || kind === "number") && values.size >= Math.min(count, VALUES_MAX);
}

function fieldsOf(paths: Paths, content: string, left: ReadonlySet<string | undefined>) {
  const fields: Record<string, { path: string; kind: string }> = {};
  for (const [path, seen] of paths) {
    const name = fieldName(path.startsWith(`${content}.`) ? path.slice(content.length) : path);
    if (left.has(path) || Object.keys(fields).length >= FIELDS_MAX || !isFree(name)) continue;
    // A range is filtered by `min_` and `max_` before its name, and no other field has such a name.
    if (/^(min|max)_/.test(name) || Object.hasOwn(fields, name)) continue;
    fields[name] = { path, kind: /(^|_)id$/.test(name) ? "exact" : kindOf(seen) };
  }
  return fields;
}

/** `customer_display_name` of `$.customer.displayName`. */
function fieldName(path: string): string {
  return path
    .replace(/^\$?\./, "")
    .replaceAll("[*]", "")
    .replaceAll(/[^A-Za-z0-9]+/g, "_")
    .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

function isFree(name: string): boolean {
  const isTaken = name === "event_types" || RESERVED_NAMES.includes(name);
  return /^[a-z][a-z0-9_]{0,62}$/.test(name) && !isTaken;
}

function kindOf({ kind, values }: Seen): string {
  if (kind === "list") return "set";
  if (kind === "number") return "range";
  const sample = [...values].slice(0, 50);
  // Texts that are digits alone are mostly names of something; amounts have a point somewhere.
  const isAmount = sample.every((value) => DECIMAL.test(value));
  if (kind === "text" && isAmount && sample.some((value) => value.includes("."))) return "range";
  const prose = sample.filter((value) => value.includes(" ") && !TIME.test(value));
  return prose.length > sample.length / 2 ? "text" : "exact";
}

/** `orders` of `shop.orders.v1`. */
function nameOf(topic: string): string {
  const parts = topic.split(/[._]/).filter((part) => !/^v\d+$/.test(part));
  const last = (parts.at(-1) ?? topic).toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  const name = (/^[a-z]/.test(last) ? last : `stream-${last}`).slice(0, 50);
  return RESERVED_NAMES.includes(name) ? `${name}-stream` : name;
}

function nounOf(name: string): string {
  const noun = name.replace(/s$/, "").replaceAll("-", "_");
  return noun === "" || ENVELOPE_MEMBERS.includes(noun) ? `${noun}_record`.replace(/^_/, "") : noun;
}
