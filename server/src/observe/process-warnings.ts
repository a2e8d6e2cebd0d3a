import { channel } from "node:diagnostics_channel";

const logs = channel("penstock.log");

/**
 * Writes what the runtime warns of into the log, whose every line is JSON, instead of to standard
 * error as text; until there is a log, as the runtime does. That a feature of the runtime is
 * experimental concerns those who build on it, and is told at `debug`.
 *
 * @returns leaves the warnings to the runtime again
 */
export function logWarnings(): () => void {
  const before = process.listeners("warning");
  const tell = (warning: Error & { readonly code?: string }): void => {
    if (!logs.hasSubscribers) {
      for (const listener of before) listener(warning);
      return;
    }
    const { name, message, code, stack } = warning;
    const level = name === "ExperimentalWarning" ? "debug" : "warn";
    logs.publish({ level, msg: "the runtime warns", name, code, warning: message, stack });
  };
  process.removeAllListeners("warning");
  process.on("warning", tell);
  return () => {
    process.removeListener("warning", tell);
    for (const listener of before) process.on("warning", listener);
  };
}
