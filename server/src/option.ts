/**
 * What an option is. Each room lists its own in `options.ts`; `config` makes flags, environment
 * variables, the YAML file and its commented example of all of them together.
 *
 * An option's key is its name in code (`heartbeatIntervalMs`). A duration's key ends in `Ms`, which
 * the outer names leave out: `heartbeat_interval: 15s`. Other outer names are the key in snake_case.
 */
import { parseBytes, parseDurationMs } from "@penstock-dev/contract";

interface OptionBase<Kind extends string, Value> {
  readonly kind: Kind;
  /** As a user would write it. */
  readonly default: string;
  /** What it is, in a sentence that says all that one needs to set it. */
  readonly what: string;
  /** Why the default is what it is, in another. */
  readonly reason: string;
  /** Reads what a user wrote; the message says what it may be. */
  readonly parse: (text: string) => { readonly value: Value } | { readonly wrong: string };
}

export type Option =
  | OptionBase<"duration", number>
  | OptionBase<"bytes", number>
  | OptionBase<"number", number>
  | OptionBase<"text", string>
  | OptionBase<"boolean", boolean>
  | (OptionBase<"list", readonly string[]> & { readonly separator: string });

export type OptionTable = { readonly [key: string]: Option };

/** The values that a table's options have. */
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends OptionBase<string, infer V> ? V : never;
};

interface Bounds {
  readonly min?: string;
  readonly max?: string;
}

function bounded(
  what: string,
  read: (text: string) => number | undefined,
  { min, max }: Bounds,
): (text: string) => { value: number } | { wrong: string } {
  const low = min === undefined ? undefined : read(min);
  const high = max === undefined ? undefined : read(max);
  const span = [
    min === undefined ? "" : `, at least ${min}`,
    max === undefined ? "" : `${min === undefined ? "," : " and"} at most ${max}`,
  ].join("");
  return (text) => {
    const value = read(text);
    if (
      value === undefined ||
      (low !== undefined && value < low) ||
      (high !== undefined && value > high)
    ) {
      return { wrong: `must be ${what}${span}` };
    }
    return { value };
  };
}

/** A time, in milliseconds in code and written `30s` outside. */
export const duration = (value: string, what: string, reason: string, bounds: Bounds = {}) =>
  ({
    kind: "duration",
    default: value,
    what,
    reason,
    parse: bounded("a duration such as 250ms, 30s, 10m, 24h or 7d", parseDurationMs, bounds),
  }) as const satisfies Option;

/** An amount of memory or disk, written `64KiB` outside. */
export const bytes = (value: string, what: string, reason: string, bounds: Bounds = {}) =>
  ({
    kind: "bytes",
    default: value,
    what,
    reason,
    parse: bounded("an amount such as 512B, 64KiB, 1MiB or 10GiB", parseBytes, bounds),
  }) as const satisfies Option;

/** A whole number. */
export const integer = (value: number, what: string, reason: string, bounds: Bounds = {}) =>
  ({
    kind: "number",
    default: String(value),
    what,
    reason,
    parse: bounded(
      "a whole number",
      (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : undefined),
      bounds,
    ),
  }) as const satisfies Option;

/** What a text must be, where not every text will do. */
export interface TextCheck {
  /** As in "must be …". */
  readonly what: string;
  readonly holds: (text: string) => boolean;
}

/**
 * A text, perhaps one of a few, or one that a check must hold for. An empty default means that there
 * is none, and then the empty text is always right.
 */
export const text = (
  value: string,
  what: string,
  reason: string,
  allowed?: readonly string[] | TextCheck,
) => {
  const check = isCheck(allowed) ? allowed : allowed && oneOf(allowed);
  return {
    kind: "text",
    default: value,
    what,
    reason,
    parse: (given: string) =>
      check === undefined || (given === "" && value === "") || check.holds(given)
        ? { value: given }
        : { wrong: `must be ${check.what}` },
  } as const satisfies Option;
};

function isCheck(allowed: readonly string[] | TextCheck | undefined): allowed is TextCheck {
  return allowed !== undefined && "holds" in allowed;
}

function oneOf(values: readonly string[]): TextCheck {
  return { what: `one of ${values.join(", ")}`, holds: (text) => values.includes(text) };
}

export const boolean = (value: boolean, what: string, reason: string) =>
  ({
    kind: "boolean",
    default: String(value),
    what,
    reason,
    parse: (given: string) =>
      given === "true" || given === "false"
        ? { value: given === "true" }
        : { wrong: "must be true or false" },
  }) as const satisfies Option;

/**
 * Several texts: a list in YAML, and in a flag or variable parted by a separator. What stands between
 * two separators and is empty is passed over, for lists that are put together often end in one.
 *
 * @param separator something that no item has
 * @param check must hold for every item
 */
export const list = (
  value: readonly string[],
  what: string,
  reason: string,
  { separator = ",", check }: { readonly separator?: string; readonly check?: TextCheck } = {},
) =>
  ({
    kind: "list",
    default: value.join(separator),
    what,
    reason,
    separator,
    parse: (given: string) => {
      const items: readonly string[] = given
        .split(separator)
        .map((item) => item.trim())
        .filter((item) => item !== "");
      const wrong = items.find((item) => check?.holds(item) === false);
      return check === undefined || wrong === undefined
        ? { value: items }
        : { wrong: `must be ${check.what}; ${JSON.stringify(wrong)} is none` };
    },
  }) as const satisfies Option;

/** Every option of a table at its default. */
export function defaultsOf<T extends OptionTable>(table: T): OptionValues<T> {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) {
    const parsed = option.parse(option.default);
    if ("wrong" in parsed) throw new Error(`the default of ${key} ${parsed.wrong}`);
    values[key] = parsed.value;
  }
  return values as OptionValues<T>;
}
