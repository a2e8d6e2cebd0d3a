import { CommandError } from "./target.ts";

/** How fast a file is published. */
export type Speed =
  | { readonly kind: "rate"; readonly perSecond: number }
  /** As fast as it was recorded, so many times over. */
  | { readonly kind: "recorded"; readonly times: number };

/** @throws CommandError where it is none */
export function readSpeed(text: string): Speed {
  if (text === "max") return { kind: "rate", perSecond: Number.POSITIVE_INFINITY };
  if (text === "realtime") return { kind: "recorded", times: 1 };
  const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(\/s|x)?$/.exec(text) ?? [];
  const number = Number(digits);
  if (!(number > 0)) {
    throw new CommandError(
      `--speed is max, realtime, so many times that, such as 10x, or so many records a second, such as 100; it is ${JSON.stringify(text)}`,
    );
  }
  return unit === "x" ? { kind: "recorded", times: number } : { kind: "rate", perSecond: number };
}

/**
 * When records are due: counted by a rate, or by the times at which they were recorded. A record
 * without a time is due with the one before it.
 */
export class Pace {
  readonly #speed: Speed;
  readonly #startMs: number;
  #count = 0;
  #firstMs: number | undefined;
  #dueMs: number;

  /** @param startMs when the first record is due, in milliseconds of any clock */
  constructor(speed: Speed, startMs: number) {
    this.#speed = speed;
    this.#startMs = startMs;
    this.#dueMs = startMs;
  }

  /** Whether records' times say when they are due, and none has had one so far. */
  get isLost(): boolean {
    return this.#speed.kind === "recorded" && this.#firstMs === undefined;
  }

  /** When the next record is due, by the clock of `startMs`. */
  dueMs(record: unknown): number {
    if (this.#speed.kind === "rate") {
      this.#dueMs = this.#startMs + (this.#count / this.#speed.perSecond) * 1000;
      this.#count += 1;
      return this.#dueMs;
    }
    const timeMs = recordedMs(record);
    if (timeMs === undefined) return this.#dueMs;
    this.#firstMs ??= timeMs;
    this.#dueMs = this.#startMs + (timeMs - this.#firstMs) / this.#speed.times;
    return this.#dueMs;
  }
}

/** Members in which records commonly say when they happened, the most exact first. */
export const TIME_MEMBERS = ["recv_ts", "timestamp", "created_at", "time", "ts", "at"];

/** When a record says that it happened, in milliseconds since the epoch; its `block` may say it too. */
export function recordedMs(record: unknown): number | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const members = record as Readonly<Record<string, unknown>>;
  for (const name of TIME_MEMBERS) {
    const timeMs = readTimeMs(members[name]);
    if (timeMs !== undefined) return timeMs;
  }
  return "block" in members ? recordedMs(members.block) : undefined;
}

function readTimeMs(value: unknown): number | undefined {
  if (typeof value === "number") return fromEpoch(value);
  if (typeof value !== "string") return undefined;
  if (/^(0x[0-9a-f]{1,16}|\d{9,19}(\.\d+)?)$/i.test(value)) return fromEpoch(Number(value));
  const [, date, time, zone] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?$/.exec(value) ?? [];
  if (date === undefined) return undefined;
  const timeMs = Date.parse(`${date}T${time}${zone ?? "Z"}`);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Seconds, milli-, micro- or nanoseconds: an hour of this century is told apart by its size. */
function fromEpoch(value: number): number | undefined {
  if (!(value >= 1e8)) return undefined;
  if (value < 1e11) return value * 1000;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1e3 : value / 1e6;
}
