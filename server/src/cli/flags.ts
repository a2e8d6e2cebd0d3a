import { readFileSync } from "node:fs";
import { PenstockError } from "@penstock-dev/contract";
import { type Command, Option } from "commander";
import {
  type Config,
  ConfigError,
  loadConfig,
  type NamedOption,
  namedOptions,
} from "../config/index.ts";
import { reasonText } from "./record-input.ts";

const DEFAULT_FILE = "penstock.yaml";

const WHERE = `
Every option is also a variable, such as PENSTOCK_LOG_RETENTION for --log-retention, and a line of
${DEFAULT_FILE}, such as \`log: { retention: 24h }\`. Flags beat variables, which beat the file.`;

/** Gives a command a flag for each option there is. */
export function addOptionFlags(command: Command): Command {
  for (const named of namedOptions) {
    command.addOption(flagOf(named).helpGroup(groupOf(named)));
  }
  return command
    .option("--config <file>", `the file to read (${DEFAULT_FILE}, where there is one)`)
    .addHelpText("after", WHERE);
}

function flagOf({ flag, option }: NamedOption): Option {
  // Sources are named one by one, since each has commas of its own.
  if (flag === "--sources") {
    return new Option("--source <source>", `${option.reason} Again for another.`).argParser(
      (value: string, all: readonly string[] | undefined) => [...(all ?? []), value],
    );
  }
  const shape = option.kind === "boolean" ? `${flag} [value]` : `${flag} <${option.kind}>`;
  return new Option(shape, `${option.reason} (${option.default === "" ? "none" : option.default})`);
}

function groupOf({ section }: NamedOption): string {
  return section === "server" ? "Options:" : `${section.replace(/^./, (c) => c.toUpperCase())}:`;
}

/** The configuration of a command that has the flags. @throws ConfigError */
export function configOf(given: Readonly<Record<string, unknown>>, env: NodeJS.ProcessEnv): Config {
  const flags: Record<string, string> = {};
  for (const [key, value] of Object.entries(given)) {
    const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (name === "config") continue;
    if (name === "source") flags.sources = (value as string[]).join(";");
    else flags[name] = value === true ? "true" : String(value);
  }
  const file = namedFile(given, env);
  const yamlName = file ?? DEFAULT_FILE;
  return loadConfig({ flags, env, yaml: readYaml(yamlName, file !== undefined), yamlName });
}

function namedFile(
  given: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
): string | undefined {
  return typeof given.config === "string" ? given.config : env.PENSTOCK_CONFIG;
}

/** What is wrong with a configuration's streams, with the file that declares them; other errors as they are. */
export function namingFile(
  caught: unknown,
  given: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
): unknown {
  if (!(caught instanceof PenstockError) || !/^streams\b/.test(caught.message)) return caught;
  return new ConfigError(`${namedFile(given, env) ?? DEFAULT_FILE}: ${caught.message}`);
}

function readYaml(path: string, isNamed: boolean): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (caught) {
    // A file that nobody named need not be there; one that is there is meant.
    if (!isNamed && (caught as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ConfigError(
      `${path} cannot be read: ${reasonText(caught)}. Name the configuration's file with --config or PENSTOCK_CONFIG.`,
    );
  }
}
