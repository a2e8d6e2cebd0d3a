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

/**
 * An event as a record of an enriched topic.
 *
 * @param key the partition key of its raw record
 * @throws TypeError where a domain's event is none
 */
export function encodeEvent(
  event: DomainEvent,
  key: string,
  source: Source,
  stateFrom: number,
): NewRecord {
  checkEvent(event);
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

/** Says that the content with a key is deleted. @throws TypeError where a domain's key is no text */
export function encodeTombstone(contentKey: string, source: Source, stateFrom: number): NewRecord {
  if (typeof contentKey !== "string") throw new TypeError("a tombstone is no text");
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

/**
 * Reads a record of an enriched topic.
 *
 * @param nounOf the noun of each event type
 * @param contentKey the domain's
 * @param failed told what the domain threw: what the record is then
 */
export function decodeEnriched(
  record: LogRecord,
  nounOf: (eventType: string) => string | undefined,
  contentKey: ((event: DomainEvent) => string | undefined) | undefined,
  failed: (member: string, caught: unknown, offset: number) => Decoded,
): Decoded {
  const source = sourceOf(record);
  if (record.key === PROGRESS_KEY) return { kind: "control", source };
  const read = readJson(record.value);
  if ("wrong" in read) return { kind: "unreadable", reason: read.wrong };
  const { text, body } = read;
  const routes =
    record.headers.routes === undefined ? undefined : readRoutes(record.headers.routes);
  if (routes === null) return { kind: "unreadable", reason: "the record's routes are none" };
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
  const { region } = record.headers;
  // One object with all members from the start: most records of a replay are seen once, by nobody.
  const event: { -readonly [M in keyof StreamEvent]: StreamEvent[M] } = {
    event_type,
    id,
    noun,
    payload,
    source,
    contentKey: undefined,
    tail: "",
    isAllInTail: region === undefined && routes === undefined,
  };
  if (region !== undefined) event.region = region;
  if (removed === true) event.removed = true;
  if (routes !== undefined) event.routes = routes;
  if (contentKey !== undefined) {
    try {
      event.contentKey = contentKey(event);
    } catch (caught) {
      return failed("contentKey", caught, record.offset);
    }
  }
  const head = headOf(event_type);
  event.tail = text.startsWith(head) ? text.slice(head.length) : tailOf(event);
  return { kind: "event", event };
}

/** @returns null where the text is not what `Route` says */
function readRoutes(text: string): readonly Route[] | null {
  try {
    const routes: unknown = JSON.parse(text);
    return areRoutes(routes) ? routes : null;
  } catch {
    return null;
  }
}

/** A domain may be written in JavaScript. @throws TypeError where what it gave is no event */
export function checkEvent({ event_type, id, noun, payload, routes }: DomainEvent): void {
  if (typeof event_type !== "string") throw new TypeError("its event_type is no text");
  if (typeof id !== "string") throw new TypeError("its id is no text");
  if (typeof noun !== "string") throw new TypeError("its noun is no text");
  if (!isObject(payload)) throw new TypeError("its payload is no object");
  if (routes !== undefined && !areRoutes(routes)) throw new TypeError("its routes are none");
}

/** Whether something is what `Route` says: it is held against rules without another look. */
function areRoutes(given: unknown): given is readonly Route[] {
  if (!Array.isArray(given)) return false;
  return given.every((route: unknown) => {
    const { fields } = isObject(route) ? route : NONE;
    if (!isObject(fields)) return false;
    return Object.values(fields).every(
      (terms) => Array.isArray(terms) && terms.every((term) => typeof term === "string"),
    );
  });
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
