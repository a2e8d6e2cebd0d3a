import { readFileSync } from "node:fs";
import { PenstockError } from "@penstock-dev/contract";
import { type Command, type Help, Option } from "commander";
import {
  type Config,
  ConfigError,
  loadConfig,
  type NamedOption,
  namedOptions,
} from "../config/index.ts";
import { reasonText } from "./record-input.ts";

/** Longer lines are hard to read, however wide a terminal is. */
export const WIDTH_MAX = 100;
const DEFAULT_FILE = "penstock.yaml";

const INDENT = "      ";

const WHERE = `
Every option is also a variable, such as PENSTOCK_LOG_RETENTION for --log-retention, and a line of
${DEFAULT_FILE}, such as \`log: { retention: 24h }\`. Flags beat variables, which beat the file.`;

/** Gives a command a flag for each option there is. */
export function addOptionFlags(command: Command): Command {
  for (const named of namedOptions) {
    command.addOption(flagOf(named).helpGroup(groupOf(named)));
  }
  return command
    .configureHelp({ formatItem: formatOption })
    .option("--config <file>", `the file to read (${DEFAULT_FILE}, where there is one)`)
    .addHelpText("after", WHERE);
}

/** Flags are too long to leave room beside them: what one is stands below it. */
function formatOption(term: string, _width: number, text: string, helper: Help): string {
  const width = (helper.helpWidth ?? WIDTH_MAX) - INDENT.length;
  const below = text === "" ? "" : `\n${helper.boxWrap(text, width).replaceAll(/^/gm, INDENT)}`;
  return `  ${helper.styleOptionTerm(term)}${below}`;
}

function flagOf({ flag, option }: NamedOption): Option {
  const { what, reason, default: value } = option;
  const rest = `Default: ${value === "" ? "none" : value}. ${reason}`;
  // Sources are named one by one, since each has commas of its own.
  if (flag === "--sources") {
    return new Option("--source <source>", `${what} Again for another. ${rest}`).argParser(
      (given: string, all: readonly string[] | undefined) => [...(all ?? []), given],
    );
  }
  const shape = option.kind === "boolean" ? `${flag} [value]` : `${flag} <${option.kind}>`;
  return new Option(shape, `${what} ${rest}`);
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
