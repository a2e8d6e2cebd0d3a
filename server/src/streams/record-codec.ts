import {
  type DomainEvent,
  formatSource,
  parseSource,
  type Route,
  type Source,
} from "@penstock-dev/contract";
import type { LogRecord, NewRecord } from "../log/index.ts";
import { readJson } from "./record-json.ts";
import type { Decoded, StreamEvent } from "./stream.ts";

/** The key of a progress record, which no producer can choose. */
const PROGRESS_KEY = "\u0000progress";
const EMPTY = new Uint8Array();
const NONE: { readonly [member: string]: unknown } = {};

/** An event as a record of an enriched topic. @param key the partition key of its raw record */
export function encodeEvent(
  event: DomainEvent,
  key: string,
  source: Source,
  stateFrom: number,
): NewRecord {
  const { event_type, id, region, removed, noun, payload, routes } = event;
  const body = { event_type, id, ...(removed === true ? { removed } : {}), [noun]: payload };
  return {
    key,
    value: Buffer.from(JSON.stringify(body)),
    headers: {
      source: formatSource(source),
      state_from: String(stateFrom),
      ...(region === undefined ? {} : { region }),
      ...(routes === undefined ? {} : { routes: JSON.stringify(routes) }),
    },
  };
}

/** Says how far the processor is where raw records gave this output nothing. */
export function encodeProgress(source: Source, stateFrom: number): NewRecord {
  const headers = { source: formatSource(source), state_from: String(stateFrom) };
  return { key: PROGRESS_KEY, value: EMPTY, headers };
}

/** Says that the content with a key is deleted. */
export function encodeTombstone(contentKey: string, source: Source, stateFrom: number): NewRecord {
  const text = formatSource(source);
  return {
    key: contentKey,
    value: Buffer.from(JSON.stringify({ source: text })),
    headers: { source: text, state_from: String(stateFrom) },
  };
}

/** Where an enriched record came from; undefined in a topic that is served as it lies. */
export function sourceOf(record: LogRecord): Source | undefined {
  const { source } = record.headers;
  return source === undefined ? undefined : parseSource(source);
}

/** The raw offset from which the state behind a record can be rebuilt. */
export function stateFromOf(record: LogRecord): number | undefined {
  const text = record.headers.state_from;
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

/** Reads a record of an enriched topic. @param nounOf the noun of each event type */
export function decodeEnriched(
  record: LogRecord,
  nounOf: (eventType: string) => string | undefined,
  contentKey: ((event: DomainEvent) => string | undefined) | undefined,
): Decoded {
  const source = sourceOf(record);
  if (record.key === PROGRESS_KEY) return { kind: "control", source };
  const read = readJson(record.value);
  if ("wrong" in read) return { kind: "unreadable", reason: read.wrong };
  const { text, body } = read;
  let routes: readonly Route[] | undefined;
  try {
    if (record.headers.routes !== undefined) routes = JSON.parse(record.headers.routes) as Route[];
  } catch {
    return { kind: "unreadable", reason: "the record's routes are not JSON" };
  }
  const { event_type, id, removed } = isObject(body) ? body : NONE;
  const noun = typeof event_type === "string" ? nounOf(event_type) : undefined;
  const payload = noun === undefined || !isObject(body) ? undefined : body[noun];
  if (
    typeof event_type !== "string" ||
    typeof id !== "string" ||
    noun === undefined ||
    !isObject(payload)
  ) {
    return { kind: "unreadable", reason: "the record is not an event of this stream" };
  }
  // One object with all members from the start: most records of a replay are seen once, by nobody.
  const event: { -readonly [M in keyof StreamEvent]: StreamEvent[M] } = {
    event_type,
    id,
    noun,
    payload,
    source,
    contentKey: undefined,
    tail: "",
  };
  const { region } = record.headers;
  if (region !== undefined) event.region = region;
  if (removed === true) event.removed = true;
  if (routes !== undefined) event.routes = routes;
  event.contentKey = contentKey?.(event);
  const head = headOf(event_type);
  event.tail = text.startsWith(head) ? text.slice(head.length) : tailOf(event);
  return { kind: "event", event };
}

const heads = new Map<string, string>();

/** What the text of a record begins with that was written here. Event types are few and known. */
function headOf(eventType: string): string {
  let head = heads.get(eventType);
  if (head === undefined) {
    head = `{"event_type":${JSON.stringify(eventType)},`;
    heads.set(eventType, head);
  }
  return head;
}

/** An event's members behind `position` and `at`, as JSON without the opening brace. */
export function tailOf(event: DomainEvent): string {
  const { id, removed, noun, payload } = event;
  return JSON.stringify({ id, ...(removed === true ? { removed } : {}), [noun]: payload }).slice(1);
}

function isObject(value: unknown): value is { readonly [member: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
