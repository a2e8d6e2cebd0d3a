/**
 * Configuration: one schema out of every room's options, from which flags, variables, the file and
 * its example come. It promises that an unknown or wrong option stops the start, named.
 */
export { type Config, ConfigError, type ConfigInput, loadConfig } from "./config.ts";
export { exampleYaml } from "./example.ts";
export { type NamedOption, namedOptions } from "./names.ts";
