import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { type Config, ConfigError, loadConfig, namedOptions } from "../config/index.ts";

const DEFAULT_FILE = "penstock.yaml";

/** Gives a command a flag for each option there is. */
export function addOptionFlags(command: Command): Command {
  for (const { flag, option } of namedOptions) {
    const shape = option.kind === "boolean" ? `${flag} [value]` : `${flag} <${option.kind}>`;
    const told = `${option.reason} (${option.default === "" ? "none" : option.default})`;
    if (option.kind === "list" && flag === "--sources") {
      command.option(
        "--source <source>",
        option.reason,
        (value: string, all: string[] | undefined) => [...(all ?? []), value],
      );
    } else {
      command.option(shape, told);
    }
  }
  return command.option(
    "--config <file>",
    `the file to read (${DEFAULT_FILE}, where there is one)`,
  );
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
  const file = typeof given.config === "string" ? given.config : env.PENSTOCK_CONFIG;
  const yamlName = file ?? DEFAULT_FILE;
  return loadConfig({ flags, env, yaml: readYaml(yamlName, file !== undefined), yamlName });
}

function readYaml(path: string, isNamed: boolean): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (caught) {
    if (!isNamed) return undefined;
    throw new ConfigError(
      `${path} cannot be read: ${caught instanceof Error ? caught.message : String(caught)}`,
    );
  }
}
