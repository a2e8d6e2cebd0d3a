import { nearest } from "@penstock-dev/contract";
import { parse } from "yaml";
import type { Option, OptionValues } from "../option.ts";
import { contradictions } from "./contradictions.ts";
import { type NamedOption, namedOptions } from "./names.ts";
import { type SectionName, sections } from "./sections.ts";

/** Every room's options, and the streams that the file declares. */
export type Config = { readonly [S in SectionName]: OptionValues<(typeof sections)[S]> } & {
  /** The file's `streams`, unchecked: their room checks them. Undefined where it has none. */
  readonly streams: unknown;
};

/** Something wrong in what the user configured: told as it is, without a stack. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** What a user configured, by where. */
export interface ConfigInput {
  /** By flag, without dashes before the name: `deliver-behind-after`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of `penstock.yaml`; undefined where there is none. */
  readonly yaml: string | undefined;
  /** The file's name, for errors. */
  readonly yamlName: string;
}

/** Variables of the environment that are the CLI's own. */
const CLI_VARIABLES = new Set([
  "PENSTOCK_URL",
  "PENSTOCK_DEBUG",
  "PENSTOCK_CONFIG",
  "PENSTOCK_SHARED",
]);

/**
 * One configuration: flags, then variables, then the file, then defaults.
 *
 * @throws ConfigError naming the option that is unknown or wrong, where it stands, and what it may be
 */
export function loadConfig(input: ConfigInput): Config {
  const file = readFile(input);
  checkVariables(input.env);
  checkFlags(input.flags);
  const values: Record<string, Record<string, unknown>> = {};
  for (const named of namedOptions) {
    // What is wrong stops the start, also where something else beats it.
    const [value] = given(named, input, file.options).map((one) => read(named.option, one));
    values[named.section] ??= {};
    (values[named.section] as Record<string, unknown>)[named.key] = value;
  }
  const config = { ...(values as Omit<Config, "streams">), streams: file.streams } as Config;
  const [wrong] = contradictions(config);
  if (wrong !== undefined) throw new ConfigError(wrong);
  return config;
}

interface Given {
  readonly text: string;
  readonly where: string;
}

/** All that is said of an option, what beats the rest first. */
function given(
  named: NamedOption,
  { flags, env, yamlName }: ConfigInput,
  file: ReadonlyMap<string, string>,
): readonly Given[] {
  const path = pathOf(named);
  const places: readonly (readonly [text: string | undefined, where: string])[] = [
    [flags[named.flag.slice(2)], named.flag],
    [env[named.variable], named.variable],
    [file.get(path), `${path} in ${yamlName}`],
    [named.option.default, "the default"],
  ];
  return places.flatMap(([text, where]) => (text === undefined ? [] : [{ text, where }]));
}

function read(option: Option, { text, where }: Given): unknown {
  const parsed = option.parse(text);
  if ("value" in parsed) return parsed.value;
  throw new ConfigError(`${where} ${parsed.wrong}; it is ${JSON.stringify(text)}`);
}

function pathOf(named: NamedOption): string {
  return named.section === "server" ? named.yaml : `${named.section}.${named.yaml}`;
}

function readFile(input: ConfigInput): {
  readonly options: ReadonlyMap<string, string>;
  readonly streams: unknown;
} {
  const options = new Map<string, string>();
  if (input.yaml === undefined) return { options, streams: undefined };
  let root: unknown;
  try {
    root = parse(input.yaml, { mapAsMap: true });
  } catch (caught) {
    throw new ConfigError(
      `${input.yamlName} is not YAML: ${caught instanceof Error ? caught.message : String(caught)}`,
    );
  }
  if (root === null || root === undefined) return { options, streams: undefined };
  if (!(root instanceof Map)) throw new ConfigError(`${input.yamlName} must hold options by name`);
  let streams: unknown;
  for (const [key, value] of root) {
    const name = String(key);
    if (name === "streams") streams = plain(value);
    else if (name === "server") {
      throw new ConfigError(
        `server in ${input.yamlName} is no section: its options, such as port, stand at the top`,
      );
    } else if (Object.hasOwn(sections, name)) {
      for (const [inner, innerValue] of section(name, value, input.yamlName))
        note(`${name}.${String(inner)}`, innerValue, options, input.yamlName);
    } else note(name, value, options, input.yamlName);
  }
  return { options, streams };
}

/** A section's options; none where all of them are commented out. */
function section(name: string, value: unknown, file: string): ReadonlyMap<unknown, unknown> {
  if (value === null) return new Map();
  if (value instanceof Map) return value;
  const [first] = namedOptions.filter((named) => named.section === name);
  throw new ConfigError(
    `${name} in ${file} must be a section, with options such as ${first?.yaml} indented below it`,
  );
}

const OPTION_OF_PATH: ReadonlyMap<string, Option> = new Map(
  namedOptions.map((named) => [pathOf(named), named.option]),
);

function note(path: string, value: unknown, options: Map<string, string>, file: string): void {
  const option = OPTION_OF_PATH.get(path);
  if (option === undefined) {
    const sectionNames = Object.keys(sections).filter((name) => name !== "server");
    throw unknown(`${path} in ${file}`, path, [
      ...OPTION_OF_PATH.keys(),
      ...sectionNames,
      "streams",
    ]);
  }
  if (Array.isArray(value)) options.set(path, joined(path, value, option, file));
  else if (typeof value === "object" && value !== null)
    throw new ConfigError(`${path} in ${file} must be a value, not a section`);
  else options.set(path, value === null ? "" : String(value));
}

/** A list of the file as a flag would have it. */
function joined(path: string, items: readonly unknown[], option: Option, file: string): string {
  if (option.kind !== "list")
    throw new ConfigError(`${path} in ${file} must be one value, not a list`);
  for (const item of items) {
    if (typeof item === "object" || String(item).includes(option.separator)) {
      throw new ConfigError(
        `${path} in ${file} must be a list of texts without ${JSON.stringify(option.separator)}`,
      );
    }
  }
  return items.join(option.separator);
}

/** A YAML map as an object without a prototype, so that no name means anything but itself. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, inner] of value) object[String(name)] = plain(inner);
  return object;
}

function checkVariables(env: ConfigInput["env"]): void {
  const known = namedOptions.map(({ variable }) => variable);
  for (const name of Object.keys(env)) {
    if (!name.startsWith("PENSTOCK_") || CLI_VARIABLES.has(name) || known.includes(name)) continue;
    throw unknown(name, name, known);
  }
}

function checkFlags(flags: ConfigInput["flags"]): void {
  const known = namedOptions.map(({ flag }) => flag);
  for (const name of Object.keys(flags)) {
    if (!known.includes(`--${name}`)) throw unknown(`--${name}`, `--${name}`, known);
  }
}

function unknown(where: string, name: string, known: readonly string[]): ConfigError {
  const meant = nearest(name, known);
  return new ConfigError(
    `${where} is no option${meant === undefined ? "" : `; did you mean ${meant}?`}`,
  );
}
