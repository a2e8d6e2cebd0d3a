/**
 * An evaluation of filters that is written for being read, from PROTOCOL.md alone: it shares no
 * line with the engine, and no shortcut. What the engine delivers is judged by it.
 */
import type { LogEntry } from "./log-entry.ts";

/** One rule as a client asks for it. */
export type NaiveRule = { readonly [field: string]: unknown };

type Kind = "exact" | "text" | "range";

/** What of an event can be filtered, by field. */
export interface NaiveField {
  readonly kind: Kind;
  readonly take: (entry: LogEntry) => readonly string[];
  readonly normalise: (value: string) => string;
}

/** Whether an event reaches who asked for a rule. */
export function ruleMatches(
  rule: NaiveRule,
  entry: LogEntry,
  fields: { readonly [name: string]: NaiveField },
): boolean {
  const asked = Object.entries(rule).filter(([name]) => name !== "tag");
  if (entry.broadcast !== undefined) {
    const wanted = rule[entry.broadcast.field];
    const field = fields[entry.broadcast.field];
    if (wanted === undefined || field === undefined) return true;
    return values(wanted).some((one) => field.normalise(one) === entry.broadcast?.value);
  }
  const own = asked.every(([name, wanted]) => holds(name, wanted, entry, fields));
  const named = asked.some(
    ([name, wanted]) => name === "event_types" && values(wanted).includes(entry.eventType),
  );
  if (entry.onRequest && !named) return false;
  if (!entry.isDeletion || own) return own;
  const { original } = entry;
  if (original !== undefined) {
    return asked.every(([name, wanted]) => holds(name, wanted, original, fields));
  }
  // Only the author of what is deleted is known.
  const byAuthor = asked.filter(([name]) => name === "user_ids");
  if (asked.length === 0) return true;
  return (
    byAuthor.length > 0 && byAuthor.every(([name, wanted]) => holds(name, wanted, entry, fields))
  );
}

function holds(
  name: string,
  wanted: unknown,
  entry: LogEntry,
  fields: { readonly [name: string]: NaiveField },
): boolean {
  if (name === "event_types") return values(wanted).includes(entry.eventType);
  const bound = /^(min|max)_(.+)$/.exec(name);
  const field = fields[bound?.[2] ?? name];
  if (field === undefined) throw new Error(`the naive matcher knows no field ${name}`);
  const own = field.take(entry);
  if (bound !== null) {
    return own.some((value) => {
      const order = compareDecimals(value, String(wanted));
      return bound[1] === "min" ? order >= 0 : order <= 0;
    });
  }
  if (field.kind === "text") {
    return values(wanted).some((phrase) => own.some((text) => holdsPhrase(text, phrase)));
  }
  const normal = own.map(field.normalise);
  return values(wanted).some((one) => normal.includes(field.normalise(one)));
}

function values(wanted: unknown): string[] {
  return (Array.isArray(wanted) ? wanted : [wanted]).map(String);
}

/** Full case folding: by way of upper case, which expands, and back, one character at a time. */
export function folded(text: string): string {
  return [...text.normalize("NFC").toLowerCase().toUpperCase()]
    .map((character) => character.toLowerCase())
    .join("")
    .normalize("NFC");
}

const ALONE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

const known = new Map<string, readonly string[]>();

/** The words of a text. The same texts are asked for by every filter, so they are remembered. */
export function wordsOf(text: string): readonly string[] {
  let words = known.get(text);
  if (words === undefined) {
    words = cutWords(text);
    known.set(text, words);
  }
  return words;
}

function cutWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  for (const character of folded(text.normalize("NFKC"))) {
    const isPart = /[\p{L}\p{M}\p{N}_]/u.test(character);
    const isAlone = isPart && ALONE.test(character);
    if (isPart && !isAlone) {
      word += character;
      continue;
    }
    if (word !== "") words.push(word);
    word = "";
    if (isAlone) words.push(character);
  }
  if (word !== "") words.push(word);
  return words;
}

function holdsPhrase(text: string, phrase: string): boolean {
  const words = wordsOf(text);
  const wanted = wordsOf(phrase);
  return words.some((_, at) => wanted.every((word, step) => words[at + step] === word));
}

/** Compares decimal numbers of any size exactly. */
export function compareDecimals(left: string, right: string): number {
  const scaled = (text: string): bigint => {
    const [, sign, whole, fraction] = /^([+-]?)(\d*)\.?(\d*)$/.exec(text) ?? [];
    if (whole === undefined) throw new Error(`${text} is no decimal number`);
    const digits = BigInt(`${whole}${(fraction ?? "").padEnd(40, "0")}`);
    return sign === "-" ? -digits : digits;
  };
  const [a, b] = [scaled(left), scaled(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}
